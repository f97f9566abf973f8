# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intervals by resampling whole groups of detections, such as visits."""

from __future__ import annotations

__all__ = ("Estimate", "estimate", "grouped_counts", "resampling_weights")

import dataclasses

import numpy as np

SIGMA_PERCENTILES = (15.865525393145708, 84.13447460685429)
"""Percentiles of a Gaussian at minus and plus one standard deviation: a 68 % interval."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value with its 68 % interval.

    Parameters
    ----------
    value
        Value measured on the data themselves; NaN if undefined.
    low
        Lower end of the interval; NaN if there is none.
    high
        Upper end of the interval; NaN if there is none.
    n
        Number of detections behind the value.
    """

    value: float
    low: float = np.nan
    high: float = np.nan
    n: int = 0


def resampling_weights(n_groups: int, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Draw how often each group enters each bootstrap resample.

    Parameters
    ----------
    n_groups
        Number of groups; at least 1.
    n_resamples
        Number of resamples.
    rng
        Source of randomness.

    Returns
    -------
    weights : `numpy.ndarray`
        Float64 counts, shape (n_resamples, n_groups); every row sums to ``n_groups``.
    """
    return rng.multinomial(n_groups, np.full(n_groups, 1.0 / n_groups), size=n_resamples).astype(np.float64)


def grouped_counts(
    score: np.ndarray, group: np.ndarray, thresholds: np.ndarray, *, n_groups: int
) -> np.ndarray:
    """Count, per group, the scores at or above each threshold.

    Parameters
    ----------
    score
        Finite scores, shape (N,).
    group
        Group of each score, 0 … ``n_groups`` − 1, shape (N,).
    thresholds
        Ascending thresholds, shape (T,).
    n_groups
        Number of groups.

    Returns
    -------
    counts : `numpy.ndarray`
        Float64, shape (n_groups, T).
    """
    n_bins = len(thresholds) + 1
    passed = np.searchsorted(thresholds, score, side="right")
    histogram = np.bincount(group.astype(np.int64) * n_bins + passed, minlength=n_groups * n_bins)
    at_or_above = histogram.reshape(n_groups, n_bins)[:, ::-1].cumsum(axis=1)[:, ::-1]
    return at_or_above[:, 1:].astype(np.float64)


def estimate(value: float, resampled: np.ndarray, n: int) -> Estimate:
    """Join a value with the percentile interval of its resamples.

    Parameters
    ----------
    value
        Value measured on the data themselves.
    resampled
        Values of the resamples, shape (B,); NaN where undefined.  Where more than
        half are undefined, or none exist, there is no interval.
    n
        Number of detections behind the value.

    Returns
    -------
    result : `Estimate`
        Value and 68 % interval.
    """
    finite = resampled[np.isfinite(resampled)]
    if len(finite) <= len(resampled) // 2:
        return Estimate(float(value), n=int(n))
    low, high = np.percentile(finite, SIGMA_PERCENTILES)
    return Estimate(float(value), float(low), float(high), int(n))
