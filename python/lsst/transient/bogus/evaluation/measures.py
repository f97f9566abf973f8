# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metric rows of a survey: injections against the rest."""

from __future__ import annotations

__all__ = (
    "count_metrics",
    "headline_metrics",
    "operating_point_metrics",
    "unit_metrics",
)

from collections.abc import Mapping

import numpy as np
from astropy.table import Table

from ..binned import brier_score, expected_calibration_error, wilson_interval
from ..metrics import bootstrap_metrics, confusion
from ..resampling import Estimate
from .rows import MetricRow, metric_rows


def count_metrics(sources: Table) -> list[MetricRow]:
    """Count the detections of each kind.

    Parameters
    ----------
    sources
        All detections, as made by `join_sources`.

    Returns
    -------
    rows : `list` [`MetricRow`]
        ``n_dia_sources``, ``n_injected_detected``, ``n_ambiguous``, ``n_unscored``, ``n_visits``.
    """
    counts = {
        "n_dia_sources": len(sources),
        "n_injected_detected": int(np.sum(sources["label"] == 1)),
        "n_ambiguous": int(np.sum(sources["is_ambiguous"])),
        "n_unscored": int(np.sum(~np.isfinite(sources["rank"]))),
        "n_visits": len(np.unique(sources["visit"])),
    }
    return metric_rows("all", "injected", {k: Estimate(v, n=len(sources)) for k, v in counts.items()})


def headline_metrics(
    sources: Table,
    subsets: Mapping[str, np.ndarray],
    threshold: float,
    *,
    rng: np.random.Generator,
    n_resamples: int,
) -> list[MetricRow]:
    """Measure injections against the rest in every subset.

    Parameters
    ----------
    sources
        Evaluated detections.
    subsets
        Mask of each subset.
    threshold
        Working threshold.
    rng
        Source of randomness of the bootstrap over visits.
    n_resamples
        Number of resamples.

    Returns
    -------
    rows : `list` [`MetricRow`]
        All measures of `bootstrap_metrics` with intervals, and for the whole survey the
        Brier score and the calibration error of the networks' mean output.
    """
    label, rank, visit = (np.asarray(sources[name]) for name in ("label", "rank", "visit"))
    rows: list[MetricRow] = []
    for name, mask in subsets.items():
        measured = bootstrap_metrics(
            label[mask], rank[mask], visit[mask], threshold, rng=rng, n_resamples=n_resamples
        )
        rows += metric_rows(name, "injected", measured)
    raw, n = np.asarray(sources["score_raw"]), len(sources)
    calibration = {
        "brier": Estimate(brier_score(label, raw), n=n),
        "ece": Estimate(expected_calibration_error(label, raw), n=n),
    }
    return rows + metric_rows("all", "injected", calibration)


def unit_metrics(
    sources: Table, unit: str, threshold: float, *, rng: np.random.Generator, n_resamples: int
) -> list[MetricRow]:
    """Measure every visit or every detector by itself.

    Parameters
    ----------
    sources
        Evaluated detections.
    unit
        Column: ``visit`` or ``detector``.
    threshold
        Working threshold.
    rng
        Source of randomness of the bootstrap.
    n_resamples
        Number of resamples.

    Returns
    -------
    rows : `list` [`MetricRow`]
        Numbers, sensitivity, specificity and area under the ROC curve of each unit, with
        intervals over visits; of a single visit over its detections, and Wilson's for fractions.
    """
    rows: list[MetricRow] = []
    values = np.asarray(sources[unit])
    for value in np.unique(values):
        mask = values == value
        label, rank, visit = (np.asarray(sources[name])[mask] for name in ("label", "rank", "visit"))
        found = bootstrap_metrics(
            label, rank, visit, threshold, rng=rng, n_resamples=n_resamples, tprs=(), n_levels=100
        )
        n, n_injected = len(label), int(np.sum(label == 1))
        measured = {
            "n_detections": Estimate(n, n=n),
            "n_injected_detected": Estimate(n_injected, n=n),
            "auc": found["auc"],
        }
        for name, hits, trials in (
            ("sensitivity", found["tp"].value, n_injected),
            ("specificity", found["tn"].value, n - n_injected),
        ):
            measured[name] = found[name] if len(np.unique(visit)) > 1 else _wilson(hits, trials)
        rows += metric_rows(f"{unit}={value}", "injected", measured)
    return rows


def _wilson(hits: float, trials: int) -> Estimate:
    low, high = wilson_interval(np.array([hits]), np.array([trials]))
    return Estimate(hits / trials if trials else np.nan, float(low[0]), float(high[0]), trials)


def operating_point_metrics(sources: Table, points: Mapping[str, float]) -> list[MetricRow]:
    """Measure the confusion at several thresholds.

    Parameters
    ----------
    sources
        Evaluated detections.
    points
        Threshold of each named operating point.

    Returns
    -------
    rows : `list` [`MetricRow`]
        Subsets are called ``at:`` and the name of the point.
    """
    label, rank = np.asarray(sources["label"]), np.asarray(sources["rank"])
    rows: list[MetricRow] = []
    for name, threshold in points.items():
        matrix = confusion(label, rank, threshold)
        values: dict[str, Estimate | float] = {"threshold": threshold}
        values |= {k: Estimate(v, n=matrix.n) for k, v in matrix.as_dict().items()}
        rows += metric_rows(f"at:{name}", "injected", values)
    return rows
