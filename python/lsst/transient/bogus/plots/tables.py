# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pick values and curves out of the tables that figures are drawn from."""

from __future__ import annotations

__all__ = ("EvaluationTables", "metric_estimate", "points", "subsets_of")

import dataclasses

import numpy as np
from astropy.table import Table

from ..resampling import Estimate


@dataclasses.dataclass(frozen=True)
class EvaluationTables:
    """All that the figures of an evaluation are drawn from.

    Parameters
    ----------
    metrics
        Table of the schema ``METRICS``.
    curves
        Table of the schema ``CURVES``.
    embedding
        Table of the schema ``EMBEDDING``, if there is one.
    history
        Table of the schema ``TRAINING_HISTORY``, if there is one.
    clusters
        Table of the schema ``CLUSTERS``, if there is one.
    """

    metrics: Table
    curves: Table
    embedding: Table | None = None
    history: Table | None = None
    clusters: Table | None = None


def metric_estimate(
    metrics: Table, metric: str, subset: str = "all", reference: str = "injected"
) -> Estimate:
    """Look up one metric.

    Parameters
    ----------
    metrics
        Table of the schema ``METRICS``.
    metric
        Name of the metric.
    subset
        Subset of the detections.
    reference
        What the scores are compared with.

    Returns
    -------
    estimate : `Estimate`
        NaN if there is no such row.
    """
    mask = (metrics["metric"] == metric) & (metrics["subset"] == subset) & (metrics["reference"] == reference)
    rows = metrics[mask]
    if len(rows) == 0:
        return Estimate(np.nan)
    row = rows[0]
    return Estimate(float(row["value"]), float(row["low"]), float(row["high"]), int(row["n"]))


def points(curves: Table, curve: str, subset: str, reference: str = "injected") -> Table:
    """Look up the points of one curve.

    Parameters
    ----------
    curves
        Table of the schema ``CURVES``.
    curve
        Name of the curve.
    subset
        Subset of the detections.
    reference
        What the scores are compared with.

    Returns
    -------
    rows : `astropy.table.Table`
        Its rows; empty if there is no such curve.
    """
    mask = (curves["curve"] == curve) & (curves["subset"] == subset) & (curves["reference"] == reference)
    return curves[mask]


def subsets_of(table: Table, *, prefix: str = "", **equal: str) -> list[str]:
    """List the subsets that a table has, in its order.

    Parameters
    ----------
    table
        Table of the schema ``METRICS`` or ``CURVES``.
    prefix
        Keep names that begin so.
    **equal
        Values of other columns.

    Returns
    -------
    names : `list` [`str`]
        Distinct names.
    """
    mask = np.ones(len(table), dtype=bool)
    for name, value in equal.items():
        mask &= np.asarray(table[name]) == value
    return [str(s) for s in dict.fromkeys(table["subset"][mask].tolist()) if str(s).startswith(prefix)]
