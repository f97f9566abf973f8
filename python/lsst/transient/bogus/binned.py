# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fractions in bins: reliability of probabilities, completeness against magnitude."""

from __future__ import annotations

__all__ = ("binned_fraction", "brier_score", "expected_calibration_error", "reliability", "wilson_interval")

import numpy as np


def brier_score(outcome: np.ndarray, probability: np.ndarray) -> float:
    """Measure the mean squared difference of probability and outcome.

    Parameters
    ----------
    outcome
        1 if the event happened, else 0, shape (N,).
    probability
        Predicted probability, shape (N,).

    Returns
    -------
    score : `float`
        0 is perfect; NaN for nothing.
    """
    return float(np.mean((np.asarray(probability, dtype=float) - outcome) ** 2)) if len(outcome) else np.nan


def reliability(
    outcome: np.ndarray, probability: np.ndarray, *, n_bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Compare predicted probabilities with how often the event happens.

    Parameters
    ----------
    outcome
        1 if the event happened, else 0, shape (N,).
    probability
        Predicted probability, shape (N,).
    n_bins
        Number of equal bins of probability.

    Returns
    -------
    predicted : `numpy.ndarray`
        Mean prediction in each bin; NaN where empty.
    observed : `numpy.ndarray`
        Fraction of events in each bin; NaN where empty.
    number : `numpy.ndarray`
        Predictions in each bin.
    events : `numpy.ndarray`
        Events in each bin.
    """
    probability = np.asarray(probability, dtype=float)
    bins = np.clip((probability * n_bins).astype(int), 0, n_bins - 1)
    number = np.bincount(bins, minlength=n_bins)
    events = np.bincount(bins, weights=np.asarray(outcome, dtype=float), minlength=n_bins)
    with np.errstate(divide="ignore", invalid="ignore"):
        predicted = np.bincount(bins, weights=probability, minlength=n_bins) / number
        return predicted, events / number, number, events


def expected_calibration_error(outcome: np.ndarray, probability: np.ndarray, *, n_bins: int = 10) -> float:
    """Measure the mean gap between predicted and observed frequency, weighted by number.

    Parameters
    ----------
    outcome
        1 if the event happened, else 0, shape (N,).
    probability
        Predicted probability, shape (N,).
    n_bins
        Number of equal bins of probability.

    Returns
    -------
    error : `float`
        0 is perfect; NaN for nothing.
    """
    predicted, observed, number, _ = reliability(outcome, probability, n_bins=n_bins)
    if number.sum() == 0:
        return np.nan
    filled = number > 0
    return float(np.average(np.abs(predicted - observed)[filled], weights=number[filled]))


def wilson_interval(hits: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 68 % Wilson interval of a fraction.

    Parameters
    ----------
    hits
        Successes, shape (N,).
    trials
        Trials, shape (N,).

    Returns
    -------
    low : `numpy.ndarray`
        Lower ends; NaN without trials.
    high : `numpy.ndarray`
        Upper ends; NaN without trials.
    """
    n = np.asarray(trials, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = hits / n
        centre = (p + 0.5 / n) / (1.0 + 1.0 / n)
        half = np.sqrt(p * (1.0 - p) / n + 0.25 / n**2) / (1.0 + 1.0 / n)
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)


def binned_fraction(
    value: np.ndarray, hit: np.ndarray, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Measure a fraction in bins, such as completeness against magnitude.

    Parameters
    ----------
    value
        Quantity that is binned, shape (N,).
    hit
        Whether each is a success, shape (N,).
    edges
        Ascending bin edges, shape (B + 1,).

    Returns
    -------
    fraction : `numpy.ndarray`
        Fraction of successes, shape (B,); NaN where empty.
    low : `numpy.ndarray`
        Lower ends of the 68 % Wilson intervals.
    high : `numpy.ndarray`
        Upper ends of the 68 % Wilson intervals.
    number : `numpy.ndarray`
        Trials.
    """
    inside = np.isfinite(value) & (value >= edges[0]) & (value < edges[-1])
    bins = np.searchsorted(edges, np.asarray(value)[inside], side="right") - 1
    number = np.bincount(bins, minlength=len(edges) - 1)
    hits = np.bincount(bins, weights=np.asarray(hit)[inside].astype(float), minlength=len(edges) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = hits / number
    return fraction, *wilson_interval(hits, number), number
