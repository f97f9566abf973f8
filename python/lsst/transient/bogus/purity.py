# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many unlabelled detections are real, and how pure a selection is, without any label.

Unlabelled detections are a mixture: a fraction α is real, the rest is bogus.  Given the
assumption that real detections score like injections *of the same stratum* (signal-to-noise
bin, say), the real ones of stratum k number at most ``U_k(t) / q_k(t)``, with ``U_k(t)``
unlabelled detections and a fraction ``q_k(t)`` of the injections at or above score t; the
bound is tight where no bogus reaches t.
"""

from __future__ import annotations

__all__ = ("Contamination", "LabelFreeRates", "estimate_contamination", "label_free_rates")

import dataclasses

import numpy as np

from .mixture import (
    MixtureCounts,
    Sample,
    best_threshold,
    count_mixture,
    real_bound,
    real_number,
    thinning_error,
)
from .resampling import Estimate, estimate, resampling_weights


@dataclasses.dataclass(frozen=True)
class Contamination:
    """Fraction of the unlabelled detections that is real.

    Parameters
    ----------
    alpha
        Best estimate.
    low
        Lower end of the 68 % interval.
    high
        Upper end of the 68 % interval.
    threshold
        Score at which the estimate was made; the lowest of the strata.
    """

    alpha: float
    low: float
    high: float
    threshold: float


@dataclasses.dataclass(frozen=True)
class LabelFreeRates:
    """Operating point of a threshold, without labels.

    Parameters
    ----------
    threshold
        Score at or above which a detection is selected.
    alpha
        Fraction of the unlabelled detections that is real.
    tpr
        Fraction of the real detections that is selected.
    fpr
        Fraction of the bogus detections that is selected.
    purity
        Fraction of the selected unlabelled detections that is real.
    """

    threshold: float
    alpha: Estimate
    tpr: Estimate
    fpr: Estimate
    purity: Estimate


def estimate_contamination(
    score_unlabelled: np.ndarray,
    score_injected: np.ndarray,
    *,
    stratum_unlabelled: np.ndarray | None = None,
    stratum_injected: np.ndarray | None = None,
    min_tpr: float = 0.1,
    confidence: float = 2.0,
    n_thresholds: int = 200,
) -> Contamination:
    """Estimate the fraction of unlabelled detections that is real.

    Parameters
    ----------
    score_unlabelled
        Out-of-fold scores of the unlabelled detections, shape (N,); NaN is ignored.
    score_injected
        Out-of-fold scores of the detected injections, shape (M,); NaN is ignored.
    stratum_unlabelled
        Stratum of each unlabelled detection, 0 … K − 1; one stratum by default.
    stratum_injected
        Stratum of each injection; every stratum should hold some.
    min_tpr
        Thresholds that fewer than this fraction of a stratum's injections reach are not used.
    confidence
        Standard errors added to the estimate when the threshold is chosen.  0 takes the
        smallest ratio, which noise pulls down; large values prefer low thresholds, where
        bogus pushes the estimate up.
    n_thresholds
        Number of thresholds tried: quantiles of the injections' scores.

    Returns
    -------
    contamination : `Contamination`
        Estimate with the interval of counting statistics.

    Raises
    ------
    InsufficientDataError
        Raised if there is no finite score of one of the kinds, or no usable threshold.

    Notes
    -----
    The best-bin estimate of Garg et al. (2021), ``q_U(t) / q_P(t)`` at the threshold of the
    smallest upper confidence bound, with counting errors in place of the (looser)
    Dvoretzky–Kiefer–Wolfowitz bound, and one ratio per stratum.  The threshold for one
    fifth of the detections is chosen on the other four, because the smallest of many noisy
    ratios is too small.
    """
    counts, thresholds = count_mixture(
        Sample(score_unlabelled, stratum_unlabelled), Sample(score_injected, stratum_injected), n_thresholds
    )
    ones = np.ones((1, counts.n_injected.shape[0]))
    real, _, _ = real_number(counts, ones, min_tpr, confidence)
    alpha = float(real.sum() / counts.n_unlabelled.sum())
    total = counts.sum_groups(ones, ones)
    best = best_threshold(total, min_tpr, confidence)
    errors = np.take_along_axis(real_bound(total, min_tpr)[1], best[..., None], axis=-1)
    sigma = float(np.sqrt(np.sum(errors**2)) / counts.n_unlabelled.sum())
    return Contamination(
        min(alpha, 1.0),
        max(alpha - sigma, 0.0),
        min(alpha + sigma, 1.0),
        float(thresholds[best].min()),
    )


def label_free_rates(
    score_unlabelled: np.ndarray,
    score_injected: np.ndarray,
    threshold: float,
    *,
    group_unlabelled: np.ndarray | None = None,
    group_injected: np.ndarray | None = None,
    stratum_unlabelled: np.ndarray | None = None,
    stratum_injected: np.ndarray | None = None,
    rng: np.random.Generator,
    n_resamples: int = 300,
    min_tpr: float = 0.1,
    confidence: float = 2.0,
    n_thresholds: int = 200,
) -> LabelFreeRates:
    """Estimate contamination, true and false positive rate and purity at a threshold.

    Parameters
    ----------
    score_unlabelled
        Out-of-fold scores of the unlabelled detections, shape (N,); NaN is ignored.
    score_injected
        Out-of-fold scores of the detected injections, shape (M,); NaN is ignored.
    threshold
        Score at or above which a detection is selected.
    group_unlabelled
        Visit of each unlabelled detection, shape (N,).  Without groups there are no
        intervals.
    group_injected
        Visit of each injection, shape (M,); whole visits are resampled.
    stratum_unlabelled
        Stratum of each unlabelled detection, 0 … K − 1; one stratum by default.
    stratum_injected
        Stratum of each injection.
    rng
        Source of randomness of the bootstrap.
    n_resamples
        Number of bootstrap resamples.
    min_tpr
        See `estimate_contamination`.
    confidence
        See `estimate_contamination`.
    n_thresholds
        See `estimate_contamination`.

    Returns
    -------
    rates : `LabelFreeRates`
        Rates with 68 % intervals.

    Raises
    ------
    InsufficientDataError
        Raised as by `estimate_contamination`.

    Notes
    -----
    With one stratum: ``TPR = q_P``, ``FPR = (q_U − α TPR) / (1 − α)``,
    ``purity = α TPR / q_U``.  With several, the real detections of stratum k number
    ``R_k = U_k(t*) / q_k(t*)`` and every rate is the sum over the strata: injections are
    thereby weighted to the signal-to-noise law of the real detections.

    The intervals are those of *this* survey's rates.  Whole visits of injections are
    resampled; the real detections are what they are, and only how many of them pass the
    threshold is drawn, with the scatter that injections show between visits.
    """
    counts, thresholds = count_mixture(
        Sample(score_unlabelled, stratum_unlabelled, group_unlabelled),
        Sample(score_injected, stratum_injected, group_injected),
        n_thresholds,
        threshold,
    )
    position = int(np.searchsorted(thresholds, threshold))
    n_groups = counts.n_injected.shape[0]
    weights = np.ones((1, n_groups))
    has_groups = group_unlabelled is not None and n_groups > 1
    if has_groups:
        weights = np.concatenate([weights, resampling_weights(n_groups, n_resamples, rng)])
    values = _rates(counts, weights, position, min_tpr, confidence, rng)
    n_unlabelled, n_injected = int(counts.n_unlabelled.sum()), int(counts.n_injected.sum())
    sizes = (n_unlabelled, n_injected, n_unlabelled, int(counts.unlabelled[..., position].sum()))
    alpha, tpr, fpr, purity = (
        estimate(v[0], v[1:], n) if has_groups else Estimate(float(v[0]), n=n)
        for v, n in zip(values, sizes, strict=True)
    )
    return LabelFreeRates(float(threshold), alpha, tpr, fpr, purity)


def _rates(
    counts: MixtureCounts,
    weights: np.ndarray,
    position: int,
    min_tpr: float,
    confidence: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """Return α, TPR, FPR and purity at one threshold, each (B,); the first row has no noise."""
    real, seen, tpr_seen = real_number(counts, weights, min_tpr, confidence)
    total = counts.sum_groups(np.ones_like(weights), weights)
    tpr = total.tpr[:, :, position]
    usual = best_threshold(total, min_tpr, confidence)[0]
    usual_tpr = total.tpr[:, np.arange(len(usual)), usual]
    spread = np.sqrt(_design_effect(usual_tpr, counts.n_injected.sum(axis=0)))
    noise = rng.normal(size=real.shape) * spread * (np.arange(len(weights)) > 0)[:, None]
    # One deviation drives both, because the same detections are missing from both.
    all_real = np.maximum(real + noise * thinning_error(seen, tpr_seen, np.ones_like(tpr)), 0.0)
    chosen_real = np.maximum(real * tpr + noise * thinning_error(seen, tpr_seen, tpr), 0.0)
    selected_real, n_real = chosen_real.sum(axis=1), all_real.sum(axis=1)
    n = total.n_unlabelled.sum(axis=1)
    selected = total.unlabelled[:, :, position].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = total.injected[:, :, position].sum(axis=1) / total.n_injected.sum(axis=1)
        weighted = (real * tpr).sum(axis=1) / real.sum(axis=1)
        rate = np.where(real.sum(axis=1) > 0, weighted, pooled)
        fpr = np.clip((selected - selected_real) / (n - n_real), 0.0, 1.0)
        purity = np.where(selected > 0, np.clip(selected_real / selected, 0.0, 1.0), np.nan)
    return np.minimum(n_real / n, 1.0), rate, fpr, purity


def _design_effect(tpr: np.ndarray, n_injected: np.ndarray) -> np.ndarray:
    """Measure by how much more a fraction varies between visits than between detections, (K,)."""
    if len(tpr) < 10:
        return np.ones(tpr.shape[1])
    mean = tpr[1:].mean(axis=0)
    expected = np.maximum(mean * (1.0 - mean) / np.maximum(n_injected, 1.0), 1e-12)
    return np.clip(tpr[1:].var(axis=0) / expected, 1.0, 10.0)
