# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many epochs, one verdict: combined probability of an object, and the rule that confirms it."""

from __future__ import annotations

__all__ = ("ConfirmationRule", "EvidenceModel", "combine_scores", "group_pairs", "probability")

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
    failure_rate
        Share of a transient's epochs that look like anything but one: struck by a
        cosmic ray, blended, or not understood by the networks; 0 to 1.
    negative_failure_rate
        The same for negative detections, which no injection is like; 0 to 1.
    max_curve_ratio
        Largest absolute log likelihood ratio of the light curve.
    max_position_ratio
        Largest absolute log likelihood ratio of the scatter of the positions.
    template_echoes
        Whether templates are made of visits of the survey, so that what is in a
        single visit comes back, with the other sign, in others.
    """

    prior: float = 0.5
    max_log_ratio: float = 5.0
    night_correlation: float = 0.7
    correlation: float = 0.3
    failure_rate: float = 0.05
    negative_failure_rate: float = 0.5
    max_curve_ratio: float = 3.0
    max_position_ratio: float = 0.0
    template_echoes: bool = True


@dataclasses.dataclass(frozen=True)
class ConfirmationRule:
    """What makes an object a confirmed transient.

    Parameters
    ----------
    score_threshold
        Working threshold of the score.
    min_nights_above
        Least number of nights with a score above the threshold.
    min_nights
        Least number of nights that support the object: with a score above the prior,
        with a negative detection of what is above the threshold at least twice, or with
        a significant forced flux of the sign of the most significant detection.
    min_forced_snr
        Significance from which a forced flux supports an object; infinite for never.
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

    score_threshold: float = 0.25
    min_nights_above: int = 1
    min_nights: int = 2
    min_forced_snr: float = 4.0
    min_probability: float = 0.9
    min_peak_snr: float = 0.0
    max_negative_fraction: float = 1.0
    max_motion: float = 0.05
    max_motion_significance: float = 5.0

    def __str__(self) -> str:
        return (
            f"n_injected == 0 and n_nights_above >= {self.min_nights_above} "
            f"(score > {self.score_threshold:g}) and n_nights_supporting >= {self.min_nights} "
            f"(forced snr >= {self.min_forced_snr:g}) "
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
            & (objects["n_nights_above"] >= self.min_nights_above)
            & (objects["n_nights_supporting"] >= self.min_nights)
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
    is_negative: npt.ArrayLike,
    n_objects: int,
    model: EvidenceModel,
) -> npt.NDArray[np.float64]:
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
    is_negative
        Whether the detection is a negative one, bool, shape (N,).
    n_objects
        Number of objects M.
    model
        Prior, clipping, failure rates and correlations.

    Returns
    -------
    log_ratio : `numpy.ndarray`
        Combined log likelihood ratio, float64, shape (M,); NaN for an object
        without a finite score.

    Notes
    -----
    An epoch of score p has l = logit(p) - logit(prior), clipped to
    ±``max_log_ratio``: one overconfident stamp must not decide alone.  Of a
    transient's epochs a share ε fails and looks like bogus, so that the epoch
    contributes

        L = log((1 - ε) exp(l) + ε) ≥ log ε.

    ε is larger for negative detections: the networks learn from sources that
    appear, and what is in the template and has faded is not like those.  A high
    score of a negative detection counts, a low one hardly.

    Were epochs independent, their L would add up.  They are not: the residual of
    a bright star fools the network in the same way each time.  If the L of n
    epochs are equicorrelated Gaussians with correlation ρ, with opposite means
    for transients and bogus, the exact ratio of the joint likelihoods is

        L(n) = Σ L / (1 + (n - 1) ρ),

    the sum over as many epochs as are effectively independent (Kish's design
    effect).  It is applied twice, for positive and negative detections apart,
    which do not look alike: to the epochs of a night with
    ``night_correlation``, then to the nights with ``correlation``.  However
    often an object is seen, the evidence of one sign stays below
    ``max_log_ratio / ρ``.
    """
    p, own, nights, negative = (np.asarray(a) for a in (score, owner, night, is_negative))
    known = np.isfinite(p)
    single = _epoch_ratios(p[known].astype(float), negative[known].astype(bool), model)
    one_sign = 2 * own[known].astype(np.int64) + negative[known]
    group, first = group_pairs(one_sign, nights[known])
    nightly = _discounted(single, group, len(first), model.night_correlation)
    by_sign = _discounted(nightly, one_sign[first], 2 * n_objects, model.correlation).reshape(n_objects, 2)
    unknown = np.isnan(by_sign).all(axis=1)
    return np.where(unknown, np.nan, np.nan_to_num(by_sign).sum(axis=1))


def probability(log_ratio: npt.ArrayLike, prior: float) -> npt.NDArray[np.float64]:
    """Return the posterior probability that a log likelihood ratio gives.

    Parameters
    ----------
    log_ratio
        Log likelihood ratio, shape (M,).
    prior
        Probability before.

    Returns
    -------
    probability : `numpy.ndarray`
        Probability after, float64, shape (M,); NaN where the ratio is NaN.
    """
    odds = np.log(prior) - np.log1p(-prior)
    return 1.0 / (1.0 + np.exp(-(np.asarray(log_ratio, dtype=float) + odds)))


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


def _epoch_ratios(
    score: npt.NDArray[np.float64], is_negative: npt.NDArray[np.bool_], model: EvidenceModel
) -> npt.NDArray[np.float64]:
    """Return the log likelihood ratio of each epoch."""
    offset = np.log(model.prior) - np.log1p(-model.prior)
    with np.errstate(divide="ignore"):
        ratio = np.log(score) - np.log1p(-score) - offset
    ratio = np.clip(ratio, -model.max_log_ratio, model.max_log_ratio)
    failure = np.where(is_negative, model.negative_failure_rate, model.failure_rate)
    return np.log((1.0 - failure) * np.exp(ratio) + failure)


def _discounted(
    values: npt.NDArray[np.float64], owner: npt.NDArray[np.int64], n: int, rho: float
) -> npt.NDArray[np.float64]:
    """Sum values by owner, divided by the design effect; NaN where there are none."""
    count = np.bincount(owner, minlength=n)
    total = np.bincount(owner, weights=values, minlength=n) / (1.0 + np.maximum(count - 1, 0) * rho)
    return np.where(count > 0, total, np.nan)
