# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the metric and curve tables, before they are tables."""

from __future__ import annotations

__all__ = ("CurvePoints", "MetricRow", "curve_table", "metric_rows", "metric_table")

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from astropy.table import Table

from ..columns import CURVES, METRICS
from ..resampling import Estimate


@dataclasses.dataclass(frozen=True)
class MetricRow:
    """One metric of one subset.

    Parameters
    ----------
    metric
        Name of the metric.
    subset
        Subset of the detections.
    reference
        What the scores are compared with: ``injected``, ``truth`` or ``label_free``.
    estimate
        Value, interval and number.
    """

    metric: str
    subset: str
    reference: str
    estimate: Estimate


@dataclasses.dataclass(frozen=True)
class CurvePoints:
    """The points of one curve.

    Parameters
    ----------
    curve
        Name of the curve.
    subset
        Subset of the detections.
    reference
        What the scores are compared with.
    x
        Abscissae, shape (T,).
    y
        Ordinates, shape (T,).
    low
        Lower ends of the 68 % intervals, shape (T,) or a scalar.
    high
        Upper ends of the 68 % intervals, shape (T,) or a scalar.
    n
        Number of detections behind each point, shape (T,) or a scalar.
    """

    curve: str
    subset: str
    reference: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | float = np.nan
    high: np.ndarray | float = np.nan
    n: np.ndarray | int = 0


def metric_rows(subset: str, reference: str, values: Mapping[str, Estimate | float]) -> list[MetricRow]:
    """Make one row of each named value.

    Parameters
    ----------
    subset
        Subset of the detections.
    reference
        What the scores are compared with.
    values
        Values by name of the metric.

    Returns
    -------
    rows : `list` [`MetricRow`]
        In the order given.
    """
    return [
        MetricRow(name, subset, reference, value if isinstance(value, Estimate) else Estimate(float(value)))
        for name, value in values.items()
    ]


def metric_table(rows: Sequence[MetricRow], *, meta: Mapping[str, Any] | None = None) -> Table:
    """Make the table of metrics.

    Parameters
    ----------
    rows
        Rows.
    meta
        Table metadata (JSON types only).

    Returns
    -------
    table : `astropy.table.Table`
        Table of the schema ``METRICS``.
    """
    data = {name: np.array([getattr(r, name) for r in rows], dtype=str) for name in _NAMES}
    numbers = {
        name: np.array([getattr(r.estimate, name) for r in rows]) for name in ("value", "low", "high", "n")
    }
    return METRICS.build(data | numbers, meta=meta)


_NAMES = ("metric", "subset", "reference")


def curve_table(curves: Iterable[CurvePoints], *, meta: Mapping[str, Any] | None = None) -> Table:
    """Make the table of curves.

    Parameters
    ----------
    curves
        Curves.
    meta
        Table metadata (JSON types only).

    Returns
    -------
    table : `astropy.table.Table`
        Table of the schema ``CURVES``.
    """
    parts: dict[str, list[np.ndarray]] = {name: [] for name in CURVES.names}
    for points in curves:
        shape = np.shape(points.x)
        for name, values in parts.items():
            values.append(np.broadcast_to(np.asarray(getattr(points, name)), shape))
    if not parts["x"]:
        return CURVES.empty(meta=meta)
    return CURVES.build({name: np.concatenate(values) for name, values in parts.items()}, meta=meta)
