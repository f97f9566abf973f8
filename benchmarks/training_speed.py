# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training speed in stamps times networks per second, and how it scales with the number of networks.

    python benchmarks/training_speed.py [--threads N] [--device cuda] [--precision bfloat16]

``stacked``: an epoch of `lsst.transient.bogus.nn.train`, all networks together, with the draw of
the batches, augmentation, averaging of weights and validation.  ``plain``: one network after another,
a loop over batches of the same architecture made of stock layers that does the same, as one would
write it; ``bare``: such a loop without augmentation (but for a flip), averaging and validation.
All in the same precision.  ``floor``: the operations of the forward and backward
passes (three times forward) at the rate of a large matrix product of that precision on the same
device.  They take turns; the best of several epochs counts.

With ``--clock cpu`` the processor's time is taken instead of the time on the wall: for one
thread, on a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from plain_network import PlainCompact, flops_per_stamp, gemm_rate
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lsst.transient.bogus import nn
from lsst.transient.bogus.nn.device import deterministic, resolve_device, torch_threads
from lsst.transient.bogus.nn.plan import roc_auc
from lsst.transient.bogus.nn.precision import autocast, resolve_precision
from lsst.transient.bogus.nn.spec import Network

SIZE, N_CHANNELS = 29, 4
N_EPOCHS = 3

type Clock = Callable[[], float]
type Step = Callable[[torch.Tensor, torch.Tensor], None]


def make_clock(name: str, device: torch.device) -> Clock:
    """Return a clock that waits for the device before it tells the time."""
    now = time.process_time if name == "cpu" else time.perf_counter

    def clock() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return now()

    return clock


def stacked_rate(x: torch.Tensor, n_folds: int, settings: nn.Settings, clock: Clock) -> float:
    """Return the rate of training n_folds × peers networks together; 0 folds hold nothing out."""
    labels = (np.arange(len(x)) % 4 == 0).astype(int)
    folds = np.arange(len(x)) % n_folds if n_folds else np.full(len(x), -1)
    spec = nn.ModelSpec(30, ("difference", "science", "template"))
    times: list[float] = []
    nn.train(x, labels, folds, settings, spec=spec, report=lambda _: times.append(clock()))
    # The first epoch pays for the start; the others are what a training is made of.
    seen = len(x) * (1 - 1 / n_folds) if n_folds else len(x)
    return float(seen * max(n_folds, 1) * settings.peers / np.diff(times).min())


def bare_rate(x: torch.Tensor, settings: nn.Settings, device: torch.device, clock: Clock) -> float:
    """Return the rate of training a network, one of a row of them, with no more than it takes."""
    x = x.float().to(device)
    y = (torch.arange(len(x), device=device) % 4 == 0).float()
    _, step = _plain(settings, device)
    seconds = []
    for epoch in range(N_EPOCHS):
        start = clock()
        for rows in torch.randperm(len(x), device=device).split(settings.batch_size):
            step(x[rows].flip(-1) if epoch % 2 else x[rows], y[rows])
        seconds.append(clock() - start)
    return len(x) / min(seconds[1:])


def plain_rate(
    x: torch.Tensor, n_folds: int, settings: nn.Settings, device: torch.device, clock: Clock
) -> float:
    """Return the rate of training a network, one of a row of them, as `stacked_rate` trains them."""
    x = x.float().to(device)
    y = (torch.arange(len(x), device=device) % 4 == 0).float()
    is_held_out = torch.arange(len(x), device=device) % (n_folds or len(x) + 1) == n_folds - 1
    held_out, seen = (torch.nonzero(rows)[:, 0] for rows in (is_held_out, ~is_held_out))
    network, step = _plain(settings, device)
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.averaging), use_buffers=True)
    seconds = []
    for _ in range(N_EPOCHS):
        start = clock()
        for rows in seen[torch.randperm(len(seen), device=device)].split(settings.batch_size):
            step(_augmented(x[rows], settings.augmentation.depth), y[rows])
            averaged.update_parameters(network)
        if n_folds:
            averaged.eval()
            with torch.no_grad():
                z = torch.cat([averaged(x[rows]) for rows in held_out.split(512)])
            F.binary_cross_entropy_with_logits(z, y[held_out]).item()
            roc_auc(z.cpu().numpy(), y[held_out].cpu().numpy() == 1)
        seconds.append(clock() - start)
    return len(seen) / min(seconds[1:])


def _plain(settings: nn.Settings, device: torch.device) -> tuple[torch.nn.Module, Step]:
    """Return a network of stock layers, and the function that trains it on a batch."""
    network = PlainCompact(N_CHANNELS, settings.network).to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, fused=True)

    def step(batch: torch.Tensor, truth: torch.Tensor) -> None:
        with autocast(settings.precision, device):
            logits = network(batch).float()
        loss = F.binary_cross_entropy_with_logits(logits, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return network, step


def _augmented(x: torch.Tensor, depth: float) -> torch.Tensor:
    """Turn or flip a batch, and change the depth of science and template."""
    turn = int(torch.randint(8, ()))
    x = torch.rot90(x, turn % 4, (2, 3))
    x = (x.flip(3) if turn > 3 else x).clone()
    factor = depth ** (2.0 * torch.rand(len(x), 2, 1, 1, device=x.device) - 1.0)
    x[:, 1:3] = torch.asinh(torch.sinh(x[:, 1:3]) * factor)
    return x


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--filters", type=int, nargs="+", default=list(Network().filters))
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 5, 5, 5], help="beside --peers")
    parser.add_argument("--peers", type=int, nargs="+", default=[1, 1, 2, 4], help="networks: folds × peers")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", nargs="+", default=["float32"])
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    options = parser.parse_args()
    device = resolve_device(options.device)
    clock = make_clock(options.clock, device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    with torch_threads(options.threads) as n_threads:
        sys.stdout.write(f"{where or platform.machine()}, torch {torch.__version__}, {n_threads} threads\n")
        x = torch.randn(options.samples, N_CHANNELS, SIZE, SIZE).half()
        network = Network(filters=tuple(options.filters))
        for precision in options.precision:
            precision = resolve_precision(precision, device)
            dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
            operations = 3 * flops_per_stamp(N_CHANNELS, SIZE, network)
            with deterministic(0, device, strict=False, precision=precision):
                floor = gemm_rate(device, dtype, clock) / operations
            for n_folds, peers in zip(options.folds, options.peers, strict=True):
                settings = nn.Settings(
                    network=network,
                    peers=peers,
                    epochs=N_EPOCHS,
                    device=options.device,
                    precision=precision,
                    negative_sign_weight=1.0,
                )
                with deterministic(0, device, strict=False, precision=precision):
                    bare = bare_rate(x, settings, device, clock)
                    plain = plain_rate(x, n_folds, settings, device, clock)
                stacked = stacked_rate(x, n_folds, settings, clock)
                row = {
                    "precision": precision,
                    "networks": max(n_folds, 1) * peers,
                    "stacked_per_s": round(stacked),
                    "plain_per_s": round(plain),
                    "bare_per_s": round(bare),
                    "floor_per_s": round(floor),
                    "stacked_over_plain": round(stacked / plain, 2),
                    "stacked_over_bare": round(stacked / bare, 2),
                    "fraction_of_floor": round(stacked / floor, 2),
                }
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
