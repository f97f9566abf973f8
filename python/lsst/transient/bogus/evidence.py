# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many epochs, one verdict: combined probability of an object, and the rule that confirms it."""

from __future__ import annotations

__all__ = ("ConfirmationRule", "EvidenceModel", "combine_scores", "group_pairs")

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


@dataclasses.dataclass(frozen=True)
class EvidenceModel:
    """How the scores of one object's epochs are taken together.

    Parameters
    ----------
    prior
        Probability of a transient that the calibrated scores assume before a
        stamp is seen: the share of transients in the population on which they
        are calibrated.
    max_log_ratio
        Largest absolute log likelihood ratio that one epoch may contribute.
    night_correlation
        Correlation of the evidence of two epochs of the same night, 0 to 1.
    correlation
        Correlation of the evidence of two nights, 0 to 1.
    """

    prior: float = 0.5
    max_log_ratio: float = 5.0
    night_correlation: float = 0.7
    correlation: float = 0.3


@dataclasses.dataclass(frozen=True)
class ConfirmationRule:
    """What makes an object a confirmed transient.

    Parameters
    ----------
    score_threshold
        Working threshold of the score.
    min_nights
        Least number of nights with a score above the threshold.
    min_probability
        The combined probability must exceed this.
    min_peak_snr
        Least peak significance.
    max_negative_fraction
        Largest accepted fraction of negative detections.
    max_motion
        Largest accepted motion in arcsec/d, where it is significant.
    max_motion_significance
        Significance from which a motion counts.
    """

    score_threshold: float = 0.5
    min_nights: int = 2
    min_probability: float = 0.9
    min_peak_snr: float = 0.0
    max_negative_fraction: float = 1.0
    max_motion: float = 0.05
    max_motion_significance: float = 5.0

    def __str__(self) -> str:
        return (
            f"n_injected == 0 and n_nights_above >= {self.min_nights} (score > {self.score_threshold:g}) "
            f"and probability > {self.min_probability:g} and peak_snr >= {self.min_peak_snr:g} "
            f"and negative_fraction <= {self.max_negative_fraction:g} "
            f"and not (motion > {self.max_motion:g} arcsec/d "
            f"and motion_significance > {self.max_motion_significance:g})"
        )

    def holds(self, objects: Mapping[str, np.ndarray]) -> npt.NDArray[np.bool_]:
        """Tell which objects the rule confirms.

        Parameters
        ----------
        objects
            Columns of ``transient_objects``, each of shape (M,).

        Returns
        -------
        confirmed : `numpy.ndarray`
            Whether the rule holds, bool, shape (M,).  An unknown probability
            never confirms; an unknown motion never rejects.
        """
        moves = (objects["motion"] > self.max_motion) & (
            objects["motion_significance"] > self.max_motion_significance
        )
        confirmed: npt.NDArray[np.bool_] = (
            (objects["n_injected"] == 0)
            & (objects["n_nights_above"] >= self.min_nights)
            & (objects["probability"] > self.min_probability)
            & (objects["peak_snr"] >= self.min_peak_snr)
            & (objects["negative_fraction"] <= self.max_negative_fraction)
            & ~moves
        )
        return confirmed


def combine_scores(
    score: npt.ArrayLike,
    owner: npt.ArrayLike,
    night: npt.ArrayLike,
    *,
    n_objects: int,
    model: EvidenceModel,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Combine the calibrated scores of each object's epochs.

    Parameters
    ----------
    score
        Calibrated probability of each epoch, shape (N,).  Epochs whose score
        is not finite are left out.
    owner
        Object of each epoch, 0 to ``n_objects - 1``, shape (N,).
    night
        Night of each epoch, int, shape (N,).
    n_objects
        Number of objects M.
    model
        Prior, clipping and correlations.

    Returns
    -------
    log_ratio : `numpy.ndarray`
        Combined log likelihood ratio, float64, shape (M,); NaN for an object
        without a finite score.
    probability : `numpy.ndarray`
        Posterior probability with the prior of the model, float64, shape (M,).

    Notes
    -----
    An epoch of score p contributes L = logit(p) - logit(prior), clipped to
    ±``max_log_ratio``: one overconfident stamp must not decide alone.  Were
    epochs independent, their L would add up.  They are not: the residual of a
    bright star fools the network in the same way each time.  If the L of n
    epochs are equicorrelated Gaussians with correlation ρ, with opposite means
    for transients and bogus, the exact ratio of the joint likelihoods is

        L(n) = Σ L / (1 + (n - 1) ρ),

    the sum over as many epochs as are effectively independent (Kish's design
    effect).  It is applied twice: to the epochs of a night with
    ``night_correlation``, then to the nights with ``correlation``.  However
    often an object is seen, its evidence stays below ``max_log_ratio / ρ``.
    The probability of an object with a single epoch is its (clipped) score.
    """
    p, own, nights = (np.asarray(a) for a in (score, owner, night))
    known = np.isfinite(p)
    offset = np.log(model.prior) - np.log1p(-model.prior)
    with np.errstate(divide="ignore"):
        single = np.log(p[known].astype(float)) - np.log1p(-p[known].astype(float)) - offset
    single = np.clip(single, -model.max_log_ratio, model.max_log_ratio)
    group, first = group_pairs(own[known], nights[known])
    nightly = _discounted(single, group, len(first), model.night_correlation)
    log_ratio = _discounted(nightly, own[known][first], n_objects, model.correlation)
    return log_ratio, 1.0 / (1.0 + np.exp(-(log_ratio + offset)))


def group_pairs(
    owner: npt.NDArray[np.int64], key: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give every distinct pair of owner and key a number.

    Parameters
    ----------
    owner
        Object of each row, not negative, shape (N,).
    key
        Second part of the pair (a night, a band, ...), integer, shape (N,).

    Returns
    -------
    group : `numpy.ndarray`
        Pair of each row, int64, shape (N,), numbered by owner, then key.
    first : `numpy.ndarray`
        A row of each pair, int64, shape (G,).
    """
    order = np.lexsort((key, owner))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(owner[order]) != 0) | (np.diff(key[order]) != 0)
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    return group, order[new]


def _discounted(
    values: npt.NDArray[np.float64], owner: npt.NDArray[np.int64], n: int, rho: float
) -> npt.NDArray[np.float64]:
    """Sum values by owner, divided by the design effect; NaN where there are none."""
    count = np.bincount(owner, minlength=n)
    total = np.bincount(owner, weights=values, minlength=n) / (1.0 + np.maximum(count - 1, 0) * rho)
    return np.where(count > 0, total, np.nan)
