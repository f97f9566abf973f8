# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of results."""

from __future__ import annotations

__all__ = ("CURVES", "METRICS")

from ._schema import Column, TableSchema

METRICS = TableSchema(
    "transient_bogus_metrics",
    ("instrument",),
    "One row per metric and subset.",
    (
        Column("metric", "str", "Name of the metric."),
        Column("subset", "str", "Subset of the detections: all, snr_gt_8, matched, band=r, ..."),
        Column("reference", "str", "What the scores are compared with: injected, truth or label_free."),
        Column("value", "f8", "Value."),
        Column("low", "f8", "Lower end of the 68 % interval; NaN if none."),
        Column("high", "f8", "Upper end of the 68 % interval; NaN if none."),
        Column("n", "i8", "Number of detections the metric is computed from."),
    ),
)

CURVES = TableSchema(
    "transient_bogus_curves",
    ("instrument",),
    "One row per point of a curve or bin of a histogram.",
    (
        Column(
            "curve", "str", "Name of the curve: roc, precision_recall, reliability, completeness_mag, ..."
        ),
        Column("subset", "str", "Subset of the detections."),
        Column("reference", "str", "What the scores are compared with: injected, truth or label_free."),
        Column("x", "f8", "Abscissa (for a bin: its centre)."),
        Column("y", "f8", "Ordinate; NaN where undefined."),
        Column("low", "f8", "Lower end of the 68 % interval; NaN if none."),
        Column("high", "f8", "Upper end of the 68 % interval; NaN if none."),
        Column("n", "i8", "Number of detections behind the point."),
    ),
)
