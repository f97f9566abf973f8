# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Epochs of light curves gathered from the tables of many detectors."""

from __future__ import annotations

__all__ = (
    "DIA_COLUMNS",
    "FORCED_COLUMNS",
    "LABEL_COLUMNS",
    "SCORE_COLUMNS",
    "gather_detections",
    "join_forced",
)

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from .errors import TableSchemaError
from .geometry import unit_vectors
from .matching import nearest

type Columns = dict[str, np.ndarray]

_DIA_TYPES = {
    "diaSourceId": np.int64,
    "visit": np.int64,
    "detector": np.int32,
    "band": str,
    "midpointMjdTai": np.float64,
    "ra": np.float64,
    "dec": np.float64,
    "x": np.float64,
    "y": np.float64,
    "xErr": np.float64,
    "yErr": np.float64,
    "snr": np.float64,
    "psfFlux": np.float64,
    "psfFluxErr": np.float64,
}
DIA_COLUMNS = tuple(_DIA_TYPES)
SCORE_COLUMNS = ("diaSourceId", "score", "score_std")
LABEL_COLUMNS = ("diaSourceId", "label")
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


def gather_detections(
    dia_sources: Table,
    scores: Table | None,
    labels: Table | None,
    *,
    position_error_floor: float,
    where: str,
) -> Columns:
    """Put one detector's DIA sources, scores and labels side by side.

    Parameters
    ----------
    dia_sources
        DIA sources with at least `DIA_COLUMNS`, N rows.
    scores
        Their scores with `SCORE_COLUMNS`, row by row; `None` if there are none.
    labels
        Their labels with `LABEL_COLUMNS`, row by row; `None` if nothing was
        injected.
    position_error_floor
        Error in arcsec added in quadrature to each coordinate.
    where
        Data ID, for messages.

    Returns
    -------
    detections : `dict` [`str`, `numpy.ndarray`]
        `DIA_COLUMNS`, ``score``, ``score_std``, ``is_injected``, ``is_forced``
        and ``position_error`` (arcsec), each of shape (N,).

    Raises
    ------
    TableSchemaError
        Raised if the rows of the tables are not those of the DIA sources.
    """
    detections = {name: values(dia_sources, name, dtype) for name, dtype in _DIA_TYPES.items()}
    n = len(detections["diaSourceId"])
    unknown = np.full(n, np.nan)
    for name, table in (("scores", scores), ("labels", labels)):
        if table is not None:
            _check_rows(detections["diaSourceId"], values(table, "diaSourceId", np.int64), name, where)
    for name in ("score", "score_std"):
        detections[name] = unknown if scores is None else values(scores, name, np.float64)
    detections["is_injected"] = (
        np.zeros(n, bool) if labels is None else values(labels, "label", np.int64) == 1
    )
    detections["is_forced"] = np.zeros(n, bool)
    scale = _pixel_scale(detections)
    error = scale * np.sqrt(0.5 * (detections["xErr"] ** 2 + detections["yErr"] ** 2))
    detections["position_error"] = np.hypot(np.where(np.isfinite(error), error, 0.0), position_error_floor)
    return detections


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
        name: values(forced, name, _DIA_TYPES[name])[rows]
        for name in ("visit", "detector", "band", "midpointMjdTai", "ra", "dec")
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


def values(table: Table, name: str, dtype: type) -> np.ndarray:
    """Return a column as a plain array: masked values become NaN, 0 or `False`.

    Parameters
    ----------
    table
        Table.
    name
        Name of the column.
    dtype
        Type of the array.

    Returns
    -------
    values : `numpy.ndarray`
        Array of shape (N,).
    """
    column = table[name]
    if np.ma.isMaskedArray(column):
        column = np.ma.filled(column, np.nan if column.dtype.kind == "f" else np.zeros(1, column.dtype)[0])
    return np.asarray(column).astype(dtype)


def _check_rows(expected: np.ndarray, found: np.ndarray, name: str, where: str) -> None:
    """Raise unless two tables have the same rows in the same order."""
    if len(expected) != len(found):
        raise TableSchemaError(f"{where}: {len(found)} rows of {name} for {len(expected)} DIA sources.")
    different = int(np.count_nonzero(expected != found))
    if different:
        raise TableSchemaError(
            f"{where}: {different} of {len(expected)} rows of {name} are of another DIA source; "
            "the tables must come from the same run."
        )


def _pixel_scale(detections: Columns) -> float:
    """Return arcsec per pixel from the positions themselves; NaN if they do not tell."""
    columns = [detections[name] for name in ("x", "y", "ra", "dec")]
    rows = np.flatnonzero(np.all(np.isfinite(columns), axis=0))
    x, y, ra, dec = (column[rows] for column in columns)
    pixels = np.stack([np.ones(len(rows)), x, y], axis=1)
    if len(rows) < 3 or np.linalg.matrix_rank(pixels - [0.0, x.mean(), y.mean()]) < 3:
        return float("nan")
    gradient, *_ = np.linalg.lstsq(pixels, unit_vectors(ra, dec), rcond=None)
    area = float(np.linalg.norm(np.cross(gradient[1], gradient[2])))
    return float(np.sqrt(area) * np.degrees(1.0) * 3600.0)
