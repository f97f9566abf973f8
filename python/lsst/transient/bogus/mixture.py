# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of a mixture of real and bogus detections, and how many of them are real.

Axes of the arrays: resample B, group (visit) G, stratum K, threshold T.
"""

from __future__ import annotations

__all__ = (
    "MixtureCounts",
    "Sample",
    "best_threshold",
    "count_mixture",
    "real_bound",
    "real_number",
    "thinning_error",
)

import dataclasses

import numpy as np

from .errors import InsufficientDataError
from .resampling import grouped_counts

N_FOLDS = 5
"""Parts of the data: the threshold for each is chosen on the others."""


@dataclasses.dataclass(frozen=True)
class MixtureCounts:
    """Numbers at or above each threshold, and in all.

    Parameters
    ----------
    unlabelled
        Unlabelled detections, shape (..., K, T).
    injected
        Injections, shape (..., K, T).
    n_unlabelled
        All unlabelled detections, shape (..., K).
    n_injected
        All injections, shape (..., K).
    """

    unlabelled: np.ndarray
    injected: np.ndarray
    n_unlabelled: np.ndarray
    n_injected: np.ndarray

    @property
    def tpr(self) -> np.ndarray:
        """Fraction of the injections at or above each threshold, shape (..., K, T)."""
        return self.injected / np.maximum(self.n_injected, 1.0)[..., None]

    def sum_groups(self, weights_unlabelled: np.ndarray, weights_injected: np.ndarray) -> MixtureCounts:
        """Sum over groups, the leading axis, once for each row of weights.

        Parameters
        ----------
        weights_unlabelled
            How often each group's unlabelled detections count, shape (B, G).
        weights_injected
            How often each group's injections count, shape (B, G).

        Returns
        -------
        counts : `MixtureCounts`
            Counts with leading axis B.
        """
        return MixtureCounts(
            np.tensordot(weights_unlabelled, self.unlabelled, 1),
            np.tensordot(weights_injected, self.injected, 1),
            weights_unlabelled @ self.n_unlabelled,
            weights_injected @ self.n_injected,
        )


@dataclasses.dataclass(frozen=True)
class Sample:
    """Scores of one kind with their strata and groups.

    Parameters
    ----------
    score
        Scores, shape (N,); NaN is ignored.
    stratum
        Stratum of each, 0 … K − 1; one stratum if `None`.
    group
        Group of each; without groups every fifth detection is one.
    """

    score: np.ndarray
    stratum: np.ndarray | None = None
    group: np.ndarray | None = None

    def finite(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return score, stratum and group of the finite scores.

        Returns
        -------
        score, stratum, group : `numpy.ndarray`
            Arrays of one length.
        """
        score = np.asarray(self.score, dtype=np.float64)
        rows = np.arange(len(score))
        stratum = np.zeros_like(rows) if self.stratum is None else np.asarray(self.stratum)
        group = rows % N_FOLDS if self.group is None else np.asarray(self.group)
        keep = np.isfinite(score)
        return score[keep], stratum[keep], group[keep]


def count_mixture(
    unlabelled: Sample, injected: Sample, n_thresholds: int, *extra: float
) -> tuple[MixtureCounts, np.ndarray]:
    """Count both kinds per group, stratum and threshold.

    Parameters
    ----------
    unlabelled
        Unlabelled detections.
    injected
        Injections.
    n_thresholds
        Number of thresholds: quantiles of the injections' scores.
    *extra
        Further thresholds.

    Returns
    -------
    counts : `MixtureCounts`
        Counts, shape (G, K, T) and (G, K).
    thresholds : `numpy.ndarray`
        Ascending thresholds, shape (T,).

    Raises
    ------
    InsufficientDataError
        Raised if there is no finite score of one of the kinds.
    """
    samples = [unlabelled.finite(), injected.finite()]
    n_unlabelled, n_injected = (len(score) for score, _, _ in samples)
    if not n_unlabelled or not n_injected:
        raise InsufficientDataError(
            f"Contamination needs scores of both kinds; got {n_unlabelled} unlabelled and "
            f"{n_injected} injected.",
            n_unlabelled=n_unlabelled,
            n_injected=n_injected,
        )
    groups = np.unique(np.concatenate([group for _, _, group in samples]))
    n_strata = max(int(stratum.max()) for _, stratum, _ in samples) + 1
    levels = np.linspace(0.0, 1.0, n_thresholds, endpoint=False)
    thresholds = np.unique(np.append(np.quantile(samples[1][0], levels, method="lower"), extra))
    n_cells = len(groups) * n_strata
    tables = []
    for score, stratum, group in samples:
        cell = np.searchsorted(groups, group) * n_strata + stratum
        above = grouped_counts(score, cell, thresholds, n_groups=n_cells)
        number = np.bincount(cell, minlength=n_cells).astype(np.float64)
        tables.append((above.reshape(len(groups), n_strata, -1), number.reshape(len(groups), n_strata)))
    return MixtureCounts(tables[0][0], tables[1][0], tables[0][1], tables[1][1]), thresholds


