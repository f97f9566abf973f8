# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confusion matrices, and every measure at a threshold with its interval, on arrays.

A detection is *selected* if its score is at or above the threshold.  Label 1 is positive.
"""

from __future__ import annotations

__all__ = ("CONFUSION_METRICS", "Confusion", "bootstrap_metrics", "confusion")

import dataclasses

import numpy as np

from .ranking import area_under_roc, average_precision, fpr_at_tpr
from .resampling import Estimate, estimate, grouped_counts, resampling_weights

CONFUSION_METRICS = ("tp", "fn", "fp", "tn", "sensitivity", "specificity", "precision", "npv", "accuracy")
"""Counts and rates of a confusion matrix, in the order in which they are shown."""


@dataclasses.dataclass(frozen=True)
class Confusion:
    """A confusion matrix.

    Parameters
    ----------
    tp
        Positives selected.
    fn
        Positives not selected.
    fp
        Negatives selected.
    tn
        Negatives not selected.
    """

    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def n(self) -> int:
        """Number of detections."""
        return self.tp + self.fn + self.fp + self.tn

    def as_dict(self) -> dict[str, float]:
        """Return counts and rates; a rate of nothing is NaN.

        Returns
        -------
        values : `dict` [`str`, `float`]
            One value for each name in `CONFUSION_METRICS`.
        """
        values = _rates(*(np.asarray(v, dtype=np.float64) for v in (self.tp, self.fn, self.fp, self.tn)))
        return {name: float(values[name]) for name in CONFUSION_METRICS}


def _rates(tp: np.ndarray, fn: np.ndarray, fp: np.ndarray, tn: np.ndarray) -> dict[str, np.ndarray]:
    """Derive counts and rates of confusion matrices of any shape."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "tp": tp,
            "fn": fn,
            "fp": fp,
            "tn": tn,
            "sensitivity": tp / (tp + fn),
            "specificity": tn / (tn + fp),
            "precision": tp / (tp + fp),
            "npv": tn / (tn + fn),
            "accuracy": (tp + tn) / (tp + fn + fp + tn),
        }


def confusion(label: np.ndarray, score: np.ndarray, threshold: float) -> Confusion:
    """Count the four outcomes at a threshold.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).
    threshold
        Score at or above which a detection is selected.

    Returns
    -------
    matrix : `Confusion`
        Counts.
    """
    positive, selected = np.asarray(label) == 1, np.asarray(score) >= threshold
    counts = np.bincount(2 * positive + selected, minlength=4)
    return Confusion(tp=int(counts[3]), fn=int(counts[2]), fp=int(counts[1]), tn=int(counts[0]))


def bootstrap_metrics(
    label: np.ndarray,
    score: np.ndarray,
    group: np.ndarray,
    threshold: float,
    *,
    rng: np.random.Generator,
    n_resamples: int = 300,
    tprs: tuple[float, ...] = (0.9, 0.95),
    n_levels: int = 400,
) -> dict[str, Estimate]:
    """Measure everything at a threshold, with intervals from resampled groups.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).
    group
        Visit of each detection, shape (N,).  With fewer than two visits single
        detections are resampled instead.
    threshold
        Score at or above which a detection is selected.
    rng
        Source of randomness.
    n_resamples
        Number of resamples.
    tprs
        True positive rates at which the false positive rate is measured.
    n_levels
        Number of score levels to which the resampled curves are reduced.

    Returns
    -------
    metrics : `dict` [`str`, `Estimate`]
        The names of `CONFUSION_METRICS`, ``auc``, ``average_precision`` and
        ``fpr_at_tpr_90`` and the like.
    """
    values: dict[str, float] = confusion(label, score, threshold).as_dict()
    values |= {"auc": area_under_roc(label, score), "average_precision": average_precision(label, score)}
    values |= {f"fpr_at_tpr_{round(100 * tpr)}": fpr_at_tpr(label, score, tpr) for tpr in tprs}
    if len(label) == 0:
        return {name: Estimate(value) for name, value in values.items()}
    names, members = np.unique(group, return_inverse=True)
    if len(names) < 2:
        # One visit: groups of single detections, as many as keep the counts small.
        members = np.arange(len(label)) % min(len(label), 200)
    resampled = _resampled_metrics(label, score, members, threshold, rng, n_resamples, tprs, n_levels)
    return {name: estimate(value, resampled[name], len(label)) for name, value in values.items()}


def _resampled_metrics(
    label: np.ndarray,
    score: np.ndarray,
    members: np.ndarray,
    threshold: float,
    rng: np.random.Generator,
    n_resamples: int,
    tprs: tuple[float, ...],
    n_levels: int,
) -> dict[str, np.ndarray]:
    """Metrics of every resample, each (B,), from counts on a grid of score levels."""
    score = np.asarray(score, dtype=np.float64)
    levels = np.unique(np.append(np.quantile(score, np.linspace(0, 1, n_levels), method="lower"), threshold))
    n_groups = int(members.max()) + 1
    weights = resampling_weights(n_groups, n_resamples, rng)
    positive = np.asarray(label) == 1
    counts = []
    for chosen in (positive, ~positive):
        above = weights @ grouped_counts(score[chosen], members[chosen], levels, n_groups=n_groups)
        total = weights @ np.bincount(members[chosen], minlength=n_groups)
        counts.append((above, total))
    (tp, n_positive), (fp, n_negative) = counts
    at = int(np.searchsorted(levels, threshold))
    result = _rates(tp[:, at], n_positive - tp[:, at], fp[:, at], n_negative - fp[:, at])
    # From the highest threshold down, starting where nothing is selected.
    padding = np.zeros((len(weights), 1))
    tp, fp = (np.concatenate([padding, c[:, ::-1]], axis=1) for c in (tp, fp))
    with np.errstate(divide="ignore", invalid="ignore"):
        tpr, fpr = tp / n_positive[:, None], fp / n_negative[:, None]
        precision = tp / (tp + fp)
    steps = np.diff(tpr, axis=1) * np.nan_to_num(precision[:, 1:])
    result["auc"] = np.asarray(np.trapezoid(tpr, fpr, axis=1))
    result["average_precision"] = steps.sum(axis=1)
    rows = np.arange(len(weights))
    for wanted in tprs:
        result[f"fpr_at_tpr_{round(100 * wanted)}"] = fpr[rows, np.argmax(tpr >= wanted, axis=1)]
    return result
