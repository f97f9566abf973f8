# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scoring speed in DIA sources per second, and what a quantum costs beside it.

    python benchmarks/scoring.py [--threads N] [--device cuda]

``task``: `TransientBogusScoreTask.run` on tables in memory.  ``files``: the same from a Parquet
file.  ``loop``: normalisation stamp by stamp, then batches of 64 through one stock network after
another, as such tasks are commonly written.  ``floor``: bare forward passes of the networks on
normalised stamps at the best batch size.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pyarrow.parquet
import torch
from plain_network import PlainCompact

from lsst.daf.butler.formatters.parquet import arrow_to_astropy, astropy_to_arrow
from lsst.transient.bogus import nn
from lsst.transient.bogus.columns import CUTOUTS, DIA_SOURCE
from lsst.transient.bogus.nn.device import resolve_device, torch_threads
from lsst.transient.bogus.nn.normalise import prepare
from lsst.transient.bogus.nn.spec import FoldRule
from lsst.transient.bogus.tasks.score import TransientBogusScoreConfig, TransientBogusScoreTask

CHANNELS = ("difference", "science", "template")
BATCHES = (32, 64, 128, 256, 512, 1024)


def best_of(function: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest of a few runs in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def tables(n: int) -> tuple[object, object]:
    """Return cutouts and DIA sources."""
    rng = np.random.default_rng(1)
    image = rng.normal(size=(n, 3, 30, 30)).astype(np.float32)
    ids = np.arange(n)
    data = {"diaSourceId": ids, "image": image, "variance": np.ones_like(image), "cutout_flag": np.zeros(n)}
    data["mask"] = np.zeros(image.shape, np.uint8)
    cutouts = CUTOUTS.build(data, meta={"CHANNELS": list(CHANNELS), "MASK_BITS": {"BAD": 1}})
    fill = {c.name: np.full(n, c.fill) for c in DIA_SOURCE.columns if not c.optional}
    return cutouts, DIA_SOURCE.build(
        fill | {"diaSourceId": ids, "ra": rng.uniform(0, 1, n), "dec": np.zeros(n)}
    )


def loop(stamps: nn.Stamps, networks: list[PlainCompact], device: torch.device) -> None:
    """Score as it is commonly written."""
    normalised = []
    for i in range(len(stamps)):
        image, variance = stamps.image[i], stamps.variance[i]
        valid = np.isfinite(image).all(axis=0, keepdims=True).astype(np.float32)
        snr = np.arcsinh(np.nan_to_num(image / np.sqrt(variance)))
        normalised.append(torch.from_numpy(np.concatenate([snr, valid])[:, 1:, 1:]))
    with torch.no_grad():
        for network in networks:
            for start in range(0, len(normalised), 64):
                torch.sigmoid(network(torch.stack(normalised[start : start + 64]).to(device))).cpu()


def floor(x: torch.Tensor, model: nn.Model) -> float:
    """Return the seconds of bare forward passes at the best batch size."""

    def forward(size: int) -> None:
        with torch.no_grad():
            for part in x.split(size):
                model.network(part)
        if x.is_cuda:
            torch.cuda.synchronize()

    return min(best_of(lambda size=size: forward(size), 2) for size in BATCHES)


def measure(n: int, k: int, task: TransientBogusScoreTask, device: torch.device) -> dict[str, float]:
    """Return the seconds of every way of scoring n sources with k networks."""
    cutouts, dia_sources = tables(n)
    stored = io.BytesIO()
    pyarrow.parquet.write_table(astropy_to_arrow(cutouts), stored)
    stamps = nn.Stamps.from_table(cutouts)
    spec = nn.ModelSpec(30, CHANNELS, ("BAD",), network_fold=(-1,) * k, folds=FoldRule(5, 1024, 0))
    model = nn.Model.blank(spec)
    table = nn.to_table(model)
    plain = [PlainCompact(4, spec.network).to(device).eval() for _ in range(k)]
    x = prepare(stamps, spec.normalisation, device=device).float()

    def from_file() -> None:
        read = arrow_to_astropy(pyarrow.parquet.read_table(io.BytesIO(stored.getvalue())))
        task.run(cutouts=read, dia_sources=dia_sources, model=table)

    return {
        "task": best_of(lambda: task.run(cutouts=cutouts, dia_sources=dia_sources, model=table)),
        "files": best_of(from_file),
        "loop": best_of(lambda: loop(stamps, plain, device), 1),
        "floor": floor(x, model.to(device)),
        "load_model": best_of(lambda: nn.from_table(table)),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 10000])
    parser.add_argument("--networks", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    device = resolve_device(options.device)
    config = TransientBogusScoreConfig()
    config.numThreads, config.device = options.threads, options.device
    task = TransientBogusScoreTask(config=config)
    start = "from lsst.transient.bogus.tasks.score import TransientBogusScoreTask; import torch"
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", start], check=True)
    sys.stdout.write(json.dumps({"start_up_s": round(time.perf_counter() - begin, 2)}) + "\n")
    with torch_threads(options.threads) as n_threads:
        for n, k in itertools.product(options.sizes, options.networks):
            seconds = measure(n, k, task, device)
            row = {"n": n, "networks": k, "threads": n_threads}
            row |= {f"{name}_s": round(value, 4) for name, value in seconds.items()}
            row |= {"sources_per_s": round(n / seconds["task"])}
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
