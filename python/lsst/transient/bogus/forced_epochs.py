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

from .epochs import Columns, no_score, no_truth, values
from .matching import nearest, pairs_within

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
    injection_radius_arcsec: float = 0.0,
) -> tuple[Columns, npt.NDArray[np.int64]]:
    """Give forced photometry to the objects at whose positions it was made.

    Parameters
    ----------
    forced
        Forced photometry of all visits with `FORCED_COLUMNS`.
    detections
        Columns ``visit``, ``ra``, ``dec`` and ``is_injected`` of the detections,
        each of shape (N,).
    owner
        Object of each detection, shape (N,).
    ra, dec
        Mean positions of the objects in degrees, shape (M,).
    radius_arcsec
        Largest separation of the forced position from the object.
    injection_radius_arcsec
        A forced flux is flagged if an injection was detected in the same visit
        within this radius.

    Returns
    -------
    epochs : `dict` [`str`, `numpy.ndarray`]
        The columns of `gather_detections` for the epochs at which an object was
        not detected: the nearest usable measurement per object and visit.
        ``is_injected`` tells of forced fluxes that hold an injection.
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
    rows = rows[~_is_among(target[rows], visit[rows], owner, np.asarray(detections["visit"]))]
    n = len(rows)
    epochs: Columns = no_score(n) | no_truth(n)
    epochs |= {
        "diaSourceId": np.zeros(n, np.int64),
        "visit": visit[rows],
        "detector": values(forced, "detector", np.int32)[rows],
        "band": values(forced, "band", str)[rows],
        "midpointMjdTai": values(forced, "midpointMjdTai", np.float64)[rows],
        "ra": lon[rows],
        "dec": lat[rows],
        "psfFlux": flux[rows],
        "psfFluxErr": error[rows],
        "snr": np.abs(flux[rows] / error[rows]),
        "is_forced": np.ones(n, bool),
        "position_error": np.full(n, np.nan),
    }
    if injection_radius_arcsec > 0:
        epochs["is_injected"] = _holds_injection(epochs, detections, injection_radius_arcsec)
    return epochs, target[rows]


def _is_among(
    owner: npt.NDArray[np.int64],
    visit: npt.NDArray[np.int64],
    known_owner: npt.NDArray[np.int64],
    known_visit: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Tell which pairs of owner and visit are among known ones."""
    visits, place = np.unique(np.concatenate([visit, known_visit]), return_inverse=True)
    key = np.concatenate([owner, known_owner]) * np.int64(len(visits)) + place
    return np.isin(key[: len(owner)], key[len(owner) :])


def _holds_injection(
    epochs: Columns, detections: Mapping[str, np.ndarray], radius_arcsec: float
) -> npt.NDArray[np.bool_]:
    """Tell at which epochs an injection was detected near the forced position."""
    held = np.zeros(len(epochs["visit"]), bool)
    injected = {
        name: np.asarray(detections[name])[detections["is_injected"]] for name in ("visit", "ra", "dec")
    }
    i, j, _ = pairs_within(
        epochs["ra"], epochs["dec"], injected["ra"], injected["dec"], radius_arcsec=radius_arcsec
    )
    held[i[epochs["visit"][i] == injected["visit"][j]]] = True
    return held