def real_bound(counts: MixtureCounts, min_tpr: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bound the number of real detections of every stratum at every threshold.

    Parameters
    ----------
    counts
        Counts with leading axis B.
    min_tpr
        Thresholds that fewer than this fraction of a stratum's injections reach are not usable.

    Returns
    -------
    number : `numpy.ndarray`
        U_k / q_k, shape (B, K, T); 0 in strata without injections.
    error : `numpy.ndarray`
        Its standard error by counting statistics, shape (B, K, T).
    usable : `numpy.ndarray`
        Whether enough of the stratum's injections reach the threshold, shape (B, K, T).
    """
    tpr = counts.tpr
    present = (counts.n_injected > 0)[..., None]
    safe = np.where(tpr > 0, tpr, 1.0)
    number = np.where(present, counts.unlabelled / safe, 0.0)
    # One count is added so that the error of zero counts is not zero.
    variance = (counts.unlabelled + 1.0) / safe**2
    variance += number**2 * (1.0 - tpr) / np.maximum(safe * counts.n_injected[..., None], 1.0)
    return number, np.where(present, np.sqrt(variance), 0.0), (tpr >= min_tpr) | ~present


def best_threshold(counts: MixtureCounts, min_tpr: float, confidence: float) -> np.ndarray:
    """Find each stratum's threshold of the smallest upper confidence bound.

    Parameters
    ----------
    counts
        Counts with leading axis B.
    min_tpr
        See `real_bound`.
    confidence
        Standard errors added to the estimate.

    Returns
    -------
    index : `numpy.ndarray`
        Index of the threshold, shape (B, K).

    Raises
    ------
    InsufficientDataError
        Raised if a stratum has no usable threshold.
    """
    number, error, usable = real_bound(counts, min_tpr)
    if not usable[0].any(axis=-1).all():
        raise InsufficientDataError(
            "No threshold is reached by enough injections of every stratum.", n_thresholds=number.shape[-1]
        )
    return np.argmin(np.where(usable, number + confidence * error, np.inf), axis=-1)


def real_number(
    counts: MixtureCounts, weights_injected: np.ndarray, min_tpr: float, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the real unlabelled detections of each stratum.

    The threshold at which one fold of groups is counted is chosen on the other folds,
    because the smallest of many noisy ratios is too small.

    Parameters
    ----------
    counts
        Counts per group, shape (G, K, T).
    weights_injected
        How often each group's injections count, shape (B, G).
    min_tpr
        See `real_bound`.
    confidence
        See `best_threshold`.

    Returns
    -------
    real : `numpy.ndarray`
        Number of real detections, shape (B, K).
    seen : `numpy.ndarray`
        Number of detections that they were counted from, shape (B, K).
    tpr : `numpy.ndarray`
        Fraction of the injections at or above the thresholds used, shape (B, K).
    """
    n_groups = counts.n_injected.shape[0]
    n_folds = min(N_FOLDS, n_groups)
    ones = np.ones_like(weights_injected)
    total = counts.sum_groups(ones, weights_injected)
    all_tpr = np.maximum(total.tpr, min_tpr)
    real, seen = np.zeros_like(total.n_unlabelled), np.zeros_like(total.n_unlabelled)
    tpr = np.zeros_like(real)
    strata = np.arange(real.shape[1])
    for fold in range(n_folds):
        inside = np.arange(n_groups) % n_folds == fold
        others = counts.sum_groups(ones * ~inside, weights_injected * ~inside) if n_folds > 1 else total
        best = best_threshold(others, min_tpr, confidence)
        held_out = counts.unlabelled[inside].sum(axis=0)[strata, best]
        used = np.take_along_axis(all_tpr, best[..., None], axis=-1)[..., 0]
        real += held_out / used
        seen += held_out
        tpr += used / n_folds
    return np.where(total.n_injected > 0, np.minimum(real, total.n_unlabelled), 0.0), seen, tpr


def thinning_error(seen: np.ndarray, tpr_seen: np.ndarray, tpr_wanted: np.ndarray) -> np.ndarray:
    """Return the standard error of how many real detections pass one threshold, given another.

    Parameters
    ----------
    seen
        Number that passed the threshold at which they were counted.  One is added, so that
        the error of none is not zero.
    tpr_seen
        Fraction of the injections that passes it.
    tpr_wanted
        Fraction of the injections that passes the other one; 1 for all.

    Returns
    -------
    error : `numpy.ndarray`
        Standard error: that of a negative binomial for a lower threshold, of a binomial
        for a higher one.
    """
    ratio = np.clip(tpr_wanted, 1e-12, None) / np.clip(tpr_seen, 1e-12, None)
    return np.sqrt((seen + 1.0) * ratio * np.abs(ratio - 1.0))
