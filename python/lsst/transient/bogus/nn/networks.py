# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks: K of one architecture evaluated together as one grouped network."""

from __future__ import annotations

__all__ = ("Cnn2", "Compact", "build")

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from .spec import Network
from .stacked import StackedConv, StackedGauss, StackedLinear, StackedNorm


class Compact(nn.Module):
    """Convolutions on a space-to-depth input, pooled at the centre and over the stamp.

    Parameters
    ----------
    n_networks
        K, the number of networks.
    n_channels
        C, channels of the input (the validity channel included).
    size
        s, side of the input.
    spec
        Widths and dropout; at least two convolutions.

    Notes
    -----
    Space to depth (2x2 pixels become 4 channels) halves the side without losing
    a pixel and gives the first convolution enough channels to be computed at
    full speed.  What matters is at the centre; what surrounds it (spikes,
    trails, edges) matters by its presence: hence the centre, the mean and the
    maximum of the last maps.
    """

    drops_features = False
    """Whether dropout changes the features too, not only what is made of them."""

    def __init__(self, n_networks: int, n_channels: int, size: int, spec: Network) -> None:
        super().__init__()
        widths = (4 * n_channels, *spec.filters)
        self.pad = size % 2
        self.drops_edge = (size + 1) // 2 % 2 == 1
        self.dropout = spec.dropout
        self.convs = nn.ModuleList(StackedConv(n_networks, a, b, 3) for a, b in itertools.pairwise(widths))
        self.norms = nn.ModuleList(StackedNorm(n_networks, width) for width in spec.filters)
        self.dense = StackedLinear(n_networks, 3 * spec.filters[-1], spec.units)
        self.out = StackedLinear(n_networks, spec.units, 1)
        self.domain = StackedGauss(n_networks, spec.units)
        self.n_networks = n_networks

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return the latent features.

        Parameters
        ----------
        x
            Stamps, shape (B, T*C, s, s): each of T blocks of C channels is shown to
            K/T neighbouring networks.

        Returns
        -------
        features : `torch.Tensor`
            Shape (K, B, units).
        """
        # Of an odd number of rows and columns pooling drops the last, which need not be made; gradients
        # of sums over fewer zeros would be rounded otherwise, so training goes the common way.
        edge = 2 if self.drops_edge and not self.training else 0
        x = _space_to_depth(F.pad(x, (edge, self.pad, edge, self.pad)))  # (B, T*4C, h, h), h = (s+1)/2
        x = x.contiguous(memory_format=_layout(x, self.n_networks))
        for depth, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = conv(x, padding=0 if edge and depth == 0 else 1)  # (B, K*F, h, h)
            y = F.max_pool2d(y, 2) if depth == 0 else y  # h -> h//2, once, before what costs per pixel
            y = F.relu(norm(y), inplace=True)
            x = x + y if y.shape == x.shape else y
        c = x.shape[-1] // 2
        centre = x[:, :, c, c]
        pooled = torch.stack([centre, x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=2)  # (B, K*F, 3)
        flat = pooled.reshape(len(x), self.n_networks, -1).transpose(0, 1)  # (K, B, 3F)
        return F.relu(self.dense(flat))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits, shape (K, B); input as for `features`."""
        return self.judge(self.features(x))

    def judge(self, features: torch.Tensor) -> torch.Tensor:
        """Return the logits, shape (K, B), of features (K, B, units)."""
        return self.out(F.dropout(features, self.dropout, self.training)).squeeze(2)


class Cnn2(nn.Module):
    """The reference: k times (convolution, ReLU, pooling, dropout), then two dense layers.

    Parameters
    ----------
    n_networks
        K, the number of networks.
    n_channels
        C, channels of the input (the validity channel included).
    size
        s, side of the input.
    spec
        Widths and dropout.
    """

    drops_features = True

    def __init__(self, n_networks: int, n_channels: int, size: int, spec: Network) -> None:
        super().__init__()
        widths = (n_channels, *spec.filters)
        self.dropout = spec.dropout
        self.convs = nn.ModuleList(
            StackedConv(n_networks, a, b, 3, bias=True) for a, b in itertools.pairwise(widths)
        )
        side = size >> len(spec.filters)
        self.dense = StackedLinear(n_networks, spec.filters[-1] * side**2, spec.units)
        self.out = StackedLinear(n_networks, spec.units, 1)
        self.domain = StackedGauss(n_networks, spec.units)
        self.n_networks = n_networks

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return the latent features.

        Parameters
        ----------
        x
            Stamps, shape (B, T*C, s, s): each of T blocks of C channels is shown to
            K/T neighbouring networks.

        Returns
        -------
        features : `torch.Tensor`
            Shape (K, B, units).
        """
        x = x.contiguous(memory_format=_layout(x, self.n_networks))
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x, padding=1)), 2)  # (B, K*F, s/2, s/2)
            x = F.dropout2d(x, self.dropout, self.training)
        flat = x.reshape(len(x), self.n_networks, -1).transpose(0, 1)  # (K, B, F*side*side)
        return F.relu(self.dense(flat))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits, shape (K, B); input as for `features`."""
        return self.judge(self.features(x))

    def judge(self, features: torch.Tensor) -> torch.Tensor:
        """Return the logits, shape (K, B), of features (K, B, units)."""
        return self.out(F.dropout(features, self.dropout, self.training)).squeeze(2)


def _space_to_depth(x: torch.Tensor) -> torch.Tensor:
    """Return (B, 4C, h, h) from (B, C, 2h, 2h): what ``F.pixel_unshuffle`` does, in half of its time."""
    parts = [x[:, :, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return torch.stack(parts, dim=2).flatten(1, 2)


def _layout(x: torch.Tensor, n_networks: int) -> torch.memory_format:
    """Return the faster layout: a CPU gains a quarter; a GPU would transpose for grouped convolutions."""
    return torch.contiguous_format if x.is_cuda and n_networks > 1 else torch.channels_last


_KINDS: dict[str, type[Compact] | type[Cnn2]] = {"compact": Compact, "cnn2": Cnn2}


def build(n_networks: int, n_channels: int, size: int, spec: Network) -> Compact | Cnn2:
    """Make K networks of one architecture.

    Parameters
    ----------
    n_networks
        K.
    n_channels
        Channels of the input (the validity channel included).
    size
        Side of the input.
    spec
        Architecture.

    Returns
    -------
    network : `torch.nn.Module`
        Freshly initialised from torch's global generator.

    Raises
    ------
    ValueError
        Raised if the architecture is unknown or does not fit the stamps.
    """
    if spec.kind not in _KINDS:
        raise ValueError(f"Unknown network {spec.kind!r}; known are {sorted(_KINDS)}.")
    if len(spec.filters) < 2 or size >> len(spec.filters) < 1:
        raise ValueError(f"{len(spec.filters)} convolutions do not fit stamps of {size} pixels.")
    return _KINDS[spec.kind](n_networks, n_channels, size, spec)
