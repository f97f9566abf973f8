# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a training between epochs, in memory and on disk."""

from __future__ import annotations

__all__ = ("TrainingState", "checkpoint_file", "load_checkpoint", "save_checkpoint")

import copy
import dataclasses
import functools
import hashlib
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.feather
import torch

from ..errors import ModelFormatError
from .contamination import UnlabelledJudgement
from .history import EpochReport
from .networks import Cnn2, Compact
from .plan import Plan
from .spec import ModelSpec, Settings
from .tensors import from_arrow, to_arrow

_CHUNK = 4096  # stamps that are hashed at a time
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
            _clone(averaged),
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
            self.best_value, self.best_epoch, self.best = value, self.epoch, _clone(self.averaged)
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


def checkpoint_file(
    folder: Path, spec: ModelSpec, settings: Settings, plan: Plan, samples: torch.Tensor
) -> Path:
    """Return the file of one training in a folder.

    Parameters
    ----------
    folder
        Folder, which is made if it is missing.
    spec
        What is being trained.
    settings
        How it is trained.
    plan
        Labels, folds and weights of the samples.
    samples
        Prepared stamps, shape (N, C, s, s).

    Returns
    -------
    path : `pathlib.Path`
        File named by a hash of all arguments but the folder: a training finds its
        own checkpoint and no other, and several may share a folder.
    """
    digest = hashlib.blake2b(f"{spec.to_json()} {settings} {plan.digest}".encode(), digest_size=12)
    for part in samples.split(_CHUNK):
        digest.update(np.ascontiguousarray(part.detach().cpu().numpy()))
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"training_{digest.hexdigest()}.arrow"


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write the state, whole or not at all.

    Parameters
    ----------
    path
        File.
    state
        State between two epochs.
    """
    tensors = {f"network.{n}": t for n, t in state.network.state_dict().items()}
    tensors |= {f"averaged.{n}": t for n, t in state.averaged.state_dict().items()}
    tensors |= {f"best.{n}": t for n, t in state.best.items()}
    for index, slots in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{n}": t for n, t in slots.items()}
    scalars = {name: getattr(state, name) for name in ("best_epoch", "best_value", "epoch", "steps", "prior")}
    history = [{n: _plain(v) for n, v in dataclasses.asdict(entry).items()} for entry in state.history]
    if state.judgement is not None:
        tensors["judgement"] = torch.as_tensor(state.judgement.probability)
    table = to_arrow(tensors, {"scalars": scalars, "history": history})
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    pyarrow.feather.write_feather(table, partial, compression="uncompressed")
    os.replace(partial, path)


def load_checkpoint(path: Path, state: TrainingState) -> bool:
    """Continue from a checkpoint, if there is one.

    Parameters
    ----------
    path
        File.
    state
        Freshly started state, changed in place.

    Returns
    -------
    found : `bool`
        Whether the state was loaded.

    Raises
    ------
    ModelFormatError
        Raised if the file is damaged.
    """
    if not path.exists():
        return False
    try:
        tensors, meta = from_arrow(pyarrow.feather.read_table(path))
    except (ModelFormatError, pyarrow.ArrowException) as error:
        raise ModelFormatError(
            f"The checkpoint {path} is damaged ({error}); remove it to train from the start."
        ) from error
    state.network.load_state_dict(_part(tensors, "network."))
    state.averaged.load_state_dict(_part(tensors, "averaged."))
    state.best = _part(tensors, "best.")
    slots: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in _part(tensors, "optimizer.").items():
        index, slot = name.split(".", 1)
        slots.setdefault(int(index), {})[slot] = tensor
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": slots, "param_groups": groups})
    for name, value in meta["scalars"].items():
        setattr(state, name, value)
    if "judgement" in tensors:
        state.judgement = UnlabelledJudgement(state.prior, tensors["judgement"].numpy())
    for entry in meta["history"]:
        arrays: dict[str, Any] = {n: np.array(v) if isinstance(v, list) else v for n, v in entry.items()}
        state.history.append(EpochReport(**arrays))
    return True


def _clone(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copy parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Take the tensors of one prefix, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _plain(value: Any) -> Any:
    """Return JSON types."""
    return value.tolist() if isinstance(value, np.ndarray) else value
