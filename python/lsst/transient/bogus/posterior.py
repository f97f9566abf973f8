# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of which unlabelled detections are real: probabilities, and draws of what may be."""

from __future__ import annotations

__all__ = ("LabelFreeRates", "RealPosterior")

import dataclasses

import numpy as np

from .resampling import SIGMA_PERCENTILES, Estimate


@dataclasses.dataclass(frozen=True)
class LabelFreeRates:
    """Operating point of a selection, without labels.

    Parameters
    ----------
    alpha
        Fraction of the unlabelled detections that is real.
    tpr
        Fraction of the real detections that is selected.
    fpr
        Fraction of the bogus detections that is selected.
    purity
        Fraction of the selected unlabelled detections that is real.
    """

    alpha: Estimate
    tpr: Estimate
    fpr: Estimate
    purity: Estimate


@dataclasses.dataclass(frozen=True)
class RealPosterior:
    """What is known, without labels, of which unlabelled detections are real.

    Parameters
    ----------
    probability
        Probability of being real, float64, shape (N,); NaN without a score.
    draws
        Drawn outcomes, bool, shape (B, N): each row is one way in which it may be.  No
        rows: no intervals.
    """

    probability: np.ndarray
    draws: np.ndarray

    def rates(self, selected: np.ndarray, among: np.ndarray | None = None) -> LabelFreeRates:
        """Count the rates of a selection.

        Parameters
        ----------
        selected
            Which detections are selected, shape (N,).
        among
            Subset of the detections that is looked at, shape (N,); all by default.

        Returns
        -------
        rates : `LabelFreeRates`
            Means of the draws with 68 % intervals; NaN where undefined.
        """
        known = np.isfinite(self.probability) if among is None else np.isfinite(self.probability) & among
        chosen = known & selected
        n, n_chosen = int(known.sum()), int(chosen.sum())
        real, real_chosen = self.number(known), self.number(chosen)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = (
                (real / n, n),
                (real_chosen / real, n),
                ((n_chosen - real_chosen) / (n - real), n),
                (real_chosen / n_chosen, n_chosen),
            )
        return LabelFreeRates(*(_estimate(value, count) for value, count in values))

    def number(self, mask: np.ndarray) -> np.ndarray:
        """Count the real detections of a subset.

        Parameters
        ----------
        mask
            Subset, shape (N,).

        Returns
        -------
        number : `numpy.ndarray`
            Expected number, then that of each draw, shape (1 + B,).
        """
        expected = self.probability[mask & np.isfinite(self.probability)].sum()
        return np.concatenate([[expected], self.draws[:, mask].sum(axis=1)])

    def fraction(self, mask: np.ndarray) -> Estimate:
        """Estimate the fraction of a subset that is real.

        Parameters
        ----------
        mask
            Subset, shape (N,).

        Returns
        -------
        fraction : `Estimate`
            With its 68 % interval.
        """
        known = mask & np.isfinite(self.probability)
        n = int(known.sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            return _estimate(self.number(known) / n, n)


def _estimate(values: np.ndarray, n: int) -> Estimate:
    """Summarise the expected value, first, and the draws."""
    drawn = values[1:][np.isfinite(values[1:])]
    if len(drawn) == 0:
        return Estimate(float(values[0]), n=n)
    low, high = np.percentile(drawn, SIGMA_PERCENTILES)
    # The mean of a very skewed distribution may lie outside: of counts that are nearly always 0.
    return Estimate(float(np.clip(drawn.mean(), low, high)), float(low), float(high), n)
