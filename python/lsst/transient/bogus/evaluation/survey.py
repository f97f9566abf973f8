# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole evaluation of a survey: one table of detections in, metrics and curves out."""

from __future__ import annotations

__all__ = ("EvaluationSettings", "SurveyEvaluation", "evaluate_survey")

import dataclasses

import numpy as np
from astropy.table import Table

from ..resampling import Estimate
from ..seeds import generator
from .completeness import completeness_curves, completeness_metrics
from .curves import ranking_curves, reliability_curves, score_histograms
from .label_free import (
    DEFAULT_TOLERANCE,
    label_free_curves,
    label_free_metrics,
    label_free_points,
    label_free_reliability,
    survey_posterior,
)
from .measures import count_metrics, headline_metrics, operating_point_metrics, unit_metrics
from .rows import CurvePoints, MetricRow, curve_table, metric_rows, metric_table
from .sources import evaluated
from .subsets import standard_subsets
from .thresholds import choose_threshold, operating_points
from .truth_classes import class_metrics
from .truth_metrics import detection_metrics, recovery_curves, truth_metrics

_SNR_CURVE_EDGES = (3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 14.0, 20.0, 30.0, 50.0, 100.0, 300.0)

FALLBACK_THRESHOLD = 0.5
"""Working threshold where there is nothing to choose it on: no injections, or nothing else."""


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """How a survey is evaluated.

    Parameters
    ----------
    threshold_rule
        Rule by which the working threshold is chosen.
    threshold_value
        Number that the rule needs.
    snr_cut
        Significance above which detections are in the bright subset.
    snr_edges
        Ascending lower edges of the bins of significance.
    n_resamples
        Number of bootstrap resamples.
    tolerance
        How far real detections may be unlike injections; see `survey_posterior`.
    seed
        Seed of the bootstrap.
    """

    threshold_rule: str = "balanced"
    threshold_value: float = 0.5
    snr_cut: float = 8.0
    snr_edges: tuple[float, ...] = (5.0, 6.0, 8.0, 12.0, 20.0, 50.0)
    n_resamples: int = 300
    tolerance: float = DEFAULT_TOLERANCE
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class SurveyEvaluation:
    """Tables of an evaluation.

    Parameters
    ----------
    metrics
        Table of the schema ``METRICS``.
    curves
        Table of the schema ``CURVES``.
    threshold
        Working threshold.
    """

    metrics: Table
    curves: Table
    threshold: float


def evaluate_survey(
    sources: Table, injections: Table | None, truths: Table | None, settings: EvaluationSettings
) -> SurveyEvaluation:
    """Measure everything.

    Parameters
    ----------
    sources
        All detections, as made by `join_sources`; a column ``true_kind`` adds the
        comparison with the truth.
    injections
        All injections, as made by `injection_table`, if known.
    truths
        All true changes, as made by `truth_table`, if known.
    settings
        How.

    Returns
    -------
    evaluation : `SurveyEvaluation`
        Metrics and curves.
    """
    good = evaluated(sources)
    rule = settings.threshold_rule
    rng = generator("evaluate", "label_free", settings.seed)
    posterior = survey_posterior(
        good, rng=rng, n_resamples=settings.n_resamples, tolerance=settings.tolerance
    )
    threshold = choose_threshold(good, rule, settings.threshold_value, posterior=posterior)
    if not np.isfinite(threshold):
        rule, threshold = "fallback", FALLBACK_THRESHOLD
    subsets = standard_subsets(
        good,
        snr_cut=settings.snr_cut,
        snr_edges=settings.snr_edges,
        rng=generator("evaluate", "matched", settings.seed),
    )
    rows = count_metrics(sources)
    rows += metric_rows("all", "injected", {"threshold": Estimate(threshold, n=len(good))})
    curves = score_histograms(good)
    if len(good):
        rows += _metric_rows(good, subsets, threshold, settings)
        curves += _curves(good, subsets, threshold)
    if posterior is not None:
        rows += label_free_metrics(good, posterior, subsets, threshold)
        rows += label_free_points(good, posterior, operating_points(good))
        curves += [*label_free_curves(good, posterior), label_free_reliability(good, posterior)]
    if injections is not None and len(injections):
        rows += completeness_metrics(injections, threshold)
        curves += completeness_curves(injections, threshold, snr_edges=_SNR_CURVE_EDGES)
    if truths is not None:
        rows += detection_metrics(truths)
    meta = {"THRESHOLD_RULE": rule, "THRESHOLD": float(threshold)}
    return SurveyEvaluation(metric_table(rows, meta=meta), curve_table(curves, meta=meta), threshold)


def _metric_rows(
    good: Table, subsets: dict[str, np.ndarray], threshold: float, settings: EvaluationSettings
) -> list[MetricRow]:
    """All metrics that scores allow."""
    rng = generator("evaluate", "metrics", settings.seed)
    n = settings.n_resamples
    rows = headline_metrics(good, subsets, threshold, rng=rng, n_resamples=n)
    rows += operating_point_metrics(good, operating_points(good))
    for unit in ("visit", "detector"):
        rows += unit_metrics(good, unit, threshold, rng=rng, n_resamples=max(n // 3, 10))
    if "true_kind" in good.colnames:
        rows += truth_metrics(good, subsets, threshold, rng=rng, n_resamples=n)
        rows += class_metrics(good, threshold, rng=rng, n_resamples=max(n // 3, 10))
    return rows


def _curves(good: Table, subsets: dict[str, np.ndarray], threshold: float) -> list[CurvePoints]:
    """All curves that scores allow."""
    headline = {k: m for k, m in subsets.items() if k in ("all", "matched") or k.startswith("snr_gt_")}
    positive = np.asarray(good["label"]) == 1
    curves = ranking_curves(good, headline, positive=positive, reference="injected")
    if "true_kind" in good.colnames:
        real = np.asarray(good["true_kind"]) != ""
        hidden = {"unlabelled": ~positive}
        curves += ranking_curves(good, hidden, positive=real, reference="truth")
    curves += reliability_curves(good)
    curves += recovery_curves(good, threshold, snr_edges=_SNR_CURVE_EDGES)
    return curves
