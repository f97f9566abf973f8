# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variation of training stamps, on the device, seeded."""

from __future__ import annotations

__all__ = ("augment", "d4")

import functools
from collections.abc import Sequence

import torch

from .normalise import asinh_
from .settings import Augmentation


def d4(x: torch.Tensor, operation: int) -> torch.Tensor:
    """Apply one of the eight flips and rotations of a square.

    Parameters
    ----------
    x
        Stamps, shape (..., s, s).
    operation
        0 (none) to 7.

    Returns
    -------
    x : `torch.Tensor`
        A view, where possible.
    """
    flips = [axis for axis, bit in ((-1, 1), (-2, 2)) if operation & bit]
    x = x.flip(flips) if flips else x
    return x.transpose(-1, -2) if operation & 4 else x


def augment(
    x: torch.Tensor, spec: Augmentation, generator: torch.Generator, channels: Sequence[str] = ()
) -> torch.Tensor:
    """Vary a batch whose samples are in random order.

    Parameters
    ----------
    x
        Normalised stamps, half or single precision, shape (B, ..., C, s, s), the last channel the
        validity.
    spec
        What to vary.
    generator
        Source of randomness, on the device of ``x``.
    channels
        Names of the channels before the validity: what is not ``difference`` can have
        another depth.

    Returns
    -------
    x : `torch.Tensor`
        Varied stamps, in single precision.

    Notes
    -----
    The batch is cut into eight parts and each gets one of the eight flips and
    rotations and one shift: as good as a draw per sample where the order is
    random, and as cheap as a copy.
    """
    given = x
    if spec.d4 or spec.shift:  # in half precision, where that is given: copies are half as large
        parts = []
        for operation, part in enumerate(x.tensor_split(8)):
            turned = d4(part, operation) if spec.d4 else part
            parts.append(_shifted(turned, spec.shift, generator) if spec.shift else turned)
        x = torch.cat(parts)
    x = x.float()
    deep = [i for i, name in enumerate(channels) if name != "difference"]
    if spec.depth > 1.0 and deep:
        index = _index(tuple(deep), x.device)
        varied = _rescale_(x.index_select(-3, index), spec.depth, generator)
        # New memory costs a CPU as much as the arithmetic.
        x = (x.clone() if x is given else x).index_copy_(-3, index, varied)
    if spec.noise:
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        valid = x[..., -1:, :, :]
        x = torch.cat([x[..., :-1, :, :] + spec.noise * noise[..., :-1, :, :] * valid, valid], dim=-3)
    return x


@functools.cache
def _index(rows: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return an index that is brought to the device once."""
    return torch.tensor(rows, device=device)


def _shifted(x: torch.Tensor, largest: int, generator: torch.Generator) -> torch.Tensor:
    """Move stamps by whole pixels; what enters is missing."""
    start = torch.randint(0, 2 * largest + 1, (2, 1), generator=generator, device=x.device)
    rows, columns = start + torch.arange(x.shape[-1], device=x.device)
    padded = torch.nn.functional.pad(x, (largest,) * 4)
    return padded.index_select(-2, rows).index_select(-1, columns)


def _rescale_(x: torch.Tensor, largest: float, generator: torch.Generator) -> torch.Tensor:
    """Change, in place, the signal-to-noise of each channel (B, ..., C, s, s) of each sample by a factor."""
    shape = (len(x), *[1] * (x.dim() - 4), x.shape[-3], 1, 1)
    exponent = 2.0 * torch.rand(shape, generator=generator, device=x.device) - 1.0
    grown = x.exp_()  # torch's own sinh takes twenty times as long on a CPU
    return asinh_(grown.sub_(grown.reciprocal()).mul_(0.5 * largest**exponent))
