# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the networks' scores to probabilities of being a real transient."""

from __future__ import annotations

__all__ = ("Calibration", "weigh_injections")

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.optimize

from .errors import InsufficientDataError
from .purity import real_posterior

_MAX_LOGIT = 30.0  # beyond this, float64 odds are meaningless


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A monotonic map from a raw score to a probability.

    Parameters
    ----------
    knots
        Logits of raw scores, increasing.
    values
        Logit of the probability of "injected" at each knot, not decreasing.
    ratio
        Unlabelled samples per injection among the samples of the fit.
    prior
        Fraction α of real transients among the unlabelled.
    end_slope
        Slope of the map, in logits, beyond the knots.

    Notes
    -----
    Between knots the map is linear in logits; beyond them it goes on with the
    slope ``end_slope``.  With g the probability of "injected" among the samples
    of the fit, an unlabelled source is real with the probability
    ``min(1, α · ratio · g / (1 − g))``, because unlabelled sources have the density
    ``f_U = α f_P + (1 − α) f_B`` and ``g / (1 − g) = f_P / (ratio · f_U)``
    (Elkan & Noto 2008).  This holds as far as injections score like real sources: see
    `weigh_injections`.
    """

    knots: tuple[float, ...]
    values: tuple[float, ...]
    ratio: float
    prior: float
    end_slope: float = 1.0

    @classmethod
    def fit(
        cls,
        score: npt.ArrayLike,
        label: npt.ArrayLike,
        *,
        method: str = "isotonic",
        prior: float,
        weight: npt.ArrayLike | None = None,
    ) -> Calibration:
        """Fit the map to out-of-fold scores.

        Parameters
        ----------
        score
            Raw scores from 0 to 1, shape (N,); NaN is ignored.
        label
            1 for injected, 0 for unlabelled.
        method
            ``isotonic`` (free form, for thousands of samples) or ``platt`` (a line
            in logits, for few).
        prior
            Fraction of real transients among the unlabelled, from 0 to 1.
        weight
            Weight of each injection, positive, shape (N,); only ratios matter, and those of
            unlabelled sources are ignored.  All the same by default.

        Returns
        -------
        calibration : `Calibration`
            The map.

        Raises
        ------
        InsufficientDataError
            Raised if a class has no finite score.
        ValueError
            Raised if the method is unknown.
        """
        raw, injected = np.asarray(score, dtype=float), np.asarray(label) == 1
        finite = np.isfinite(raw)
        weights = np.ones(len(raw)) if weight is None else np.asarray(weight, dtype=float)
        logit, injected, weights = _logit(raw[finite]), injected[finite], weights[finite]
        n_positive, n_negative = int(injected.sum()), int((~injected).sum())
        if not n_positive or not n_negative:
            raise InsufficientDataError(
                f"Cannot calibrate scores of {n_positive} injected and {n_negative} unlabelled sources.",
                n_positive=n_positive,
                n_negative=n_negative,
            )
        ratio = n_negative / n_positive
        weights = np.where(injected, weights / weights[injected].mean(), 1.0)
        if method == "isotonic":
            knots, values = _isotonic(logit, injected, weights)
            return cls(tuple(knots.tolist()), tuple(values.tolist()), ratio, prior)
        if method == "platt":
            slope, offset = _platt(logit, injected, weights)
            return cls((0.0,), (offset,), ratio, prior, end_slope=slope)
        raise ValueError(f"Unknown calibration {method!r}; known are 'isotonic' and 'platt'.")

    def injected_probability(self, score: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the probability of "injected" in the mixture of the fit.

        Parameters
        ----------
        score
            Raw scores from 0 to 1.

        Returns
        -------
        probability : `numpy.ndarray`
            g, same shape; NaN where the score is NaN.
        """
        return _expit(self._calibrated_logit(score))

    def apply(self, score: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the probability that an unlabelled source is real.

        Parameters
        ----------
        score
            Raw scores from 0 to 1.

        Returns
        -------
        probability : `numpy.ndarray`
            Same shape; NaN where the score is NaN.
        """
        odds = np.exp(self._calibrated_logit(score))
        return np.minimum(1.0, self.prior * self.ratio * odds)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as JSON types.

        Returns
        -------
        parameters : `dict`
            What `from_dict` reads.
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Calibration:
        """Rebuild a calibration.

        Parameters
        ----------
        parameters
            What `to_dict` gave, possibly after a round trip through JSON.

        Returns
        -------
        calibration : `Calibration`
            The same map.
        """
        plain = dict(parameters)
        return cls(**{**plain, "knots": tuple(plain["knots"]), "values": tuple(plain["values"])})

    def _calibrated_logit(self, score: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Interpolate between knots, and go on beyond them."""
        x = _logit(np.asarray(score, dtype=float))
        knots, values = np.array(self.knots), np.array(self.values)
        inside = np.interp(x, knots, values)
        beyond = np.minimum(x - knots[0], 0.0) + np.maximum(x - knots[-1], 0.0)
        return np.clip(inside + self.end_slope * beyond, -_MAX_LOGIT, _MAX_LOGIT)


def weigh_injections(
    score: npt.ArrayLike,
    label: npt.ArrayLike,
    stratum: npt.ArrayLike,
    *,
    covariate: npt.ArrayLike | None = None,
) -> tuple[npt.NDArray[np.float64], float]:
    """Weight injections such that they stand for the real sources among the unlabelled.

    Parameters
    ----------
    score
        Raw scores from 0 to 1, shape (N,); NaN is ignored.
    label
        1 for injected, 0 for unlabelled.
    stratum
        Stratum of each source, from 0; a bin of signal-to-noise, say.  Each should hold
        injections.
    covariate
        What the scores of real sources and their number depend on, such as the logarithm
        of the signal-to-noise, shape (N,); the stratum by default.

    Returns
    -------
    weight : `numpy.ndarray`
        Shape (N,): for injections the expected real unlabelled sources of their stratum for
        each injection there, over its mean; 1 for unlabelled sources.
    prior : `float`
        Fraction of real transients among the unlabelled.

    Raises
    ------
    InsufficientDataError
        Raised if a class has no finite score.

    Notes
    -----
    Injections are drawn to be learnt from, not to have the brightness of real transients;
    within a stratum they score alike.  Real sources of each stratum are counted as by
    `lsst.transient.bogus.purity.real_posterior` with the covariate, and no stratum is
    taken to hold fewer than half a source.
    """
    raw, injected, bins = np.asarray(score, dtype=float), np.asarray(label) == 1, np.asarray(stratum)
    covariates = np.asarray(stratum if covariate is None else covariate, dtype=float)[:, None]
    posterior = real_posterior(
        raw[~injected],
        raw[injected],
        covariates_unlabelled=covariates[~injected],
        covariates_injected=covariates[injected],
    )
    finite, n_strata = np.isfinite(raw), int(bins.max()) + 1
    known, judged = finite & injected, np.isfinite(posterior.probability)
    chance = posterior.probability[judged]
    real = np.bincount(bins[~injected][judged], weights=chance, minlength=n_strata)
    real = np.maximum(real, 0.5)
    n_injected = np.bincount(bins[known], minlength=n_strata)
    each = real / np.maximum(n_injected, 1.0)
    weight = np.where(injected, each[bins] / each[bins[known]].mean(), 1.0)
    return weight, float(min(1.0, real[n_injected > 0].sum() / judged.sum()))


def _isotonic(
    logit: npt.NDArray[np.float64], injected: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Fit a non-decreasing step function and return the middle and height of its steps.

    Half a sample of either class is added to every step, so that none is certain.
    """
    x, inverse = np.unique(logit, return_inverse=True)
    weight = np.bincount(inverse, weights=weights)
    rate = np.bincount(inverse, weights=weights * injected) / weight
    blocks = scipy.optimize.isotonic_regression(rate, weights=weight).blocks
    count = np.add.reduceat(weight, blocks[:-1])
    hits = np.add.reduceat(weight * rate, blocks[:-1])
    middle = np.add.reduceat(weight * x, blocks[:-1]) / count
    height = np.log((hits + 0.5) / (count - hits + 0.5))
    # The added half samples may turn the order of two small steps round.
    return middle, np.maximum.accumulate(height)


def _platt(
    logit: npt.NDArray[np.float64], injected: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Fit slope and offset of a logistic regression, targets smoothed as Platt (1999) does."""
    n_positive, n_negative = injected.sum(), (~injected).sum()
    target = np.where(injected, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def risk(parameters: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        z = parameters[0] * logit + parameters[1]
        residual = weights * (_expit(z) - target)
        gradient = np.array([(residual * logit).mean(), residual.mean()])
        return float((weights * (np.logaddexp(0.0, z) - target * z)).mean()), gradient

    start = np.array([1.0, np.log(n_positive / n_negative)])
    slope, offset = scipy.optimize.minimize(risk, start, jac=True, bounds=[(1e-3, None), (None, None)]).x
    return float(slope), float(offset)


def _logit(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return log odds, finite at 0 and 1."""
    tiny = np.exp(-_MAX_LOGIT)
    return np.log(np.maximum(p, tiny)) - np.log(np.maximum(1.0 - p, tiny))


def _expit(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the probability of log odds."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))
