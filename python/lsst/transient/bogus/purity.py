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

from .errors import InsufficientDataError
from .resampling import Estimate, estimate, grouped_counts, resampling_weights

_N_FOLDS = 5
"""Parts of the data: the threshold for each is chosen on the others."""


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
        Score at which the estimate was made.
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


@dataclasses.dataclass(frozen=True)
class _Counts:
    """Numbers at or above each threshold, shape (..., K, T), and in all, (..., K)."""

    unlabelled: np.ndarray
    injected: np.ndarray
    n_unlabelled: np.ndarray
    n_injected: np.ndarray

    def resample(self, weights: np.ndarray) -> _Counts:
        """Sum over groups with the given weights (B, G)."""
        return _Counts(
            np.tensordot(weights, self.unlabelled, 1),
            np.tensordot(weights, self.injected, 1),
            weights @ self.n_unlabelled,
            weights @ self.n_injected,
        )

    @property
    def tpr(self) -> np.ndarray:
        """Fraction of the injections at or above each threshold, (..., K, T)."""
        return self.injected / np.maximum(self.n_injected, 1.0)[..., None]


def estimate_contamination(
    score_unlabelled: np.ndarray,
    score_injected: np.ndarray,
    *,
    stratum_unlabelled: np.ndarray | None = None,
    stratum_injected: np.ndarray | None = None,
    min_tpr: float = 0.1,
    confidence: float = 1.0,
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
    counts, thresholds = _count(
        score_unlabelled, score_injected, stratum_unlabelled, stratum_injected, None, None, n_thresholds
    )
    weights = np.ones((1, counts.n_injected.shape[0]))
    n = counts.n_unlabelled.sum()
    alpha = float(_real_number(counts, weights, min_tpr, confidence).sum() / n)
    total = counts.resample(weights)
    ratio, error, usable = _ratio(total, min_tpr)
    best = int(_best(ratio, error, usable, confidence)[0])
    sigma = float(error[0, best])
    return Contamination(
        min(alpha, 1.0), max(alpha - sigma, 0.0), min(alpha + sigma, 1.0), float(thresholds[best])
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
    confidence: float = 1.0,
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
        Visit of each unlabelled detection, shape (N,); whole visits are resampled.
        Without groups there are no intervals.
    group_injected
        Visit of each injection, shape (M,).
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
    """
    counts, thresholds = _count(
        score_unlabelled,
        score_injected,
        stratum_unlabelled,
        stratum_injected,
        group_unlabelled,
        group_injected,
        n_thresholds,
        extra=threshold,
    )
    position = int(np.searchsorted(thresholds, threshold))
    n_groups = counts.n_injected.shape[0]
    weights = np.ones((1, n_groups))
    has_groups = group_unlabelled is not None and n_groups > 1
    if has_groups:
        weights = np.concatenate([weights, resampling_weights(n_groups, n_resamples, rng)])
    values = _rates(counts, weights, position, min_tpr, confidence)
    n_unlabelled, n_injected = int(counts.n_unlabelled.sum()), int(counts.n_injected.sum())
    sizes = (n_unlabelled, n_injected, n_unlabelled, int(counts.unlabelled[..., position].sum()))
    alpha, tpr, fpr, purity = (
        estimate(v[0], v[1:], n) if has_groups else Estimate(float(v[0]), n=n)
        for v, n in zip(values, sizes, strict=True)
    )
    return LabelFreeRates(float(threshold), alpha, tpr, fpr, purity)


def _count(
    score_unlabelled: np.ndarray,
    score_injected: np.ndarray,
    stratum_unlabelled: np.ndarray | None,
    stratum_injected: np.ndarray | None,
    group_unlabelled: np.ndarray | None,
    group_injected: np.ndarray | None,
    n_thresholds: int,
    extra: float | None = None,
) -> tuple[_Counts, np.ndarray]:
    """Count both kinds per group (G), stratum (K) and threshold (T)."""
    samples = []
    for score, stratum, group in (
        (score_unlabelled, stratum_unlabelled, group_unlabelled),
        (score_injected, stratum_injected, group_injected),
    ):
        values = np.asarray(score, dtype=np.float64)
        finite = np.isfinite(values)
        rows = np.arange(len(values))
        parts = (
            values,
            np.zeros_like(rows) if stratum is None else stratum,
            rows % _N_FOLDS if group is None else group,
        )
        samples.append(tuple(np.asarray(part)[finite] for part in parts))
    (u, u_stratum, u_group), (p, p_stratum, p_group) = samples
    if len(u) == 0 or len(p) == 0:
        raise InsufficientDataError(
            f"Contamination needs scores of both kinds; got {len(u)} unlabelled and {len(p)} injected.",
            n_unlabelled=len(u),
            n_injected=len(p),
        )
    groups = np.unique(np.concatenate([u_group, p_group]))
    n_strata = int(max(u_stratum.max(), p_stratum.max())) + 1
    levels = np.linspace(0.0, 1.0, n_thresholds, endpoint=False)
    thresholds = np.unique(np.quantile(p, levels, method="lower"))
    if extra is not None:
        thresholds = np.unique(np.append(thresholds, extra))
    tables = []
    for score, stratum, group in ((u, u_stratum, u_group), (p, p_stratum, p_group)):
        cell = np.searchsorted(groups, group) * n_strata + stratum
        n_cells = len(groups) * n_strata
        above = grouped_counts(score, cell, thresholds, n_groups=n_cells)
        number = np.bincount(cell, minlength=n_cells).astype(np.float64)
        tables.append((above.reshape(len(groups), n_strata, -1), number.reshape(len(groups), n_strata)))
    return _Counts(tables[0][0], tables[1][0], tables[0][1], tables[1][1]), thresholds


def _ratio(counts: _Counts, min_tpr: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Real fraction, its standard error and whether a threshold is usable, each (B, T)."""
    tpr = counts.tpr
    present = (counts.n_injected > 0)[..., None]
    usable = np.all((tpr >= min_tpr) | ~present, axis=1)
    safe = np.where(tpr > 0, tpr, 1.0)
    real = np.where(present, counts.unlabelled / safe, 0.0)
    # One count is added so that the error of zero counts is not zero.
    variance = np.where(present, (counts.unlabelled + 1.0) / safe**2, 0.0)
    variance += real**2 * (1.0 - tpr) / np.maximum(safe * counts.n_injected[..., None], 1.0)
    n = np.maximum(counts.n_unlabelled.sum(axis=1), 1.0)[:, None]
    return real.sum(axis=1) / n, np.sqrt(variance.sum(axis=1)) / n, usable


def _best(ratio: np.ndarray, error: np.ndarray, usable: np.ndarray, confidence: float) -> np.ndarray:
    """Index of the smallest upper confidence bound in each row, (B,)."""
    if not usable[0].any():
        raise InsufficientDataError(
            "No threshold is reached by enough injections of every stratum.", n_thresholds=ratio.shape[1]
        )
    return np.argmin(np.where(usable, ratio + confidence * error, np.inf), axis=1)


def _real_number(counts: _Counts, weights: np.ndarray, min_tpr: float, confidence: float) -> np.ndarray:
    """Count the real unlabelled detections per resample and stratum, (B, K).

    The threshold at which one fold of groups is counted is chosen on the other folds.
    """
    n_groups = counts.n_injected.shape[0]
    n_folds = min(_N_FOLDS, n_groups)
    total = counts.resample(weights)
    tpr = total.tpr
    rows = np.arange(len(weights))
    real = np.zeros_like(total.n_unlabelled)
    for fold in range(n_folds):
        inside = np.arange(n_groups) % n_folds == fold
        others = counts.resample(weights * ~inside) if n_folds > 1 else total
        best = _best(*_ratio(others, min_tpr), confidence)
        held_out = np.tensordot(weights[:, inside], counts.unlabelled[inside], 1)[rows, :, best]
        real += held_out / np.maximum(tpr[rows, :, best], min_tpr)
    return np.where(total.n_injected > 0, np.minimum(real, total.n_unlabelled), 0.0)


def _rates(
    counts: _Counts, weights: np.ndarray, position: int, min_tpr: float, confidence: float
) -> tuple[np.ndarray, ...]:
    """α, TPR, FPR and purity at one threshold, each (B,)."""
    real = _real_number(counts, weights, min_tpr, confidence)
    total = counts.resample(weights)
    selected_real = (real * total.tpr[:, :, position]).sum(axis=1)
    n_real, n = real.sum(axis=1), total.n_unlabelled.sum(axis=1)
    selected = total.unlabelled[:, :, position].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = n_real / n
        pooled = total.injected[:, :, position].sum(axis=1) / total.n_injected.sum(axis=1)
        rate = np.where(n_real > 0, selected_real / n_real, pooled)
        fpr = np.clip((selected - selected_real) / (n - n_real), 0.0, 1.0)
        purity = np.where(selected > 0, np.clip(selected_real / selected, 0.0, 1.0), np.nan)
    return alpha, rate, fpr, purity
