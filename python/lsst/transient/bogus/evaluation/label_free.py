# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a survey's unlabelled detections without labels."""

from __future__ import annotations

__all__ = (
    "DEFAULT_TOLERANCE",
    "MIN_INJECTED",
    "label_free_curves",
    "label_free_metrics",
    "label_free_points",
    "label_free_reliability",
    "survey_posterior",
)

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
from astropy.table import Table

from ..posterior import LabelFreeRates, RealPosterior
from ..purity import real_posterior
from ..resampling import Estimate
from .rows import CurvePoints, MetricRow, metric_rows
from .subsets import quantile_strata

MIN_INJECTED = 30
"""Fewest detected injections, of a sign of their own, from which anything is estimated."""

DEFAULT_TOLERANCE = 1.5
"""Scatter of the logarithms of the numbers of real and bogus that score alike; see `real_posterior`."""

_MAX_BINS, _MIN_INJECTED_IN_BIN = 4, 250


def survey_posterior(
    sources: Table, *, rng: np.random.Generator, n_resamples: int, tolerance: float = DEFAULT_TOLERANCE
) -> RealPosterior | None:
    """Say which detections are real, from how the injections score.

    Parameters
    ----------
    sources
        Evaluated detections.
    rng
        Source of randomness.
    n_resamples
        Number of draws.
    tolerance
        How far real detections may be unlike injections; see `real_posterior`.

    Returns
    -------
    posterior : `RealPosterior` or `None`
        One probability and draw for each row of ``sources``; 0 for injections.  `None` with
        fewer than `MIN_INJECTED` injections.

    Notes
    -----
    Real detections are taken to score like injections of the same significance: in up to four
    bins, equally filled by injections, and within each by a covariate.  Positive and negative
    detections are taken apart by themselves, because their bogus differ; where there are not
    enough negative injections, negative detections are compared with the positive ones, as their
    mirror images are shown to the networks.
    """
    injected = np.asarray(sources["label"]) == 1
    if injected.sum() < MIN_INJECTED or injected.all():
        return None
    score, visit = np.asarray(sources["score_raw"]), np.asarray(sources["visit"])
    snr, negative = np.asarray(sources["snr"], dtype=float), np.asarray(sources["sign"]) < 0
    with np.errstate(divide="ignore", invalid="ignore"):
        covariates = np.log(snr)[:, None]
    probability = np.where(np.isfinite(score), 0.0, np.nan)
    draws = np.zeros((n_resamples, len(sources)), dtype=bool)
    for rows, reference in _cells(injected, np.isfinite(score), negative, snr):
        part = real_posterior(
            score[rows],
            score[reference],
            covariates_unlabelled=covariates[rows],
            covariates_injected=covariates[reference],
            group_unlabelled=visit[rows],
            group_injected=visit[reference],
            rng=rng,
            n_resamples=n_resamples,
            tolerance=tolerance,
        )
        probability[rows], draws[:, rows] = part.probability, part.draws
    return RealPosterior(probability, draws)


