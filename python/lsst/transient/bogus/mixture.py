# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mixture of real and bogus detections, taken apart by how injections score.

At a score with logit s, and for covariates x such as the significance, there are ρ(x) real
and ε(s, x) bogus unlabelled detections for each injection::

    log ρ = x · γ                 real detections score like injections of the same x
    log ε = x · δ − exp(b) s      the logit is a straight line in the log density ratio

so that a detection is an injection with the probability 1 / (1 + ρ + ε), and an unlabelled
one is real with the probability ρ / (ρ + ε).  It is Platt's logistic regression of injections
against the rest, with a floor for the real detections among the rest.  No density is modelled:
the distribution of the injections' scores may be anything.

Coefficients are γ (P numbers), δ (P numbers) and b.  Axes: resample B, detection N, group G.
"""

from __future__ import annotations

__all__ = (
    "MixtureSample",
    "fit_mixture",
    "real_per_injection",
    "real_probability",
    "resample_mixture",
    "standard_covariates",
)

import dataclasses

import numpy as np

_HELD_PERCENTILES = (2.0, 98.0)
_MAX_ITERATIONS = 60
_LARGEST_STEP = 3.0  # in log ρ and the like: keeps the first Newton steps from running away
_LARGEST_DEVIATION = 2.0  # the same for the single step of a resample
_PRIOR_ALPHA = 0.05
_PRIOR_SPREAD = (3.0, 1.0, 5.0, 2.0, 1.0)
"""Standard deviations of γ0, other γ, δ0, other δ, and b: weak, but all coefficients finite."""


@dataclasses.dataclass(frozen=True)
class MixtureSample:
    """Detections that a mixture is fitted to.

    Parameters
    ----------
    logit
        Logit of the score, shape (N,), finite.
    covariates
        Covariates, shape (N, P); the first column is 1.
    injected
        Whether each is an injection, shape (N,).
    group
        Group (visit) of each, 0 … G − 1, shape (N,).
    """

    logit: np.ndarray
    covariates: np.ndarray
    injected: np.ndarray
    group: np.ndarray


def standard_covariates(values: np.ndarray, injected: np.ndarray) -> np.ndarray:
    """Scale covariates by what the injections span, and put a column of ones in front.

    Parameters
    ----------
    values
        Covariates, shape (N, Q); NaN counts as the injections' mean.
    injected
        Whether each detection is an injection, shape (N,); some are.

    Returns
    -------
    covariates : `numpy.ndarray`
        Shape (N, Q + 1).  Each is held between the 2nd and 98th percentile of the injections
        and has zero mean and unit variance among them: beyond, nothing is known of how real
        detections score, and few bright detections would rule the fit.
    """
    if values.shape[1] == 0:
        return np.ones((len(values), 1))
    reference = values[injected]
    low, high = np.nanpercentile(reference, _HELD_PERCENTILES, axis=0)
    held = np.clip(values, low, high)
    mean, spread = np.nanmean(held[injected], axis=0), np.nanstd(held[injected], axis=0)
    scaled = np.nan_to_num((held - mean) / np.where(spread > 0, spread, 1.0))
    return np.column_stack([np.ones(len(values)), scaled])


def fit_mixture(sample: MixtureSample) -> np.ndarray:
    """Fit the coefficients by maximum likelihood, with a weak prior.

    Parameters
    ----------
    sample
        Detections.

    Returns
    -------
    coefficients : `numpy.ndarray`
        γ, δ and b, shape (2 P + 1,).

    Notes
    -----
    Fisher scoring with Levenberg's damping.
    """
    centre, precision = _prior(sample)
    theta, damping = centre.copy(), 1e-3
    value = _objective(sample, theta, centre, precision)
    for _ in range(_MAX_ITERATIONS):
        residual, weight, jacobian = _linearised(sample, theta)
        gradient = jacobian.T @ residual - precision * (theta - centre)
        information = (jacobian.T * weight) @ jacobian + np.diag(precision)
        step = np.linalg.solve(information + damping * np.diag(np.diag(information)), gradient)
        trial = theta + np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
        trial_value = _objective(sample, trial, centre, precision)
        if not trial_value <= value:
            damping *= 10.0
            if damping > 1e10:
                break
            continue
        converged = value - trial_value < 1e-8 * (1.0 + abs(value))
        theta, value, damping = trial, trial_value, damping * 0.2
        if converged:
            break
    return theta


def resample_mixture(sample: MixtureSample, coefficients: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
    """Fit resamples of the groups, each by one step from the fit to all.

    Parameters
    ----------
    sample
        Detections.
    coefficients
        Their fit, shape (2 P + 1,).
    multiplicity
        How often each group enters each resample, shape (B, G).

    Returns
    -------
    coefficients : `numpy.ndarray`
        Coefficients of every resample, shape (B, 2 P + 1).

    Notes
    -----
    The one-step bootstrap: its cost does not grow with the number of resamples times that of
    detections.  Deviations are stretched by √(G / (G − 1)), which few groups lack.
    """
    centre, precision = _prior(sample)
    residual, weight, jacobian = _linearised(sample, coefficients)
    n_groups, n_coefficients = multiplicity.shape[1], jacobian.shape[1]
    gradients = np.zeros((n_groups, n_coefficients))
    np.add.at(gradients, sample.group, jacobian * residual[:, None])
    products = jacobian[:, :, None] * (jacobian * weight[:, None])[:, None, :]
    informations = np.zeros((n_groups, n_coefficients, n_coefficients))
    np.add.at(informations, sample.group, products)
    gradient = multiplicity @ gradients - precision * (coefficients - centre)
    information = np.tensordot(multiplicity, informations, 1) + np.diag(precision)
    step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    step *= np.sqrt(n_groups / max(n_groups - 1, 1))
    return np.asarray(coefficients + np.clip(step, -_LARGEST_DEVIATION, _LARGEST_DEVIATION))


def real_probability(coefficients: np.ndarray, logit: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Return the probability that unlabelled detections are real.

    Parameters
    ----------
    coefficients
        Coefficients, shape (B, 2 P + 1).
    logit
        Logits of the scores, shape (N,).
    covariates
        Covariates, shape (N, P).

    Returns
    -------
    probability : `numpy.ndarray`
        ρ / (ρ + ε), shape (B, N).
    """
    log_real, log_bogus = _log_ratios(coefficients, logit, covariates)
    return np.asarray(np.exp(log_real - np.logaddexp(log_real, log_bogus)))


