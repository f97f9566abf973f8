# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves and histograms of a survey's scores."""

from __future__ import annotations

__all__ = ("ranking_curves", "reliability_curves", "score_histograms")

from collections.abc import Mapping

import numpy as np
from astropy.table import Table

from ..binned import reliability, wilson_interval
from ..ranking import Curve, precision_recall_curve, roc_curve
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


def reliability_curves(sources: Table, *, n_bins: int = 10) -> list[CurvePoints]:
    """Compare predicted with observed frequencies.

    Parameters
    ----------
    sources
        Evaluated detections; a column ``true_kind`` adds the comparison with the truth.
    n_bins
        Number of bins of probability.

    Returns
    -------
    curves : `list` [`CurvePoints`]
        ``reliability_raw``: the networks' mean output against the share of injections.
        ``reliability``, in simulations: the calibrated probability of unlabelled detections
        against the share of real ones.
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
    return curves
