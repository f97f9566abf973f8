# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The working threshold, and other operating points to compare it with."""

from __future__ import annotations

__all__ = ("THRESHOLD_RULES", "choose_threshold", "operating_points")

import numpy as np
from astropy.table import Table

from ..posterior import RealPosterior
from ..ranking import best_balanced_threshold, threshold_at_fpr, threshold_at_tpr

THRESHOLD_RULES = {
    "balanced": "Highest mean of sensitivity and specificity, injections against the rest.",
    "cost": "Least false negative rate + thresholdValue × false positive rate.",
    "tpr": "Highest threshold that keeps the fraction thresholdValue of the detected injections.",
    "fpr": "Lowest threshold that keeps at most the fraction thresholdValue of the rest.",
    "purity": "Lowest threshold of which the label-free purity is at least thresholdValue.",
    "fixed": "thresholdValue itself.",
}
"""Rules by which the working threshold is chosen on out-of-fold scores, with their meaning."""


def choose_threshold(sources: Table, rule: str, value: float, *, posterior: RealPosterior | None) -> float:
    """Choose a working threshold.

    Parameters
    ----------
    sources
        Evaluated detections with out-of-fold scores.
    rule
        One of `THRESHOLD_RULES`.
    value
        Number that the rule needs; ignored by ``balanced``.
    posterior
        Which detections are real, as far as is known without labels; for ``purity`` alone.

    Returns
    -------
    threshold : `float`
        Score at or above which a detection is selected; NaN where a class is empty.

    Raises
    ------
    ValueError
        Raised if the rule is unknown.
    """
    label, rank = np.asarray(sources["label"]), np.asarray(sources["rank"])
    match rule:
        case "balanced":
            return best_balanced_threshold(label, rank)
        case "cost":
            return best_balanced_threshold(label, rank, cost_ratio=value)
        case "tpr":
            return threshold_at_tpr(label, rank, value)
        case "fpr":
            return threshold_at_fpr(label, rank, value)
        case "purity":
            return _threshold_at_purity(label, rank, value, posterior)
        case "fixed":
            return float(value)
    raise ValueError(f"Unknown threshold rule {rule!r}; known are {sorted(THRESHOLD_RULES)}.")


def _threshold_at_purity(
    label: np.ndarray, rank: np.ndarray, purity: float, posterior: RealPosterior | None, n_tried: int = 50
) -> float:
    """Try quantiles of the injections' scores from low to high."""
    if posterior is None:
        return np.nan
    tried = np.unique(np.quantile(rank[label == 1], np.linspace(0.0, 0.98, n_tried), method="lower"))
    for threshold in tried:
        if posterior.rates(rank >= threshold, label != 1).purity.value >= purity:
            return float(threshold)
    return float(tried[-1])


def operating_points(sources: Table) -> dict[str, float]:
    """Find thresholds that other surveys quote.

    Parameters
    ----------
    sources
        Evaluated detections with out-of-fold scores.

    Returns
    -------
    points : `dict` [`str`, `float`]
        Threshold of each named point; points without a threshold are left out.
    """
    label, rank = np.asarray(sources["label"]), np.asarray(sources["rank"])
    points = {"score=0.5": 0.5}
    points |= {f"tpr={100 * tpr:g}%": threshold_at_tpr(label, rank, tpr) for tpr in (0.9, 0.95, 0.99)}
    points |= {f"fpr={100 * fpr:g}%": threshold_at_fpr(label, rank, fpr) for fpr in (0.01, 0.001)}
    return {name: value for name, value in points.items() if np.isfinite(value)}
