# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many unlabelled detections are real, and how pure a selection is, without any label.

Unlabelled detections are a mixture: a fraction α is real, the rest is bogus.  Given the
assumption that real detections score like injections of the same covariates (significance,
say), `real_posterior` says of every unlabelled detection how probable it is to be real, and
draws which ones are, as far as is known.  Every rate, with its interval, is counted from these
draws, so that an estimate lies in its own interval and no rate leaves 0 … 1.
"""

from __future__ import annotations

__all__ = (
    "Contamination",
    "estimate_contamination",
    "label_free_rates",
    "real_posterior",
)

import dataclasses

import numpy as np

from .errors import InsufficientDataError
from .mixture import (
    MixtureSample,
    fit_mixture,
    real_per_injection,
    real_probability,
    resample_mixture,
    standard_covariates,
)
from .posterior import LabelFreeRates, RealPosterior
from .resampling import resampling_weights

FITTED_TPR = 0.98
"""The mixture is fitted where this fraction of the injections scores: below, all but a few are bogus."""

MIN_FITTED = 200
"""It is fitted to this many unlabelled detections at least: without bogus among them, all would be real."""

_N_BLOCKS = 500  # detections without visits are resampled in as many parts

_MIN_SCATTER = 0.1  # of the injections' logits: they may all be alike
_MAX_LOGIT = 20.0  # float32 probabilities end at 17


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
    """

    alpha: float
    low: float
    high: float


def real_posterior(
    score_unlabelled: np.ndarray,
    score_injected: np.ndarray,
    *,
    covariates_unlabelled: np.ndarray | None = None,
    covariates_injected: np.ndarray | None = None,
    group_unlabelled: np.ndarray | None = None,
    group_injected: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
    n_resamples: int = 300,
    tolerance: float = 0.0,
) -> RealPosterior:
    """Say which unlabelled detections are real, from how injections score.

    Parameters
    ----------
    score_unlabelled
        Out-of-fold scores of the unlabelled detections, from 0 to 1, shape (N,); NaN is
        ignored.  They should be the networks' own output: their logit is what the bogus
        are extrapolated in.
    score_injected
        Out-of-fold scores of the detected injections, shape (M,).
    covariates_unlabelled
        What real detections may differ in from injections, shape (N, Q); none by default.
    covariates_injected
        The same of the injections, shape (M, Q).
    group_unlabelled
        Visit of each unlabelled detection, shape (N,).  Single detections are resampled
        without it.
    group_injected
        Visit of each injection, shape (M,).
    rng
        Source of randomness; without it nothing is drawn and there are no intervals.
    n_resamples
        Number of draws.
    tolerance
        Scatter of the logarithms of ρ and ε in the draws, beyond that of the fit: by how much
        the numbers of real and of bogus that score alike may be wrong because real detections
        are not quite like injections.  0 takes the assumption for exact.

    Returns
    -------
    posterior : `RealPosterior`
        Probabilities, and draws from them.

    Raises
    ------
    InsufficientDataError
        Raised if there is no finite score of one of the kinds.

    Notes
    -----
    The model is that of the module ``mixture``.  Below the range that is fitted, the real
    detections number as many as the injections there stand for.  Each draw has coefficients
    of its own, from resampled visits, and then takes every detection to be real with its
    probability: the intervals are those of what is true of *this* survey.
    """
    logit = np.concatenate([_logit(score_unlabelled), _logit(score_injected)])
    injected = np.arange(len(logit)) >= len(score_unlabelled)
    finite = np.isfinite(logit)
    _check_numbers(int((finite & ~injected).sum()), int((finite & injected).sum()))
    values = np.zeros((len(logit), 0))
    if covariates_unlabelled is not None and covariates_injected is not None:
        values = np.concatenate([covariates_unlabelled, covariates_injected]).astype(np.float64)
    covariates = np.ones((len(logit), values.shape[1] + 1))
    covariates[finite] = standard_covariates(values[finite], injected[finite])
    if group_unlabelled is None or group_injected is None:
        group = np.arange(len(logit)) % _N_BLOCKS
    else:
        group = np.unique(np.concatenate([group_unlabelled, group_injected]), return_inverse=True)[1]
    fitted = finite & (logit >= _fitted_from(logit[finite], injected[finite]))
    middle, scatter = logit[fitted & injected].mean(), logit[fitted & injected].std()
    logit = (logit - middle) / max(float(scatter), _MIN_SCATTER)
    sample = MixtureSample(logit[fitted], covariates[fitted], injected[fitted], group[fitted])
    coefficients = fit_mixture(sample)[None]
    weights = np.ones((1, int(group.max()) + 1))
    if rng is not None and n_resamples:
        drawn = resampling_weights(weights.shape[1], n_resamples, rng)
        resampled = resample_mixture(sample, coefficients[0], drawn, rng)
        for column in (0, covariates.shape[1]):
            resampled[:, column] += tolerance * rng.normal(size=len(resampled))
        coefficients = np.concatenate([coefficients, resampled])
        weights = np.concatenate([weights, drawn])
    below = finite & injected & ~fitted
    missing = (weights[:, group[below]] * real_per_injection(coefficients, covariates[below])).sum(axis=1)
    rows = np.flatnonzero(~injected)
    probability = np.full((len(weights), len(rows)), np.nan, dtype=np.float32)
    good, faint = fitted[rows], (finite & ~fitted)[rows]
    probability[:, good] = real_probability(coefficients, logit[rows[good]], covariates[rows[good]])
    shape = real_probability(coefficients[:1], logit[rows[faint]], covariates[rows[faint]])
    factor = missing[:, None] / max(float(shape.sum()), 1e-300)
    probability[:, faint] = np.minimum(shape * factor, 1.0)
    draws = np.zeros((0, len(rows)), dtype=bool)
    if rng is not None and n_resamples:
        draws = rng.random((n_resamples, len(rows)), dtype=np.float32) < probability[1:]
    return RealPosterior(probability[0].astype(np.float64), draws)


