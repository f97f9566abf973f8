# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scoring speed in DIA sources per second, beside the usual way and beside the floor.

    python benchmarks/scoring.py [--threads N] [--device cuda] [--precision bfloat16] [--clock cpu]

For each number of sources on one detector and of networks, seconds of

``task``: `TransientBogusScoreTask.run` on tables in memory; ``files``: the same on what the task's
quantum reads, as it reads it, from a repository: cutouts, DIA sources and model; ``read``: the part
of that reading, in the same runs; ``own_sky``: as ``task``, with sources on sky that the model was
trained on, each of which is judged by the fifth of the networks that is blind to it (where five
divides their number); ``loop``: normalisation stamp by stamp, then batches of 64 through one stock
network after another, as such tasks are commonly written, with the output table that it needs too;
``floor``: bare forward passes of the same networks on normalised stamps, at the best batch size, memory
layout and implementation; ``model``: bare passes from stamps in memory through the model's
normalisation and networks, at the best batch size.

Then a visit of 189 detectors, each with its file, the start-up of a process, with and without the
scores of a first detector on the sky of the training, and, with ``--bulk N``, the rate at which one
network judges N stamps in memory, and the rate where they are in the memory of the device already
(normalisation and network).  ``--clock cpu`` counts the seconds of all threads instead of those on the
wall: use it where other programs run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import torch
from astropy.table import Table
from bare_passes import Clock, best_of, floor
from plain_network import PlainCompact
from stored_quanta import stored

from lsst.daf.butler.formatters.parquet import astropy_to_arrow
from lsst.transient.bogus import nn
from lsst.transient.bogus.columns import CUTOUTS, DIA_SOURCE
from lsst.transient.bogus.folds import sky_tiles
from lsst.transient.bogus.nn.device import resolve_device, torch_threads
from lsst.transient.bogus.nn.inference import judge
from lsst.transient.bogus.nn.normalise import normalise
from lsst.transient.bogus.nn.precision import autocast, repeatable_products, resolve_precision
from lsst.transient.bogus.nn.settings import PRECISIONS
from lsst.transient.bogus.nn.spec import FoldRule
from lsst.transient.bogus.tasks.score import TransientBogusScoreConfig, TransientBogusScoreTask

CHANNELS = ("difference", "science", "template")
N_DETECTORS, N_ON_DETECTOR = 189, 100
N_FOLDS = 5
DETECTOR_SIDE = 0.22  # degrees
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
START_UP = """
import sys
import pyarrow.parquet
from lsst.transient.bogus.handles import arrow_to_table
from lsst.transient.bogus.nn.io import from_table
from lsst.transient.bogus.tasks.score import TransientBogusScoreConfig, TransientBogusScoreTask
task = TransientBogusScoreTask(config=TransientBogusScoreConfig())
model, *tables = map(pyarrow.parquet.read_table, sys.argv[1:])
if tables:
    cutouts, dia_sources = map(arrow_to_table, tables)
    task.run(cutouts=cutouts, dia_sources=dia_sources, model=model)
else:
    from_table(model)
"""


def tables(n: int) -> tuple[Table, Table]:
    """Return cutouts and DIA sources."""
    rng = np.random.default_rng(1)
    image = rng.normal(size=(n, 3, 30, 30)).astype(np.float32)
    ids = np.arange(n)
    data = {"diaSourceId": ids, "image": image, "variance": np.ones_like(image), "cutout_flag": np.zeros(n)}
    data["mask"] = np.zeros(image.shape, np.uint8)
    cutouts = CUTOUTS.build(data, meta={"CHANNELS": list(CHANNELS), "MASK_BITS": {"BAD": 1}})
    fill = {c.name: np.full(n, c.fill) for c in DIA_SOURCE.columns if not c.optional}
    return cutouts, DIA_SOURCE.build(
        fill | {"diaSourceId": ids} | {name: rng.uniform(0, DETECTOR_SIDE, n) for name in ("ra", "dec")}
    )