def real_per_injection(coefficients: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Return how many real unlabelled detections there are for each injection.

    Parameters
    ----------
    coefficients
        Coefficients, shape (B, 2 P + 1).
    covariates
        Covariates of the injections, shape (M, P).

    Returns
    -------
    ratio : `numpy.ndarray`
        ρ, shape (B, M).
    """
    n = covariates.shape[1]
    return np.exp(np.clip(coefficients[:, :n] @ covariates.T, -50.0, 50.0))


def _log_ratios(
    coefficients: np.ndarray, logit: np.ndarray, covariates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return log ρ and log ε, (B, N)."""
    n = covariates.shape[1]
    log_real = coefficients[:, :n] @ covariates.T
    log_bogus = coefficients[:, n : 2 * n] @ covariates.T - np.exp(coefficients[:, 2 * n :]) * logit
    return log_real, log_bogus


def _prior(sample: MixtureSample) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and inverse variance of the prior of the coefficients."""
    n = sample.covariates.shape[1]
    n_injected = max(int(sample.injected.sum()), 1)
    ratio = max(len(sample.injected) - n_injected, 1) / n_injected
    centre = np.zeros(2 * n + 1)
    # As many real as bogus at the lowest injections, and from there a slope of 1: where
    # nothing is seen of the bogus, what scores like injections is taken for real.
    centre[[0, n]] = np.log(_PRIOR_ALPHA * ratio)
    centre[n] += sample.logit[sample.injected].min(initial=0.0)
    first, other, first_bogus, other_bogus, slope = _PRIOR_SPREAD
    spread = np.array([first, *[other] * (n - 1), first_bogus, *[other_bogus] * (n - 1), slope])
    return centre, spread**-2


def _objective(sample: MixtureSample, theta: np.ndarray, centre: np.ndarray, precision: np.ndarray) -> float:
    """Return the negative log posterior."""
    log_real, log_bogus = _log_ratios(theta[None], sample.logit, sample.covariates)
    odds = np.logaddexp(log_real, log_bogus)[0]
    loss = np.logaddexp(0.0, np.where(sample.injected, odds, -odds)).sum()
    return float(loss + 0.5 * (precision * (theta - centre) ** 2).sum())


def _linearised(sample: MixtureSample, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return residual (N,), Fisher weight (N,) and Jacobian (N, 2 P + 1) of the log odds of "unlabelled"."""
    log_real, log_bogus = (v[0] for v in _log_ratios(theta[None], sample.logit, sample.covariates))
    odds = np.logaddexp(log_real, log_bogus)
    unlabelled = np.exp(-np.logaddexp(0.0, -odds))
    real = np.exp(log_real - odds)[:, None]
    slope = -np.exp(theta[-1]) * sample.logit[:, None]
    jacobian = np.hstack([real * sample.covariates, (1 - real) * sample.covariates, (1 - real) * slope])
    return ~sample.injected - unlabelled, unlabelled * (1 - unlabelled), jacobian
