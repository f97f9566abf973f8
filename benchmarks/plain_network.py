# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default network as one would write it for itself: one network, stock layers."""

from __future__ import annotations

__all__ = ("PlainCompact", "flops_per_stamp", "gemm_rate")

import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from lsst.transient.bogus.nn.spec import Network


class PlainCompact(nn.Module):
    """One network of the architecture `lsst.transient.bogus.nn.networks.Compact`."""

    def __init__(self, n_channels: int, spec: Network) -> None:
        super().__init__()
        widths = (4 * n_channels, *spec.filters)
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(widths, spec.filters, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in spec.filters)
        self.dense = nn.Linear(3 * spec.filters[-1], spec.units)
        self.dropout = nn.Dropout(spec.dropout)
        self.out = nn.Linear(spec.units, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (B,) of stamps (B, C, s, s)."""
        x = F.pixel_unshuffle(F.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-1] % 2)), 2)
        for depth, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = conv(x)
            y = F.relu(norm(F.max_pool2d(y, 2) if depth == 0 else y))
            x = x + y if x.shape == y.shape else y
        c = x.shape[-1] // 2
        pooled = torch.cat([x[:, :, c, c], x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        return self.out(self.dropout(F.relu(self.dense(pooled)))).squeeze(1)


def flops_per_stamp(n_channels: int, size: int, spec: Network) -> float:
    """Return the floating-point operations of one forward pass of one network."""
    side = (size + 1) // 2
    widths = (4 * n_channels, *spec.filters)
    total = 0.0
    for depth, (a, b) in enumerate(zip(widths, spec.filters, strict=False)):
        total += 2.0 * 9 * a * b * side**2
        side = side // 2 if depth == 0 else side
    return total + 2.0 * (3 * spec.filters[-1] * spec.units + spec.units)


def gemm_rate(
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the rate of a large matrix product, in operations per second."""
    n = 2048 if device.type == "cpu" else 8192
    a = torch.randn(n, n, device=device).to(dtype)
    best = float("inf")
    for _ in range(5):
        start = clock()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, clock() - start)
    return 2.0 * n**3 / best
