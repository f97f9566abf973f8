# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training speed in stamps times networks per second.

    python benchmarks/training_speed.py [--threads N] [--device cuda]

``stacked``: one epoch of `lsst.transient.bogus.nn.train`, all networks together, validation and
everything else included.  ``plain``: one network after another, a loop over batches of the same
architecture made of stock layers, without validation.  ``floor``: the operations of forward and
backward passes (three times forward) at the rate of a large matrix product on the same device.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np
import torch
from plain_network import PlainCompact, flops_per_stamp, gemm_rate
from torch.nn import functional as F

from lsst.transient.bogus import nn
from lsst.transient.bogus.nn.device import resolve_device, torch_threads

SIZE, N_CHANNELS, N_FOLDS = 29, 4, 5


def synchronise(device: torch.device) -> None:
    """Wait until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def stacked_rate(x: torch.Tensor, peers: int, settings: nn.Settings) -> float:
    """Return the rate of training folds × peers networks together."""
    labels = (np.arange(len(x)) % 4 == 0).astype(int)
    folds = np.arange(len(x)) % N_FOLDS
    spec = nn.ModelSpec(30, ("difference", "science", "template"))
    stamps = []

    def report(_: object) -> None:
        stamps.append(time.perf_counter())

    nn.train(x, labels, folds, settings, spec=spec, report=report)
    # The first epoch pays for the start; the others are what a training is made of.
    seconds = (stamps[-1] - stamps[0]) / (len(stamps) - 1)
    return len(x) * (1 - 1 / N_FOLDS) * N_FOLDS * peers / seconds


def plain_rate(x: torch.Tensor, n_networks: int, settings: nn.Settings, device: torch.device) -> float:
    """Return the rate of training networks one after another."""
    x = x.float().to(device)
    y = (torch.arange(len(x), device=device) % 4 == 0).float()
    size, seconds = settings.batch_size, 0.0
    for _ in range(n_networks):
        network = PlainCompact(N_CHANNELS, settings.network).to(device).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate)
        for epoch in range(2):
            synchronise(device)
            start = time.perf_counter()
            for rows in torch.randperm(len(x), device=device).split(size):
                batch = x[rows]
                batch = batch.flip(-1) if epoch % 2 else batch
                loss = F.binary_cross_entropy_with_logits(network(batch), y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            synchronise(device)
        seconds += time.perf_counter() - start
    return len(x) * n_networks / seconds


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--peers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = resolve_device(options.device)
    with torch_threads(options.threads) as n_threads:
        x = torch.randn(options.samples, N_CHANNELS, SIZE, SIZE).half()
        for peers in options.peers:
            settings = nn.Settings(peers=peers, epochs=3, device=options.device)
            k = N_FOLDS * peers
            floor = gemm_rate(device) / (3 * flops_per_stamp(N_CHANNELS, SIZE, settings.network))
            plain = plain_rate(x, k, settings, device)
            stacked = stacked_rate(x, peers, settings)
            row = {
                "networks": k,
                "threads": n_threads,
                "stacked_per_s": round(stacked),
                "plain_per_s": round(plain),
                "floor_per_s": round(floor),
                "stacked_over_plain": round(stacked / plain, 2),
                "fraction_of_floor": round(stacked / floor, 2),
            }
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
