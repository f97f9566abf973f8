# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forced photometry at the epochs at which an object was not detected."""

from __future__ import annotations

__all__ = ("FORCED_COLUMNS", "join_forced")

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from .epochs import Columns, values
from .matching import nearest

FORCED_COLUMNS = (
    "visit",
    "detector",
    "band",
    "midpointMjdTai",
    "ra",
    "dec",
    "psfDiffFlux",
    "psfDiffFluxErr",
    "psfDiffFlux_flag",
)


def join_forced(
    forced: Table,
    detections: Mapping[str, np.ndarray],
    owner: npt.NDArray[np.int64],
    ra: npt.NDArray[np.float64],
    dec: npt.NDArray[np.float64],
    *,
    radius_arcsec: float,
) -> tuple[Columns, npt.NDArray[np.int64]]:
    """Give forced photometry to the objects at whose positions it was made.

    Parameters
    ----------
    forced
        Forced photometry of all visits with `FORCED_COLUMNS`.
    detections
        Columns of the detections; ``visit`` is used, shape (N,).
    owner
        Object of each detection, shape (N,).
    ra, dec
        Mean positions of the objects in degrees, shape (M,).
    radius_arcsec
        Largest separation of the forced position from the object.

    Returns
    -------
    epochs : `dict` [`str`, `numpy.ndarray`]
        The columns of `gather_detections` for the epochs at which an object was
        not detected: the nearest usable measurement per object and visit.
    owner : `numpy.ndarray`
        Object of each, int64.
    """
    flux, error = (values(forced, name, np.float64) for name in ("psfDiffFlux", "psfDiffFluxErr"))
    lon, lat = values(forced, "ra", np.float64), values(forced, "dec", np.float64)
    visit = values(forced, "visit", np.int64)
    target, separation = nearest(lon, lat, ra, dec)
    usable = ~values(forced, "psfDiffFlux_flag", np.bool_) & np.isfinite(flux) & (error > 0)
    usable &= (target >= 0) & (np.nan_to_num(separation, nan=np.inf) <= radius_arcsec)
    rows = np.flatnonzero(usable)
    rows = rows[np.lexsort((separation[rows], visit[rows], target[rows]))]
    key = np.stack([target[rows], visit[rows]], axis=1)
    rows = rows[np.any(np.diff(key, axis=0, prepend=-1) != 0, axis=1)]
    detected = set(zip(owner.tolist(), np.asarray(detections["visit"]).tolist(), strict=True))
    pairs = zip(target[rows].tolist(), visit[rows].tolist(), strict=True)
    rows = rows[np.fromiter((pair not in detected for pair in pairs), bool, len(rows))]
    unknown = np.full(len(rows), np.nan)
    epochs: Columns = {
        "visit": visit[rows],
        "detector": values(forced, "detector", np.int32)[rows],
        "band": values(forced, "band", str)[rows],
        "midpointMjdTai": values(forced, "midpointMjdTai", np.float64)[rows],
        "ra": lon[rows],
        "dec": lat[rows],
    }
    epochs |= {
        "diaSourceId": np.zeros(len(rows), np.int64),
        "psfFlux": flux[rows],
        "psfFluxErr": error[rows],
        "snr": np.abs(flux[rows] / error[rows]),
        "is_forced": np.ones(len(rows), bool),
        "is_injected": np.zeros(len(rows), bool),
        **dict.fromkeys(("x", "y", "xErr", "yErr", "score", "score_std", "position_error"), unknown),
    }
    return epochs, target[rows]
