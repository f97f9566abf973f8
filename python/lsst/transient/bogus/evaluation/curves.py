# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves and histograms of a survey's scores."""

from __future__ import annotations

__all__ = ("label_free_curves", "ranking_curves", "reliability_curves", "score_histograms")

from collections.abc import Mapping

import numpy as np
from astropy.table import Table

from ..binned import reliability, wilson_interval
from ..ranking import Curve, precision_recall_curve, roc_curve
from ..resampling import SIGMA_PERCENTILES, resampling_weights
from .measures import rates_without_labels
from .rows import CurvePoints

_MAX_POINTS = 500


def _thin(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Keep at most `_MAX_POINTS` points: those at which either axis has moved on."""
    if len(curve.x) <= _MAX_POINTS:
        return curve.x, curve.y
    travelled = np.append(0.0, np.cumsum(np.abs(np.diff(curve.x)) + np.abs(np.diff(curve.y))))
    step = np.floor(travelled / travelled[-1] * (_MAX_POINTS - 2)) if travelled[-1] > 0 else travelled
    keep = np.unique(np.append(np.unique(step, return_index=True)[1], len(step) - 1))
    return curve.x[keep], curve.y[keep]


def ranking_curves(
    sources: Table, subsets: Mapping[str, np.ndarray], *, positive: np.ndarray, reference: str
) -> list[CurvePoints]:
    """Trace the ROC and precision–recall curves of some subsets.

    Parameters
    ----------
    sources
        Evaluated detections.
    subsets
        Mask of each subset.
    positive
        Which detections are positive, shape (N,).
    reference
        What the scores are compared with.

    Returns
    -------
    curves : `list` [`CurvePoints`]
        ``roc`` (x false, y true positive rate) and ``precision_recall`` (x recall, y
        precision); subsets without both classes are left out.
    """
    rank = np.asarray(sources["rank"])
    curves = []
    for name, mask in subsets.items():
        label = positive[mask].astype(int)
        if label.sum() in (0, len(label)):
            continue
        n = len(label)
        for kind, function in (("roc", roc_curve), ("precision_recall", precision_recall_curve)):
            curves.append(CurvePoints(kind, name, reference, *_thin(function(label, rank[mask])), n=n))
    return curves


def score_histograms(sources: Table, *, n_bins: int = 40) -> list[CurvePoints]:
    """Count scores in bins: of the full data set, of the injections and of the rest.

    Parameters
    ----------
    sources
        Evaluated detections; a column ``true_kind`` adds the hidden real ones.
    n_bins
        Number of bins between 0 and 1.

    Returns
    -------
    curves : `list` [`CurvePoints`]
        ``score_histogram`` and ``score_raw_histogram``: x the bin centre, y and n the number.
    """
    label = np.asarray(sources["label"]) == 1
    kinds = {"all": np.ones(len(label), dtype=bool), "injected": label, "unlabelled": ~label}
    if "true_kind" in sources.colnames:
        kinds["hidden"] = ~label & (np.asarray(sources["true_kind"]) != "")
    centres = (np.arange(n_bins) + 0.5) / n_bins
    curves = []
    for column in ("score", "score_raw"):
        bins = np.clip((np.asarray(sources[column]) * n_bins).astype(int), 0, n_bins - 1)
        for name, mask in kinds.items():
            number = np.bincount(bins[mask], minlength=n_bins)
            reference = "truth" if name == "hidden" else "injected"
            curves.append(
                CurvePoints(f"{column}_histogram", name, reference, centres, number.astype(float), n=number)
            )
    return curves


def reliability_curves(
    sources: Table, *, contamination: float, rng: np.random.Generator, n_resamples: int, n_bins: int = 10
) -> list[CurvePoints]:
    """Compare predicted with observed frequencies.

    Parameters
    ----------
    sources
        Evaluated detections; a column ``true_kind`` adds the comparison with the truth.
    contamination
        Label-free fraction of real among the unlabelled; NaN leaves out that comparison.
    rng
        Source of randomness of the bootstrap over visits.
    n_resamples
        Number of resamples.
    n_bins
        Number of bins of probability.

    Returns
    -------
    curves : `list` [`CurvePoints`]
        ``reliability_raw``: the networks' mean output against the share of injections.
        ``reliability``: the calibrated probability of unlabelled detections against the
        share of real ones, estimated without labels and, in simulations, true.
    """
    label = np.asarray(sources["label"]) == 1
    predicted, observed, number, events = reliability(label, np.asarray(sources["score_raw"]), n_bins=n_bins)
    low, high = wilson_interval(events, number)
    curves = [CurvePoints("reliability_raw", "all", "injected", predicted, observed, low, high, number)]
    score = np.asarray(sources["score"])
    if "true_kind" in sources.colnames:
        real = (np.asarray(sources["true_kind"]) != "")[~label]
        predicted, observed, number, events = reliability(real, score[~label], n_bins=n_bins)
        low, high = wilson_interval(events, number)
        curves.append(
            CurvePoints("reliability", "unlabelled", "truth", predicted, observed, low, high, number)
        )
    if np.isfinite(contamination) and label.any() and not label.all():
        curves.append(_label_free_reliability(sources, contamination, rng, n_resamples, n_bins))
    return curves


def _label_free_reliability(
    sources: Table, contamination: float, rng: np.random.Generator, n_resamples: int, n_bins: int
) -> CurvePoints:
    """Divide the real detections that injections predict in each bin by those that are there."""
    label, score = np.asarray(sources["label"]) == 1, np.asarray(sources["score"])
    bins = np.clip((score * n_bins).astype(int), 0, n_bins - 1)
    groups = np.unique(np.asarray(sources["visit"]), return_inverse=True)[1]
    n_groups = int(groups.max()) + 1
    counts = [
        np.bincount(groups[mask] * n_bins + bins[mask], minlength=n_groups * n_bins).reshape(n_groups, n_bins)
        for mask in (~label, label)
    ]
    weights = np.concatenate([np.ones((1, n_groups)), resampling_weights(n_groups, n_resamples, rng)])
    unlabelled, injected = (weights @ c for c in counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = contamination * unlabelled.sum(1) / injected.sum(1)
        share = np.clip(expected[:, None] * injected / unlabelled, 0.0, 1.0)
        predicted = np.bincount(bins[~label], weights=score[~label], minlength=n_bins) / unlabelled[0]
    share[~np.isfinite(share)] = np.nan
    low, high = np.full(n_bins, np.nan), np.full(n_bins, np.nan)
    filled = np.isfinite(share[1:]).any(axis=0)
    if n_groups > 1 and filled.any():
        low[filled], high[filled] = np.nanpercentile(share[1:, filled], SIGMA_PERCENTILES, axis=0)
    number = counts[0].sum(0)
    return CurvePoints("reliability", "unlabelled", "label_free", predicted, share[0], low, high, number)


def label_free_curves(
    sources: Table, *, rng: np.random.Generator, n_strata: int, n_resamples: int, n_points: int = 25
) -> list[CurvePoints]:
    """Trace the label-free purity and rates against the threshold.

    Parameters
    ----------
    sources
        Evaluated detections; a column ``true_kind`` adds the true purity.
    rng
        Source of randomness of the bootstrap over visits.
    n_strata
        Number of signal-to-noise strata.
    n_resamples
        Number of resamples.
    n_points
        Number of thresholds: quantiles of the injections' scores.

    Returns
    -------
    curves : `list` [`CurvePoints`]
        ``purity`` against ``x`` = completeness of the detected real sources
        (``purity_completeness``) and against the threshold (``purity``).
    """
    label, rank = np.asarray(sources["label"]) == 1, np.asarray(sources["rank"])
    if not label.any():
        return []
    thresholds = np.unique(np.quantile(rank[label], np.linspace(0.01, 0.99, n_points), method="lower"))
    found = [
        (t, rates)
        for t in thresholds
        if (rates := rates_without_labels(sources, t, rng=rng, n_strata=n_strata, n_resamples=n_resamples))
    ]
    if not found:
        return []
    x = np.array([t for t, _ in found])
    purity = [r.purity for _, r in found]
    y, low, high = (np.array([getattr(p, k) for p in purity]) for k in ("value", "low", "high"))
    number = np.array([p.n for p in purity])
    tpr = np.array([r.tpr.value for _, r in found])
    curves = [
        CurvePoints("purity", "unlabelled", "label_free", x, y, low, high, number),
        CurvePoints("purity_completeness", "unlabelled", "label_free", tpr, y, low, high, number),
    ]
    if "true_kind" in sources.colnames:
        real = np.asarray(sources["true_kind"])[~label] != ""
        above = rank[~label][None, :] >= x[:, None]
        selected = above.sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            truth = (above & real).sum(1) / selected
            recovered = (above & real).sum(1) / real.sum()
        curves.append(CurvePoints("purity", "unlabelled", "truth", x, truth, n=selected))
        curves.append(CurvePoints("purity_completeness", "unlabelled", "truth", recovered, truth, n=selected))
    return curves
