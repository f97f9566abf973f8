# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which unlabelled samples are real, as judged by networks that did not see them."""

from __future__ import annotations

__all__ = ("UnlabelledJudgement", "judge_unlabelled")

import dataclasses

import numpy as np

from ..calibration import Calibration
from ..errors import InsufficientDataError
from ..purity import estimate_contamination


@dataclasses.dataclass(frozen=True)
class UnlabelledJudgement:
    """How many of the unlabelled samples are real, and which.

    Parameters
    ----------
    prior
        Fraction of the judged unlabelled samples that is real.
    probability
        Probability that each sample is real, shape (N,): 1 for injections, 0 for
        unlabelled samples that nobody judged.
    """

    prior: float
    probability: np.ndarray


def judge_unlabelled(
    score: np.ndarray, labels: np.ndarray, stratum: np.ndarray, *, prior: float = 0.0
) -> UnlabelledJudgement:
    """Estimate which unlabelled samples are real.

    Parameters
    ----------
    score
        Out-of-fold probability of "injected" of each sample, shape (N,); NaN for
        samples that count for nothing.
    labels
        1 for injected, else 0, shape (N,).
    stratum
        Stratum (bin of signal-to-noise, say) of each sample from 0, shape (N,):
        the real ones of each stratum are counted on their own.
    prior
        Fraction that is real, where it is known; 0 to estimate it.

    Returns
    -------
    judgement : `UnlabelledJudgement`
        Fraction and probabilities; nothing is real in a stratum where a class is missing.

    Notes
    -----
    With g the calibrated probability of "injected" in stratum k and α its fraction,
    ``min(1, α_k n_U / n_P g / (1 - g))`` (Elkan & Noto 2008); see
    `~lsst.transient.bogus.calibration.Calibration`.
    """
    injected = labels == 1
    judged = np.isfinite(score)
    probability = injected.astype(np.float32)
    n_real = 0.0
    for k in np.unique(stratum[judged]):
        inside = judged & (stratum == k)
        rows = np.flatnonzero(inside & ~injected)
        if not len(rows) or not injected[inside].any():
            continue
        share = prior or _share(score[rows], score[inside & injected])
        calibration = Calibration.fit(score[inside], labels[inside], prior=share)
        probability[rows] = calibration.apply(score[rows])
        n_real += share * len(rows)
    return UnlabelledJudgement(n_real / max(1, int((judged & ~injected).sum())), probability)


def _share(unlabelled: np.ndarray, injected: np.ndarray) -> float:
    """Estimate the real fraction of one stratum; none where it cannot be told."""
    try:
        return estimate_contamination(unlabelled, injected).alpha
    except InsufficientDataError:
        return 0.0
