# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained model: what it is, its networks, and where on the sky it was trained."""

from __future__ import annotations

__all__ = ("Model",)

import copy
import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np
import torch

from .networks import Cnn2, Compact, build
from .normalise import crop_size
from .spec import ModelSpec


@dataclasses.dataclass(frozen=True)
class Model:
    """A trained model.

    Parameters
    ----------
    spec
        All that is not a tensor.
    network
        The networks, in evaluation mode.
    training_tiles
        Sky tiles with training samples, sorted, int64.
    """

    spec: ModelSpec
    network: Compact | Cnn2
    training_tiles: np.ndarray

    @classmethod
    def blank(cls, spec: ModelSpec, training_tiles: np.ndarray | None = None) -> Model:
        """Make an untrained model.

        Parameters
        ----------
        spec
            All that is not a tensor.
        training_tiles
            Sky tiles with training samples; none by default.

        Returns
        -------
        model : `Model`
            Networks initialised from torch's global generator.
        """
        size = crop_size(spec.stamp_size, spec.normalisation.crop)
        network = build(spec.n_networks, len(spec.channels) + 1, size, spec.network).eval()
        tiles = np.zeros(0, dtype=np.int64) if training_tiles is None else np.unique(training_tiles)
        return cls(spec, network, tiles)

    def to(self, device: torch.device) -> Model:
        """Return the model with its networks on a device.

        Parameters
        ----------
        device
            Where to.

        Returns
        -------
        model : `Model`
            This model, its networks moved.
        """
        if next(self.network.parameters()).device != device:  # a tenth of the time of a hundred scores
            self.network.to(device)
        return self

    def part(self, networks: Sequence[int]) -> Model:
        """Return the model with some of its networks.

        Parameters
        ----------
        networks
            Their numbers.

        Returns
        -------
        model : `Model`
            A model with copies of those, made once: later changes of this model's networks are not
            seen.  This model itself, if those are all in their order.
        """
        chosen = tuple(networks)
        if chosen == tuple(range(self.spec.n_networks)):
            return self
        if chosen not in self._parts:
            folds = tuple(self.spec.network_fold[i] for i in chosen)
            network = copy.deepcopy(self.network)
            network.n_networks = len(chosen)
            for tensor in itertools.chain(network.parameters(), network.buffers()):
                tensor.data = tensor.data[list(chosen)]  # the first dimension of all is the network
            spec = dataclasses.replace(self.spec, network_fold=folds)
            self._parts[chosen] = Model(spec, network, self.training_tiles)
        return self._parts[chosen]

    @functools.cached_property
    def _parts(self) -> dict[tuple[int, ...], Model]:
        return {}