def loop(stamps: nn.Stamps, networks: list[PlainCompact], device: torch.device) -> Table:
    """Score as it is commonly written."""
    normalised = []
    for i in range(len(stamps)):
        image, variance = stamps.image[i], stamps.variance[i]
        valid = np.isfinite(image).all(axis=0, keepdims=True).astype(np.float32)
        snr = np.arcsinh(np.nan_to_num(image / np.sqrt(variance)))
        normalised.append(torch.from_numpy(np.concatenate([snr, valid])[:, 1:, 1:]))
    scores = []
    with torch.no_grad():
        for network in networks:
            batches = [normalised[start : start + 64] for start in range(0, len(normalised), 64)]
            logits = [network(torch.stack(batch).to(device)).cpu() for batch in batches]
            scores.append(torch.sigmoid(torch.cat(logits).float()))
    return Table({"id": np.arange(len(stamps)), "score": torch.stack(scores).mean(dim=0).numpy()})


def make_model(k: int, dia_sources: Table | None = None) -> nn.Model:
    """Return k untrained networks; as if trained on the tiles of sources, but for a fold each."""
    own, rule = dia_sources is not None, FoldRule(N_FOLDS, 1024, 0)
    folds = np.arange(k) * N_FOLDS // k if own else np.full(k, -1)
    spec = nn.ModelSpec(30, CHANNELS, ("BAD",), network_fold=tuple(folds.tolist()), folds=rule)
    tiles = sky_tiles(dia_sources["ra"], dia_sources["dec"], nside=rule.nside) if own else None
    return nn.Model.blank(spec, tiles)


def measure(
    n: int, k: int, task: TransientBogusScoreTask, device: torch.device, clock: Clock, root: str
) -> dict[str, float]:
    """Return the seconds of every way of scoring n sources with k networks."""
    cutouts, dia_sources = tables(n)
    stamps = nn.Stamps.from_table(cutouts)
    model = make_model(k)
    table = nn.to_table(model)
    (quantum,) = stored(cutouts, dia_sources, table, 1, root)
    networks = [PlainCompact(len(CHANNELS) + 1, model.spec.network).to(device).eval() for _ in range(k)]
    precision = resolve_precision(task.config.precision, device)
    least = floor(stamps, model, device, clock, precision)

    seconds_of_reading: list[float] = []

    def files() -> None:
        start = clock()
        inputs = quantum.read()
        seconds_of_reading.append(clock() - start)
        task.run(**inputs)

    def run(model: pyarrow.Table) -> float:
        return best_of(lambda: task.run(cutouts=cutouts, dia_sources=dia_sources, model=model), clock)

    seconds = {"task": run(table), "files": best_of(files, clock), "read": min(seconds_of_reading)}
    if k % N_FOLDS == 0:
        seconds["own_sky"] = run(nn.to_table(make_model(k, dia_sources)))
    with repeatable_products(device, precision), autocast(precision, device):
        seconds["loop"] = best_of(lambda: loop(stamps, networks, device), clock, 2)
    seconds["load_model"] = best_of(lambda: nn.from_table(table), clock)
    return seconds | {name: n * each for name, each in least.items()}


def children_cpu() -> float:
    """Return the processor seconds of all processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def start_up(tables: list[pyarrow.Table], clock: Clock) -> float:
    """Return the seconds of a process that makes a task and loads a model, and scores sources if given."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{number}.parq") for number in range(len(tables))]
        for table, path in zip(tables, paths, strict=True):
            pyarrow.parquet.write_table(table, path)
        command = [sys.executable, "-c", START_UP, *paths]
        own = children_cpu if clock is time.process_time else clock
        return best_of(lambda: subprocess.run(command, check=True), own, 2)


def visit(
    task: TransientBogusScoreTask, n_networks: int, device: torch.device, clock: Clock
) -> dict[str, float]:
    """Return the seconds of a visit of 189 detectors with 100 sources each, from a file for each."""
    cutouts, dia_sources = tables(N_ON_DETECTOR)
    model = make_model(n_networks)
    table = nn.to_table(model)
    reading = []
    with tempfile.TemporaryDirectory() as root:
        quanta = stored(cutouts, dia_sources, table, N_DETECTORS, root)

        def score() -> None:
            for quantum in quanta:
                start = clock()
                inputs = quantum.read()
                reading.append(clock() - start)
                task.run(**inputs)

        seconds = best_of(score, clock, 1)
    precision = resolve_precision(task.config.precision, device)
    least = floor(nn.Stamps.from_table(cutouts), model, device, clock, precision)
    whole = {name: N_DETECTORS * N_ON_DETECTOR * each for name, each in least.items()}
    return {"visit": seconds, "read": sum(reading), **whole}