def _fitted_from(logit: np.ndarray, injected: np.ndarray) -> float:
    """Return the lowest logit at which the mixture is fitted."""
    others = np.sort(logit[~injected])[::-1]
    enough = others[min(len(others), MIN_FITTED) - 1]
    return float(min(np.quantile(logit[injected], 1.0 - FITTED_TPR, method="lower"), enough))


def _logit(score: np.ndarray) -> np.ndarray:
    """Return log odds, finite at 0 and 1."""
    p = np.asarray(score, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.clip(np.log(p) - np.log1p(-p), -_MAX_LOGIT, _MAX_LOGIT)


def _check_numbers(n_unlabelled: int, n_injected: int) -> None:
    if not n_unlabelled or not n_injected:
        raise InsufficientDataError(
            f"Contamination needs scores of both kinds; got {n_unlabelled} unlabelled and "
            f"{n_injected} injected.",
            n_unlabelled=n_unlabelled,
            n_injected=n_injected,
        )


def estimate_contamination(
    score_unlabelled: np.ndarray,
    score_injected: np.ndarray,
    *,
    covariates_unlabelled: np.ndarray | None = None,
    covariates_injected: np.ndarray | None = None,
) -> Contamination:
    """Estimate the fraction of unlabelled detections that is real.

    Parameters
    ----------
    score_unlabelled
        Out-of-fold scores of the unlabelled detections, from 0 to 1, shape (N,); NaN is ignored.
    score_injected
        Out-of-fold scores of the detected injections, shape (M,); NaN is ignored.
    covariates_unlabelled
        See `real_posterior`.
    covariates_injected
        See `real_posterior`.

    Returns
    -------
    contamination : `Contamination`
        Estimate, with an interval from resampled detections that is the same in every call.

    Raises
    ------
    InsufficientDataError
        Raised as by `real_posterior`.
    """
    posterior = real_posterior(
        score_unlabelled,
        score_injected,
        covariates_unlabelled=covariates_unlabelled,
        covariates_injected=covariates_injected,
        rng=np.random.default_rng(0),
        n_resamples=100,
    )
    alpha = posterior.fraction(np.ones(len(posterior.probability), dtype=bool))
    return Contamination(alpha.value, alpha.low, alpha.high)


def label_free_rates(
    score_unlabelled: np.ndarray,
    score_injected: np.ndarray,
    threshold: float,
    *,
    covariates_unlabelled: np.ndarray | None = None,
    covariates_injected: np.ndarray | None = None,
    group_unlabelled: np.ndarray | None = None,
    group_injected: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
    n_resamples: int = 300,
) -> LabelFreeRates:
    """Estimate contamination, true and false positive rate and purity at a threshold.

    Parameters
    ----------
    score_unlabelled
        See `real_posterior`.
    score_injected
        See `real_posterior`.
    threshold
        Score at or above which a detection is selected.
    covariates_unlabelled
        See `real_posterior`.
    covariates_injected
        See `real_posterior`.
    group_unlabelled
        See `real_posterior`.
    group_injected
        See `real_posterior`.
    rng
        See `real_posterior`.
    n_resamples
        See `real_posterior`.

    Returns
    -------
    rates : `LabelFreeRates`
        Rates with 68 % intervals.

    Raises
    ------
    InsufficientDataError
        Raised as by `real_posterior`.
    """
    posterior = real_posterior(
        score_unlabelled,
        score_injected,
        covariates_unlabelled=covariates_unlabelled,
        covariates_injected=covariates_injected,
        group_unlabelled=group_unlabelled,
        group_injected=group_injected,
        rng=rng,
        n_resamples=n_resamples,
    )
    return posterior.rates(np.asarray(score_unlabelled) >= threshold)
