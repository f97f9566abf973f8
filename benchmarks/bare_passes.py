# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scoring costs at least: bare passes through networks, and through a model with its normalisation."""

from __future__ import annotations

__all__ = ("Clock", "best_of", "floor")

import functools
import itertools
from collections.abc import Callable

import torch
from plain_network import PlainCompact

from lsst.transient.bogus import nn
from lsst.transient.bogus.nn.normalise import prepare
from lsst.transient.bogus.nn.precision import autocast, repeatable_products

BATCHES = {"cpu": (32, 128, 512), "cuda": (1024, 4096, 16384)}
N_FLOOR = {"cpu": 2048, "cuda": 65536}

Clock = Callable[[], float]


def best_of(function: Callable[[], object], clock: Clock, repeats: int = 3) -> float:
    """Return the shortest of a few runs, or of as many as half a second allows, in seconds."""
    seconds: list[float] = []
    while len(seconds) < repeats or (repeats > 1 and sum(seconds) < 0.5):
        start = clock()
        function()
        seconds.append(clock() - start)
    return min(seconds)


def per_stamp(evaluate: Callable[[slice], object], n: int, device: torch.device, clock: Clock) -> float:
    """Return the seconds for each of n stamps that are evaluated at the best batch size."""

    @torch.no_grad()
    def whole(size: int) -> None:
        for start in range(0, n, size):
            evaluate(slice(start, start + size))
        if device.type == "cuda":
            torch.cuda.synchronize()

    sizes = [size for size in BATCHES[device.type] if size < 2 * n] or [n]
    return min(best_of(functools.partial(whole, size), clock) for size in sizes) / n


def floor(
    stamps: nn.Stamps, model: nn.Model, device: torch.device, clock: Clock, precision: str = "float32"
) -> dict[str, float]:
    """Return the seconds for each stamp of bare forward passes, and of those of the model.

    The former take normalised stamps, in the best memory layout and implementation of the networks.
    All have the precision of the scores.
    """
    stamps, spec = stamps[: N_FLOOR[device.type]], model.spec
    own = model.to(device).network
    plain = [PlainCompact(len(spec.channels) + 1, spec.network).to(device).eval() for _ in spec.network_fold]

    def normalised(rows: slice) -> torch.Tensor:
        return prepare(stamps[rows], spec.normalisation, device=device).float()

    x = normalised(slice(None))
    layouts = (x, x.contiguous(memory_format=torch.channels_last))
    forward = [
        lambda rows, x=x, networks=networks: [network(x[rows]) for network in networks]
        for x, networks in itertools.product(layouts, ([own], plain))
    ]
    with repeatable_products(device, precision), autocast(precision, device):
        return {
            "floor": min(per_stamp(evaluate, len(stamps), device, clock) for evaluate in forward),
            "model": per_stamp(lambda rows: own(normalised(rows)), len(stamps), device, clock),
        }
