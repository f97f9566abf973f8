# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a score orders two classes: curves, areas and thresholds, on arrays.

A detection is *selected* if its score is at or above the threshold.  Label 1 is positive.
"""

from __future__ import annotations

__all__ = (
    "Curve",
    "area_under_roc",
    "average_precision",
    "best_balanced_threshold",
    "fpr_at_tpr",
    "precision_recall_curve",
    "roc_curve",
    "threshold_at_fpr",
    "threshold_at_tpr",
)

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Curve:
    """A curve with the score threshold of each point.

    Parameters
    ----------
    x
        Abscissae, shape (T,).
    y
        Ordinates, shape (T,).
    threshold
        Score at or above which detections are selected, shape (T,); descending.
    """

    x: np.ndarray
    y: np.ndarray
    threshold: np.ndarray


def _cumulative(label: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of positives and negatives at or above each distinct score, highest first."""
    order = np.argsort(score, kind="stable")[::-1]
    sorted_score, sorted_label = np.asarray(score)[order], np.asarray(label)[order] == 1
    last_of_tie = np.append(np.flatnonzero(np.diff(sorted_score)), len(order) - 1) if len(order) else order
    tp = np.cumsum(sorted_label)[last_of_tie]
    return tp, last_of_tie + 1 - tp, sorted_score[last_of_tie]


def roc_curve(label: np.ndarray, score: np.ndarray) -> Curve:
    """Trace true against false positive rate, tied scores as one step.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).

    Returns
    -------
    curve : `Curve`
        False positive rate (x), true positive rate (y), from (0, 0) to (1, 1); NaN
        where a class is empty.
    """
    tp, fp, threshold = _cumulative(label, score)
    n_positive = int(np.sum(np.asarray(label) == 1))
    n_negative = len(np.asarray(label)) - n_positive
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.concatenate([[0], fp]) / np.float64(n_negative)
        y = np.concatenate([[0], tp]) / np.float64(n_positive)
    return Curve(x, y, np.concatenate([[np.inf], threshold]))


def area_under_roc(label: np.ndarray, score: np.ndarray) -> float:
    """Measure the probability that a positive scores above a negative; a tie counts half.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).

    Returns
    -------
    area : `float`
        0.5 for chance, 1 for perfect order; NaN if a class is empty.
    """
    curve = roc_curve(label, score)
    return float(np.trapezoid(curve.y, curve.x))


def precision_recall_curve(label: np.ndarray, score: np.ndarray) -> Curve:
    """Trace precision against recall, tied scores as one step.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).

    Returns
    -------
    curve : `Curve`
        Recall (x) and precision (y), from the highest threshold down.
    """
    tp, fp, threshold = _cumulative(label, score)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = tp / np.float64(np.sum(np.asarray(label) == 1))
    return Curve(recall, tp / np.maximum(tp + fp, 1), threshold)


def average_precision(label: np.ndarray, score: np.ndarray) -> float:
    """Measure the mean precision over recall, by steps.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).

    Returns
    -------
    precision : `float`
        Between the share of positives (chance) and 1; NaN without positives.
    """
    curve = precision_recall_curve(label, score)
    if not np.any(np.asarray(label) == 1):
        return np.nan
    return float(np.sum(np.diff(curve.x, prepend=0.0) * curve.y))


def threshold_at_tpr(label: np.ndarray, score: np.ndarray, tpr: float) -> float:
    """Find the highest threshold that selects at least a fraction of the positives.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).
    tpr
        Wanted true positive rate.

    Returns
    -------
    threshold : `float`
        NaN without positives.
    """
    positives = np.sort(np.asarray(score)[np.asarray(label) == 1])[::-1]
    if len(positives) == 0:
        return np.nan
    return float(positives[min(max(int(np.ceil(tpr * len(positives))), 1), len(positives)) - 1])


def threshold_at_fpr(label: np.ndarray, score: np.ndarray, fpr: float) -> float:
    """Find the lowest threshold that selects at most a fraction of the negatives.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).
    fpr
        Allowed false positive rate.

    Returns
    -------
    threshold : `float`
        NaN without negatives.
    """
    negatives = np.sort(np.asarray(score)[np.asarray(label) != 1])[::-1]
    if len(negatives) == 0:
        return np.nan
    allowed = int(np.floor(fpr * len(negatives)))
    if allowed >= len(negatives):
        return float(negatives[-1])
    return float(np.nextafter(negatives[allowed], np.inf))


def fpr_at_tpr(label: np.ndarray, score: np.ndarray, tpr: float) -> float:
    """Measure the false positive rate at the threshold of a true positive rate.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).
    tpr
        True positive rate.

    Returns
    -------
    fpr : `float`
        NaN if a class is empty.
    """
    threshold = threshold_at_tpr(label, score, tpr)
    negatives = np.asarray(score)[np.asarray(label) != 1]
    if len(negatives) == 0 or np.isnan(threshold):
        return np.nan
    return float(np.mean(negatives >= threshold))


def best_balanced_threshold(label: np.ndarray, score: np.ndarray, *, cost_ratio: float = 1.0) -> float:
    """Find the threshold of least cost: false negative rate plus weighted false positive rate.

    Parameters
    ----------
    label
        1 for positive, 0 for negative, shape (N,).
    score
        Finite scores, shape (N,).
    cost_ratio
        Cost of the false positive rate relative to the false negative rate; 1 gives the
        highest balanced accuracy (Youden's index).

    Returns
    -------
    threshold : `float`
        NaN if a class is empty.
    """
    curve = roc_curve(label, score)
    cost = (1.0 - curve.y[1:]) + cost_ratio * curve.x[1:]
    if len(cost) == 0 or not np.isfinite(cost).any():
        return np.nan
    return float(curve.threshold[1:][np.argmin(cost)])
