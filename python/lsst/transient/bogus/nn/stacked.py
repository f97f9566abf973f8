# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers that hold the parameters of K networks and evaluate them in one call.

Activations of convolutions are (B, K*C, h, w), a block of C channels for each
network; those of dense layers are (K, B, D).  Every parameter and buffer has the
network as its first dimension, so that one network is a slice.
"""

from __future__ import annotations

__all__ = ("StackedConv", "StackedGauss", "StackedLinear", "StackedNorm")

import math

import torch
from torch import nn
from torch.nn import functional as F


class StackedConv(nn.Module):
    """K convolutions.

    Parameters
    ----------
    n_networks
        K.
    n_in
        Channels in, of one network.
    n_out
        Channels out, of one network.
    side
        Side of the kernel, odd.
    bias
        Whether to add a bias (not needed before a norm).
    """

    def __init__(self, n_networks: int, n_in: int, n_out: int, side: int, *, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_networks, n_out, n_in, side, side))
        self.bias = nn.Parameter(torch.zeros(n_networks, n_out)) if bias else None
        nn.init.normal_(self.weight, std=math.sqrt(2.0 / (n_in * side**2)))

    def forward(self, x: torch.Tensor, *, padding: int) -> torch.Tensor:
        """Return (B, K*n_out, h, w) from (B, T*n_in, h, w), where T divides K.

        Each block of K/T neighbouring networks shares one input.  The sides stay what they are if the
        padding is half of the kernel.
        """
        n_in = self.weight.shape[2]
        bias = None if self.bias is None else self.bias.flatten()
        return F.conv2d(x, self.weight.flatten(0, 1), bias, padding=padding, groups=x.shape[1] // n_in)


class StackedNorm(nn.Module):
    """K batch normalisations.

    Parameters
    ----------
    n_networks
        K.
    n_channels
        Channels of one network.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, n_networks: int, n_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_networks, n_channels))
        self.bias = nn.Parameter(torch.zeros(n_networks, n_channels))
        self.register_buffer("running_mean", torch.zeros(n_networks, n_channels))
        self.register_buffer("running_var", torch.ones(n_networks, n_channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x normalised, shape (B, K*C, h, w)."""
        return F.batch_norm(
            x,
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.flatten(),
            self.bias.flatten(),
            training=self.training,
            momentum=0.1,
        )


class StackedLinear(nn.Module):
    """K dense layers.

    Parameters
    ----------
    n_networks
        K.
    n_in
        Width in.
    n_out
        Width out.
    """

    def __init__(self, n_networks: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_networks, n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_networks, 1, n_out))
        nn.init.normal_(self.weight, std=math.sqrt((2.0 if n_out > 1 else 1.0) / n_in))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (K, B, n_out) from (K, B, n_in)."""
        return torch.baddbmm(self.bias, x, self.weight)


class StackedGauss(nn.Module):
    """How far features are from those that each of K networks was trained on.

    Parameters
    ----------
    n_networks
        K.
    width
        D, features of one network.
    """

    mean: torch.Tensor
    whitening: torch.Tensor

    def __init__(self, n_networks: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_networks, 1, width))
        self.register_buffer("whitening", torch.eye(width).repeat(n_networks, 1, 1))

    @torch.no_grad()
    def fit(self, x: torch.Tensor, seen: torch.Tensor) -> None:
        """Take mean and covariance of the features that each network was trained on.

        Parameters
        ----------
        x
            Features, shape (K, N, D).
        seen
            Which samples each network was trained on, shape (K, N).
        """
        weight = seen.to(x.dtype).unsqueeze(2)
        count = weight.sum(dim=1, keepdim=True).clamp_min(2.0)
        self.mean.copy_((weight * x).sum(dim=1, keepdim=True) / count)
        centred = weight * (x - self.mean)
        covariance = (centred.transpose(1, 2) @ centred / count).double()
        # Features that are always zero get a small variance instead of none.
        size = covariance.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None].clamp_min(1e-12)
        eye = torch.eye(x.shape[2], dtype=torch.float64, device=x.device)
        factor = torch.linalg.cholesky(covariance + 1e-2 * size * eye)
        self.whitening.copy_(torch.linalg.solve_triangular(factor, eye.expand_as(factor), upper=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the Mahalanobis distance over sqrt(D), (K, B) from (K, B, D): about 1 for the familiar."""
        white = (x - self.mean) @ self.whitening.transpose(1, 2)
        return white.square().mean(dim=2).sqrt()
