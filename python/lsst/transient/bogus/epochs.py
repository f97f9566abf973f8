# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Epochs of light curves gathered from the tables of many detectors."""

from __future__ import annotations

__all__ = (
    "DIA_COLUMNS",
    "LABEL_COLUMNS",
    "SCORE_COLUMNS",
    "gather_detections",
    "gather_survey",
    "no_score",
    "no_truth",
    "values",
)

from collections.abc import Iterable, Mapping

import numpy as np
from astropy.table import Table

from .errors import TableSchemaError
from .geometry import unit_vectors

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
_ASSOCIATED_TYPES = {n: t for n, t in _DIA_TYPES.items() if n not in ("x", "y", "xErr", "yErr")} | {
    "diaObjectId": np.int64,
    "raErr": np.float64,
    "decErr": np.float64,
}
ASSOCIATED_COLUMNS = tuple(_ASSOCIATED_TYPES)
_SCORE_TYPES = {"score": np.float64, "score_std": np.float64, "score_flag": np.int32}
SCORE_COLUMNS = ("diaSourceId", *_SCORE_TYPES)
_TRUTH_TYPES = {"injection_id": np.int64, "injected_mag": np.float64, "separation": np.float64}
LABEL_COLUMNS = ("diaSourceId", "label", "is_ambiguous", *_TRUTH_TYPES)


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
        `DIA_COLUMNS` but the pixel coordinates, ``score``, ``score_std``,
        ``score_flag``, ``is_injected``, ``is_forced``, ``position_error`` (arcsec)
        and, of the injection that a detection is, ``truth_injection_id``,
        ``truth_mag`` and ``truth_separation`` (arcsec), each of shape (N,).

    Raises
    ------
    TableSchemaError
        Raised if the rows of the tables are not those of the DIA sources.
    """
    detections = {name: values(dia_sources, name, dtype) for name, dtype in _DIA_TYPES.items()}
    n = len(detections["diaSourceId"])
    for name, table in (("scores", scores), ("labels", labels)):
        if table is not None:
            _check_rows(detections["diaSourceId"], values(table, "diaSourceId", np.int64), name, where)
    detections |= no_score(n) | no_truth(n)
    if scores is not None:
        detections |= {name: values(scores, name, dtype) for name, dtype in _SCORE_TYPES.items()}
    if labels is not None:
        detections |= _injections(labels)
    detections["is_forced"] = np.zeros(n, bool)
    scale = _pixel_scale(detections)
    error = scale * np.sqrt(0.5 * (detections["xErr"] ** 2 + detections["yErr"] ** 2))
    detections["position_error"] = np.hypot(np.where(np.isfinite(error), error, 0.0), position_error_floor)
    return {name: column for name, column in detections.items() if name not in ("x", "y", "xErr", "yErr")}


def gather_survey(
    dia_sources: Mapping[tuple[int, int], Table],
    scores: Mapping[tuple[int, int], Table],
    labels: Mapping[tuple[int, int], Table] | None,
    *,
    position_error_floor: float,
) -> Columns:
    """Put the detections of many detectors one below the other.

    Parameters
    ----------
    dia_sources
        DIA sources by visit and detector; at least one table.
    scores
        Their scores; detectors may be missing.
    labels
        Their labels, of every detector; `None` if nothing was injected.
    position_error_floor
        Error in arcsec added in quadrature to each coordinate.

    Returns
    -------
    detections : `dict` [`str`, `numpy.ndarray`]
        As `gather_detections`, in order of visit and detector.

    Raises
    ------
    TableSchemaError
        Raised if the rows of the tables are not those of the DIA sources.
    """
    parts = [
        gather_detections(
            dia_sources[key],
            scores.get(key),
            None if labels is None else labels[key],
            position_error_floor=position_error_floor,
            where=f"visit {key[0]}, detector {key[1]}",
        )
        for key in sorted(dia_sources)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def gather_associated(
    dia_sources: Table,
    scores: Iterable[Table],
    labels: Iterable[Table] | None,
    *,
    position_error_floor: float,
) -> Columns:
    """Join the scores and labels of many detectors to DIA sources that know their object.

    Parameters
    ----------
    dia_sources
        DIA sources with at least `ASSOCIATED_COLUMNS`, in any order.
    scores
        Tables with `SCORE_COLUMNS`, of any detectors.
    labels
        Tables with `LABEL_COLUMNS`, of any detectors; `None` if nothing was
        injected.
    position_error_floor
        Error in arcsec added in quadrature to each coordinate.

    Returns
    -------
    detections : `dict` [`str`, `numpy.ndarray`]
        As `gather_detections`, with ``diaObjectId`` in place of the pixel
        coordinates.  Sources without a score have NaN; sources without a label
        are left out.
    """
    detections = {name: values(dia_sources, name, dtype) for name, dtype in _ASSOCIATED_TYPES.items()}
    n = len(dia_sources)
    known = _look_up(detections["diaSourceId"], scores, dict.fromkeys(_SCORE_TYPES, np.float64))
    known["score_flag"] = np.nan_to_num(known["score_flag"]).astype(np.int32)
    detections |= known | no_truth(n)
    label = ambiguous = np.zeros(n)
    if labels is not None:
        found = _look_up(detections["diaSourceId"], labels, {"label": np.float64, "is_ambiguous": np.float64})
        label, ambiguous = found["label"], found["is_ambiguous"]
    detections["is_injected"] = (label == 1) | (ambiguous == 1)
    detections["is_forced"] = np.zeros(n, bool)
    error = 3600.0 * np.sqrt(0.5 * (detections.pop("raErr") ** 2 + detections.pop("decErr") ** 2))
    detections["position_error"] = np.hypot(np.where(np.isfinite(error), error, 0.0), position_error_floor)
    labelled = np.isfinite(label)
    return {name: column[labelled] for name, column in detections.items()}


def no_score(n: int) -> Columns:
    """Return the columns of detections that have no score.

    Parameters
    ----------
    n
        Number of detections N.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        ``score`` and ``score_std`` (NaN) and ``score_flag`` (0), each of shape (N,).
    """
    return {
        name: np.full(n, np.nan) if dtype is np.float64 else np.zeros(n, dtype)
        for name, dtype in _SCORE_TYPES.items()
    }


def no_truth(n: int) -> Columns:
    """Return the columns of detections that are no injections.

    Parameters
    ----------
    n
        Number of detections N.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        ``is_injected`` (`False`), ``truth_injection_id`` (0), ``truth_mag`` and
        ``truth_separation`` (NaN), each of shape (N,).
    """
    return {
        "is_injected": np.zeros(n, bool),
        "truth_injection_id": np.zeros(n, np.int64),
        "truth_mag": np.full(n, np.nan),
        "truth_separation": np.full(n, np.nan),
    }


def _injections(labels: Table) -> Columns:
    """Return which detections are injections, or too close to one to tell, and which injections."""
    is_one = values(labels, "label", np.int64) == 1
    truth = {name: values(labels, name, dtype) for name, dtype in _TRUTH_TYPES.items()}
    return {
        "is_injected": is_one | values(labels, "is_ambiguous", np.bool_),
        "truth_injection_id": np.where(is_one, truth["injection_id"], 0),
        "truth_mag": np.where(is_one, truth["injected_mag"], np.nan),
        "truth_separation": np.where(is_one, truth["separation"], np.nan),
    }


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


def _look_up(wanted: np.ndarray, tables: Iterable[Table], columns: Mapping[str, type]) -> Columns:
    """Return columns of other tables for some ``diaSourceId``, NaN where there is none."""
    parts = [
        (values(t, "diaSourceId", np.int64), {n: values(t, n, d) for n, d in columns.items()}) for t in tables
    ]
    ids = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in parts)])
    order = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids, wanted, sorter=order)
    found = place < len(ids)
    found[found] = ids[order[place[found]]] == wanted[found]
    looked_up = {}
    for name in columns:
        column = np.concatenate([np.zeros(0), *(part[1][name] for part in parts)])
        looked_up[name] = np.full(len(wanted), np.nan)
        looked_up[name][found] = column[order[place[found]]]
    return looked_up


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
