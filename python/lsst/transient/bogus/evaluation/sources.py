# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that evaluation works on: every DIA source with its label and score."""

from __future__ import annotations

__all__ = (
    "DIA_SOURCE_COLUMNS",
    "LABEL_COLUMNS",
    "SCORE_COLUMNS",
    "evaluated",
    "join_sources",
    "stack_tables",
)

from collections.abc import Sequence

import numpy as np
from astropy.table import Table, vstack

from ..columns import LABELS, SCORES
from ..errors import TableSchemaError

DIA_SOURCE_COLUMNS = (
    "diaSourceId",
    "ra",
    "dec",
    "psfFlux",
    "psfFluxErr",
    "templateFlux",
    "templateFluxErr",
)
"""Columns read of a DIA source table."""

LABEL_COLUMNS = ("diaSourceId", "label", "injected_mag", "is_hostless", "is_ambiguous", "snr", "sign", "band")
"""Columns read of a label table."""

SCORE_COLUMNS = ("diaSourceId", "score", "score_raw")
"""Columns read of a score table."""


def join_sources(dia_sources: Table, labels: Table, scores: Table, *, visit: int, detector: int) -> Table:
    """Put what is known of the DIA sources of one detector into one table.

    Parameters
    ----------
    dia_sources
        DIA sources, with `DIA_SOURCE_COLUMNS`.
    labels
        Their labels, row by row, with `LABEL_COLUMNS`.
    scores
        Their scores, row by row, with `SCORE_COLUMNS`.
    visit
        Visit.
    detector
        Detector.

    Returns
    -------
    sources : `astropy.table.Table`
        One row per DIA source.  ``rank`` is the score with ties broken by the raw score;
        ``template_snr`` is the significance of whatever the template shows there.

    Raises
    ------
    TableSchemaError
        Raised if columns are missing or the tables are not row-aligned.
    """
    where = f"visit {visit}, detector {detector}"
    LABELS.check(labels, LABEL_COLUMNS, where=where)
    SCORES.check(scores, SCORE_COLUMNS, where=where)
    ids = np.asarray(dia_sources["diaSourceId"])
    for name, table in (("labels", labels), ("scores", scores)):
        if not np.array_equal(ids, np.asarray(table["diaSourceId"])):
            raise TableSchemaError(
                f"The {name} of {where} are not row-aligned with its DIA sources: "
                f"{len(table)} rows against {len(ids)}, or other identifiers."
            )
    score = np.asarray(scores["score"], dtype=np.float64)
    raw = np.asarray(scores["score_raw"], dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        template_snr = _plain(dia_sources, "templateFlux") / _plain(dia_sources, "templateFluxErr")
    return Table(
        {
            "diaSourceId": ids,
            "visit": np.full(len(ids), visit, dtype=np.int64),
            "detector": np.full(len(ids), detector, dtype=np.int32),
            "band": np.asarray(labels["band"], dtype=str),
            "ra": _plain(dia_sources, "ra"),
            "dec": _plain(dia_sources, "dec"),
            "flux": _plain(dia_sources, "psfFlux"),
            "flux_err": _plain(dia_sources, "psfFluxErr"),
            "template_snr": template_snr,
            **{name: np.asarray(labels[name]) for name in ("snr", "sign", "label", "injected_mag")},
            **{name: np.asarray(labels[name], dtype=bool) for name in ("is_hostless", "is_ambiguous")},
            "score": score,
            "score_raw": raw,
            # Far below the spacing of float32 scores: orders ties without moving any score.
            "rank": score + 1e-9 * raw,
        }
    )


def _plain(table: Table, name: str) -> np.ndarray:
    """Return a column as float64 without a mask."""
    return np.ma.filled(np.ma.asarray(table[name], dtype=np.float64), np.nan)


def stack_tables(tables: Sequence[Table]) -> Table:
    """Put tables of the same columns below each other, without their metadata.

    Parameters
    ----------
    tables
        At least one table.

    Returns
    -------
    table : `astropy.table.Table`
        All rows, in the order given.
    """
    return vstack(list(tables), join_type="exact", metadata_conflicts="silent")


def evaluated(sources: Table) -> Table:
    """Keep the rows that metrics are computed from: scored and not ambiguous.

    Parameters
    ----------
    sources
        As made by `join_sources`.

    Returns
    -------
    table : `astropy.table.Table`
        Rows with a finite score whose label is certain enough.
    """
    return sources[np.isfinite(sources["rank"]) & ~sources["is_ambiguous"]]
