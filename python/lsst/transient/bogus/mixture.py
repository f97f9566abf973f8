# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mixture of real and bogus detections, taken apart by how injections score.

At a score with logit s, in units of the injections' mean and scatter, and for covariates x such
as the significance, there are ρ(x) real and ε(s, x) bogus unlabelled detections for each
injection::

    log ρ = x · γ                                    real ones score like injections of equal x
    log ε = x · δ − exp(b) s − κ (s² − 1) / 2        the density ratio falls nearly as a power

so that a detection is an injection with the probability 1 / (1 + ρ + ε), and an unlabelled
one is real with the probability ρ / (ρ + ε).  It is Platt's logistic regression of injections
against the rest, with a floor for the real detections among the rest.  No density is modelled:
the distribution of the injections' scores may be anything.

Coefficients are γ (P numbers), δ (P numbers), b and κ, with a weak prior.
Axes: resample B, detection N, group G.
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
_PRIOR_SLOPE = 3.0  # of two normals of equal width, so many widths apart
_PRIOR_SPREAD = (3.0, 0.5, 5.0, 0.5, 0.7, 1.0)
"""Standard deviations of γ0, other γ, δ0, other δ, b and κ: of what the data do not tell."""


@dataclasses.dataclass(frozen=True)
class MixtureSample:
    """Detections that a mixture is fitted to.

    Parameters
    ----------
    logit
        Logit of the score, less the injections' mean and over their scatter, shape (N,), finite.
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
        γ, δ, b and κ, shape (2 P + 2,).

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


def resample_mixture(
    sample: MixtureSample, coefficients: np.ndarray, multiplicity: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Fit resamples of the groups, each by one step from the fit to all.

    Parameters
    ----------
    sample
        Detections.
    coefficients
        Their fit, shape (2 P + 2,).
    multiplicity
        How often each group enters each resample, shape (B, G).
    rng
        Source of randomness: each resample has a prior of its own, drawn from the prior, so that
        what the data do not tell stays uncertain.

    Returns
    -------
    coefficients : `numpy.ndarray`
        Coefficients of every resample, shape (B, 2 P + 2).

    Notes
    -----
    The one-step bootstrap with a randomised prior: its cost does not grow with the number of
    resamples times that of detections.  Deviations are stretched by √(G / (G − 1)), which few groups lack.
    """
    centre, precision = _prior(sample)
    residual, weight, jacobian = _linearised(sample, coefficients)
    n_groups, n_coefficients = multiplicity.shape[1], jacobian.shape[1]
    gradients = np.zeros((n_groups, n_coefficients))
    np.add.at(gradients, sample.group, jacobian * residual[:, None])
    products = jacobian[:, :, None] * (jacobian * weight[:, None])[:, None, :]
    informations = np.zeros((n_groups, n_coefficients, n_coefficients))
    np.add.at(informations, sample.group, products)
    centres = centre + rng.normal(size=(len(multiplicity), n_coefficients)) / np.sqrt(precision)
    gradient = multiplicity @ gradients - precision * (coefficients - centres)
    information = np.tensordot(multiplicity, informations, 1) + np.diag(precision)
    step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    step *= np.sqrt(n_groups / max(n_groups - 1, 1))
    return np.asarray(coefficients + np.clip(step, -_LARGEST_DEVIATION, _LARGEST_DEVIATION))


def real_probability(coefficients: np.ndarray, logit: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Return the probability that unlabelled detections are real.

    Parameters
    ----------
    coefficients
        Coefficients, shape (B, 2 P + 2).
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
        Coefficients, shape (B, 2 P + 2).
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
    slope, curvature = np.exp(coefficients[:, 2 * n, None]), coefficients[:, 2 * n + 1, None]
    log_bogus = coefficients[:, n : 2 * n] @ covariates.T - slope * logit - curvature * _bend(logit)
    return log_real, log_bogus


def _bend(logit: np.ndarray) -> np.ndarray:
    """Return what κ multiplies: a parabola that goes on straight beyond two scatters."""
    held = np.clip(logit, -2.0, 2.0)
    return np.asarray(0.5 * (held**2 - 1.0) + held * (logit - held))


def _prior(sample: MixtureSample) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and inverse variance of the prior of the coefficients."""
    n = sample.covariates.shape[1]
    n_injected = max(int(sample.injected.sum()), 1)
    ratio = max(len(sample.injected) - n_injected, 1) / n_injected
    centre = np.zeros(2 * n + 2)
    # As many real as bogus at the lowest injections, and from there a steep fall: where
    # nothing is seen of the bogus, what scores like injections is taken for real.
    centre[[0, n]] = np.log(_PRIOR_ALPHA * ratio)
    centre[n] += _PRIOR_SLOPE * sample.logit[sample.injected].min(initial=0.0)
    centre[2 * n] = np.log(_PRIOR_SLOPE)
    first, other, first_bogus, other_bogus, *shape = _PRIOR_SPREAD
    spread = np.array([first, *[other] * (n - 1), first_bogus, *[other_bogus] * (n - 1), *shape])
    return centre, spread**-2


def _objective(sample: MixtureSample, theta: np.ndarray, centre: np.ndarray, precision: np.ndarray) -> float:
    """Return the negative log posterior."""
    log_real, log_bogus = _log_ratios(theta[None], sample.logit, sample.covariates)
    odds = np.logaddexp(log_real, log_bogus)[0]
    loss = np.logaddexp(0.0, np.where(sample.injected, odds, -odds)).sum()
    return float(loss + 0.5 * (precision * (theta - centre) ** 2).sum())


def _linearised(sample: MixtureSample, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return residual (N,), Fisher weight (N,) and Jacobian (N, 2 P + 2) of the log odds of "unlabelled"."""
    log_real, log_bogus = (v[0] for v in _log_ratios(theta[None], sample.logit, sample.covariates))
    odds = np.logaddexp(log_real, log_bogus)
    unlabelled = np.exp(-np.logaddexp(0.0, -odds))
    real = np.exp(log_real - odds)[:, None]
    shape = np.column_stack([-np.exp(theta[-2]) * sample.logit, -_bend(sample.logit)])
    jacobian = np.hstack([real * sample.covariates, (1 - real) * np.hstack([sample.covariates, shape])])
    return ~sample.injected - unlabelled, unlabelled * (1 - unlabelled), jacobian
