# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that changes in a training."""

from __future__ import annotations

__all__ = ("TrainingState", "cloned_weights")

import copy
import dataclasses
import functools
import math

import torch

from .contamination import UnlabelledJudgement
from .history import EpochReport
from .networks import Cnn2, Compact
from .settings import Settings

_FIRST_PRIOR = 0.1  # of real transients, until the first epoch gives an estimate


@dataclasses.dataclass
class TrainingState:
    """All that changes in a training.

    Parameters
    ----------
    network
        Networks that take the steps.
    averaged
        Running mean of their weights.
    optimizer
        Optimiser of the networks.
    best
        Averaged weights of the best epoch.
    best_epoch
        The best epoch; -1 before the first.
    best_value
        Value of the monitor there.
    epoch
        Next epoch.
    steps
        Steps taken.
    prior
        Estimated fraction of real transients among the unlabelled.
    history
        A report for every epoch.
    judgement
        Which unlabelled samples are real, as judged after the last epoch.
    """

    network: Compact | Cnn2
    averaged: Compact | Cnn2
    optimizer: torch.optim.Optimizer
    best: dict[str, torch.Tensor]
    best_epoch: int = -1
    best_value: float = -math.inf
    epoch: int = 0
    steps: int = 0
    prior: float = 0.0
    history: list[EpochReport] = dataclasses.field(default_factory=list)
    judgement: UnlabelledJudgement | None = None

    @classmethod
    def start(cls, network: Compact | Cnn2, settings: Settings) -> TrainingState:
        """Return the state before the first epoch.

        Parameters
        ----------
        network
            Freshly initialised networks.
        settings
            How to train.

        Returns
        -------
        state : `TrainingState`
            The state.
        """
        averaged = copy.deepcopy(network)
        device = next(network.parameters()).device
        on_gpu = device.type == "cuda"
        rate = torch.tensor(settings.learning_rate, device=device) if on_gpu else settings.learning_rate
        optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=rate,
            weight_decay=settings.weight_decay,
            fused=True,
            capturable=on_gpu,  # so that steps can be recorded and replayed
        )
        return cls(
            network.train(),
            averaged,
            optimizer,
            cloned_weights(averaged),
            prior=settings.regime.prior or _FIRST_PRIOR,
        )

    def set_learning_rate(self, rate: float) -> None:
        """Set the rate of the next step.

        Parameters
        ----------
        rate
            Learning rate.
        """
        (group,) = self.optimizer.param_groups
        if isinstance(group["lr"], torch.Tensor):  # a recorded step reads it from where it was
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Add the current weights to their running mean.

        Parameters
        ----------
        decay
            Weight of the past; smaller in the first steps.
        """
        self.steps += 1
        weight = 1.0 - min(decay, self.steps / (self.steps + 10.0))
        torch._foreach_lerp_(*self._to_average, weight)

    @functools.cached_property
    def _to_average(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """The running means and what they are the means of."""
        return list(self.averaged.state_dict().values()), list(self.network.state_dict().values())

    def record(self, entry: EpochReport, value: float) -> None:
        """Close an epoch.

        Parameters
        ----------
        entry
            Report of the epoch.
        value
            Value of the monitor, the larger the better.
        """
        self.history.append(entry)
        if value >= self.best_value:
            self.best_value, self.best_epoch, self.best = value, self.epoch, cloned_weights(self.averaged)
        self.epoch += 1

    def should_stop(self, patience: int) -> bool:
        """Return whether the monitor has not improved for too long.

        Parameters
        ----------
        patience
            Epochs to wait; 0 for ever.

        Returns
        -------
        stop : `bool`
            Whether to stop.
        """
        return patience > 0 and self.epoch - self.best_epoch > patience


def cloned_weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copy the weights of a network.

    Parameters
    ----------
    network
        Any network.

    Returns
    -------
    weights : `dict` [`str`, `torch.Tensor`]
        Its state, which further steps do not change.
    """
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