def bulk(n: int, device: torch.device, precision: str, clock: Clock) -> dict[str, int]:
    """Return the stamps per second of one network, from memory and from the device's memory."""
    part = nn.Stamps.from_table(tables(min(n, 8192))[0])
    rows = np.arange(n) % len(part)
    stamps, model = part[rows], make_model(1)
    from_memory = best_of(lambda: judge(model, stamps, device=device, precision=precision), clock)
    network = model.to(device).network
    image, variance = (torch.from_numpy(a).to(device) for a in (part.image, part.variance))
    flagged = torch.zeros(image[:, 0].shape, dtype=torch.bool, device=device)

    @torch.no_grad()
    def on_device() -> None:
        for _ in range(10):
            pixels, valid = normalise(image, variance, flagged, part.channels, model.spec.normalisation)
            with autocast(precision, device):
                network(torch.cat([pixels, valid.unsqueeze(1)], dim=1))
        if device.type == "cuda":
            torch.cuda.synchronize()

    with repeatable_products(device, precision):
        seconds = best_of(on_device, clock)
    return {
        "bulk": n,
        "judged_per_s": round(n / from_memory),
        "on_device_per_s": round(10 * len(part) / seconds),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 10000])
    parser.add_argument("--networks", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--bulk", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    device, clock = resolve_device(options.device), CLOCKS[options.clock]
    precision = resolve_precision(options.precision, device)
    config = TransientBogusScoreConfig()
    config.numThreads, config.device, config.precision = options.threads, options.device, options.precision
    task = TransientBogusScoreTask(config=config)
    alone: dict[int, float] = {}
    with torch_threads(options.threads) as n_threads:
        for n, k in itertools.product(options.sizes, options.networks):
            with tempfile.TemporaryDirectory() as root:
                seconds = measure(n, k, task, device, clock, root)
            row = {"n": n, "networks": k, "threads": n_threads, "device": str(device)}
            row |= {"precision": options.precision}
            row |= {f"{name}_s": round(value, 4) for name, value in seconds.items()}
            row |= {"sources_per_s": round(n / seconds["task"]), "floor_per_s": round(n / seconds["floor"])}
            row |= {"loop_over_task": round(seconds["loop"] / seconds["task"], 2)}
            for least in ("floor", "model"):
                ratio = seconds["files"] / (seconds[least] + seconds["read"])
                row |= {f"files_over_{least}": round(ratio, 2)}
            if k == 1:
                alone[n] = seconds["task"]
            elif n in alone:
                row |= {"over_networks_alone": round(seconds["task"] / (k * alone[n]), 2)}
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
        if options.bulk:
            sys.stdout.write(json.dumps(bulk(options.bulk, device, precision, clock)) + "\n")
            sys.stdout.flush()
        for k in options.networks:
            whole = visit(task, k, device, clock)
            row = {"detectors": N_DETECTORS, "n": N_ON_DETECTOR, "networks": k}
            row |= {f"{name}_s": round(value, 2) for name, value in whole.items()}
            row |= {"sources_per_s": round(N_DETECTORS * N_ON_DETECTOR / whole["visit"])}
            for least in ("floor", "model"):
                row |= {f"visit_over_{least}": round(whole["visit"] / (whole[least] + whole["read"]), 2)}
            sys.stdout.write(json.dumps(row) + "\n")
    sources = tables(N_ON_DETECTOR)
    model = nn.to_table(make_model(2 * N_FOLDS, sources[1]))
    row = {"start_up_s": round(start_up([model], clock), 2)}
    row |= {"first_scores_s": round(start_up([model, *map(astropy_to_arrow, sources)], clock), 2)}
    sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