def _cells(
    injected: np.ndarray, scored: np.ndarray, negative: np.ndarray, snr: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows of unlabelled detections and the mask of the injections they are compared with."""
    for sign in (False, True):
        own = injected & scored & (negative == sign)
        same = own if own.sum() >= MIN_INJECTED else injected & scored
        n_bins = int(np.clip(same.sum() // _MIN_INJECTED_IN_BIN, 1, _MAX_BINS))
        stratum = quantile_strata(snr, snr[same], n_bins)
        for k in range(n_bins):
            rows = np.flatnonzero(~injected & scored & (negative == sign) & (stratum == k))
            reference = same & (stratum == k)
            if len(rows) and reference.any():
                yield rows, reference


def label_free_metrics(
    sources: Table, posterior: RealPosterior, subsets: Mapping[str, np.ndarray], threshold: float
) -> list[MetricRow]:
    """Estimate contamination, rates and purity of every subset, without labels.

    Parameters
    ----------
    sources
        Evaluated detections.
    posterior
        As made by `survey_posterior`.
    subsets
        Mask of each subset.
    threshold
        Working threshold.

    Returns
    -------
    rows : `list` [`MetricRow`]
        ``contamination``, ``tpr``, ``fpr`` and ``purity`` of the unlabelled detections.
    """
    unlabelled = np.asarray(sources["label"]) != 1
    selected = np.asarray(sources["rank"]) >= threshold
    rows: list[MetricRow] = []
    for name, mask in subsets.items():
        if (mask & unlabelled).any():
            rows += metric_rows(
                name, "label_free", _rate_values(posterior.rates(selected, mask & unlabelled))
            )
    return rows


def label_free_points(
    sources: Table, posterior: RealPosterior, points: Mapping[str, float]
) -> list[MetricRow]:
    """Estimate contamination, rates and purity at several thresholds.

    Parameters
    ----------
    sources
        Evaluated detections.
    posterior
        As made by `survey_posterior`.
    points
        Threshold of each named operating point.

    Returns
    -------
    rows : `list` [`MetricRow`]
        Subsets are called ``at:`` and the name of the point.
    """
    unlabelled, rank = np.asarray(sources["label"]) != 1, np.asarray(sources["rank"])
    rows: list[MetricRow] = []
    for name, threshold in points.items():
        values = _rate_values(posterior.rates(rank >= threshold, unlabelled))
        rows += metric_rows(f"at:{name}", "label_free", values)
    return rows


def _rate_values(rates: LabelFreeRates) -> dict[str, Estimate | float]:
    values = {f.name: getattr(rates, f.name) for f in dataclasses.fields(rates)}
    return {"contamination": values.pop("alpha"), **values}


def label_free_curves(sources: Table, posterior: RealPosterior, *, n_points: int = 25) -> list[CurvePoints]:
    """Trace the label-free purity against the threshold and against completeness.

    Parameters
    ----------
    sources
        Evaluated detections; a column ``true_kind`` adds the true purity.
    posterior
        As made by `survey_posterior`.
    n_points
        Number of thresholds: quantiles of the injections' scores.

    Returns
    -------
    curves : `list` [`CurvePoints`]
        ``purity`` against ``x`` = completeness of the detected real sources
        (``purity_completeness``) and against the threshold (``purity``).
    """
    label, rank = np.asarray(sources["label"]) == 1, np.asarray(sources["rank"])
    x = np.unique(np.quantile(rank[label], np.linspace(0.01, 0.99, n_points), method="lower"))
    found = [posterior.rates(rank >= t, ~label) for t in x]
    purity = [r.purity for r in found]
    y, low, high = (np.array([getattr(p, k) for p in purity]) for k in ("value", "low", "high"))
    number = np.array([p.n for p in purity])
    tpr = np.array([r.tpr.value for r in found])
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


def label_free_reliability(sources: Table, posterior: RealPosterior, *, n_bins: int = 10) -> CurvePoints:
    """Compare the calibrated probability of unlabelled detections with the share that is real.

    Parameters
    ----------
    sources
        Evaluated detections.
    posterior
        As made by `survey_posterior`.
    n_bins
        Number of bins of probability.

    Returns
    -------
    curve : `CurvePoints`
        ``reliability``: x the mean probability in each bin, y the share without labels.
    """
    unlabelled, score = np.asarray(sources["label"]) != 1, np.asarray(sources["score"])
    bins = np.clip((score * n_bins).astype(int), 0, n_bins - 1)
    masks = [unlabelled & (bins == k) for k in range(n_bins)]
    share = [posterior.fraction(mask) if mask.any() else Estimate(np.nan) for mask in masks]
    predicted = np.array([score[mask].mean() if mask.any() else np.nan for mask in masks])
    y, low, high = (np.array([getattr(s, k) for s in share]) for k in ("value", "low", "high"))
    number = np.array([s.n for s in share])
    return CurvePoints("reliability", "unlabelled", "label_free", predicted, y, low, high, number)
