# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of each epoch of a training."""

from __future__ import annotations

__all__ = ("EpochReport",)

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class EpochReport:
    """What one epoch gave, an entry for each network.

    Parameters
    ----------
    epoch
        Epoch, from 0.
    train_loss
        Mean weighted loss on the training samples.
    validation_loss
        Mean loss on the held-out fold, of the averaged weights.
    validation_auc
        Area under the ROC curve on the held-out fold, of the averaged weights.
    kept_positive
        Fraction of the injections' weight that counted as real.
    kept_negative
        Fraction of the unlabelled samples' weight that counted as bogus.
    learning_rate
        Learning rate at the end of the epoch.
    prior
        Estimated fraction of real transients among the unlabelled; NaN if the
        regime does not use one.
    """

    epoch: int
    train_loss: np.ndarray
    validation_loss: np.ndarray
    validation_auc: np.ndarray
    kept_positive: np.ndarray
    kept_negative: np.ndarray
    learning_rate: float
    prior: float

    def monitored(self, monitor: str) -> float:
        """Return the number whose largest value marks the best epoch.

        Parameters
        ----------
        monitor
            ``auc`` or ``loss``.

        Returns
        -------
        value : `float`
            Mean over the networks of the AUC or of minus the loss on the held-out
            folds; the epoch if nothing is held out.
        """
        values = self.validation_auc if monitor == "auc" else -self.validation_loss
        return float(np.nanmean(values)) if np.isfinite(values).any() else float(self.epoch)
