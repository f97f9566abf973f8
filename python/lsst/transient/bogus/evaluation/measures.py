# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metric rows of a survey: injections against the rest, and without labels."""

from __future__ import annotations

__all__ = (
    "count_metrics",
    "headline_metrics",
    "label_free_metrics",
    "operating_point_metrics",
    "unit_metrics",
)

import dataclasses
from collections.abc import Mapping

import numpy as np
from astropy.table import Table

from ..binned import brier_score, expected_calibration_error, wilson_interval
from ..errors import InsufficientDataError
from ..metrics import bootstrap_metrics, confusion
from ..purity import LabelFreeRates, label_free_rates
from ..ranking import area_under_roc
from ..resampling import Estimate
from .rows import MetricRow, metric_rows
from .subsets import comparable_strata


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


def unit_metrics(sources: Table, unit: str, threshold: float) -> list[MetricRow]:
    """Measure every visit or every detector by itself.

    Parameters
    ----------
    sources
        Evaluated detections.
    unit
        Column: ``visit`` or ``detector``.
    threshold
        Working threshold.

    Returns
    -------
    rows : `list` [`MetricRow`]
        Numbers, sensitivity and specificity with Wilson intervals, and area under the ROC
        curve of each unit.
    """
    rows: list[MetricRow] = []
    values = np.asarray(sources[unit])
    for value in np.unique(values):
        mask = values == value
        label, rank = np.asarray(sources["label"])[mask], np.asarray(sources["rank"])[mask]
        matrix = confusion(label, rank, threshold)
        n = matrix.n
        measured: dict[str, Estimate] = {
            "n_detections": Estimate(n, n=n),
            "n_injected_detected": Estimate(matrix.tp + matrix.fn, n=n),
            "auc": Estimate(area_under_roc(label, rank), n=n),
        }
        for name, hits, trials in (
            ("sensitivity", matrix.tp, matrix.tp + matrix.fn),
            ("specificity", matrix.tn, matrix.tn + matrix.fp),
        ):
            low, high = wilson_interval(np.array([hits]), np.array([trials]))
            value_or_nan = hits / trials if trials else np.nan
            measured[name] = Estimate(value_or_nan, float(low[0]), float(high[0]), trials)
        rows += metric_rows(f"{unit}={value}", "injected", measured)
    return rows


def operating_point_metrics(
    sources: Table, points: Mapping[str, float], *, rng: np.random.Generator, n_strata: int
) -> list[MetricRow]:
    """Measure the confusion and the label-free purity at several thresholds.

    Parameters
    ----------
    sources
        Evaluated detections.
    points
        Threshold of each named operating point.
    rng
        Source of randomness.
    n_strata
        Number of bins of significance of the label-free estimate.

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
        rates = rates_without_labels(sources, threshold, rng=rng, n_strata=n_strata, n_resamples=100)
        if rates is not None:
            rows += metric_rows(f"at:{name}", "label_free", _rate_values(rates))
    return rows


def label_free_metrics(
    sources: Table,
    subsets: Mapping[str, np.ndarray],
    threshold: float,
    *,
    rng: np.random.Generator,
    n_resamples: int,
    n_strata: int,
    min_injected: int = 30,
) -> list[MetricRow]:
    """Estimate contamination, rates and purity of every subset, without labels.

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
    n_strata
        Number of bins of significance.
    min_injected
        Subsets with fewer injections or others are left out.

    Returns
    -------
    rows : `list` [`MetricRow`]
        ``contamination``, ``tpr``, ``fpr`` and ``purity`` of the unlabelled detections.
    """
    positive = np.asarray(sources["label"]) == 1
    rows: list[MetricRow] = []
    for name, mask in subsets.items():
        if min(np.sum(mask & positive), np.sum(mask & ~positive)) < min_injected:
            continue
        rates = rates_without_labels(
            sources[mask], threshold, rng=rng, n_strata=n_strata, n_resamples=n_resamples
        )
        if rates is not None:
            rows += metric_rows(name, "label_free", _rate_values(rates))
    return rows


def rates_without_labels(
    sources: Table, threshold: float, *, rng: np.random.Generator, n_strata: int, n_resamples: int
) -> LabelFreeRates | None:
    """Estimate the label-free rates of a table of detections.

    Parameters
    ----------
    sources
        Evaluated detections.
    threshold
        Score at or above which a detection is selected.
    rng
        Source of randomness of the bootstrap over visits.
    n_strata
        Number of bins of significance; see `comparable_strata`.
    n_resamples
        Number of resamples.

    Returns
    -------
    rates : `LabelFreeRates` or `None`
        `None` where there is too little to estimate anything.
    """
    positive = np.asarray(sources["label"]) == 1
    if not positive.any() or positive.all() or not np.isfinite(threshold):
        return None
    rank, visit = np.asarray(sources["rank"]), np.asarray(sources["visit"])
    stratum = comparable_strata(sources, n_strata)
    try:
        return label_free_rates(
            rank[~positive],
            rank[positive],
            threshold,
            group_unlabelled=visit[~positive],
            group_injected=visit[positive],
            stratum_unlabelled=stratum[~positive],
            stratum_injected=stratum[positive],
            rng=rng,
            n_resamples=n_resamples,
        )
    except InsufficientDataError:
        return None


def _rate_values(rates: LabelFreeRates) -> dict[str, Estimate | float]:
    values = {f.name: getattr(rates, f.name) for f in dataclasses.fields(rates) if f.name != "threshold"}
    return {"contamination": values.pop("alpha"), **values}
