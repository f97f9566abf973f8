# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How stamps are stored: bytes for each stamp, errors, and the rates of writing and loading.

    python benchmarks/cutout_storage.py
    python benchmarks/cutout_storage.py --only load --stamps 1000000 --storages tensor

``ways``: columns of stamps written to memory as Parquet and read back, in several dtypes and
compressions.  ``load``: tables of cutouts in a Butler repository, written as `CutoutTask` writes
them and read by the function that training reads them with, normalisation included, for both of
its storages; ``read``: the same without normalisation.
A stamp is one channel of one DIA source: 900 pixels with their variance and mask.  Rates are of the
tensors (image, variance and mask) in memory, by the clock and by processor time; MB are 10^6 bytes.

The memory that loading needs is taken and given back once before: a virtual machine may have to
wait for memory that its host has put to other use, which is no property of the code.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet
from astropy.table import Table

from lsst.daf.butler import Butler, DeferredDatasetHandle
from lsst.daf.butler.formatters.parquet import arrow_to_astropy, astropy_to_arrow
from lsst.daf.butler.tests import addDataIdValue, addDatasetType, makeTestCollection
from lsst.pipe.base import InMemoryDatasetHandle
from lsst.transient.bogus.columns import CUTOUTS, LABELS
from lsst.transient.bogus.handles import table_reader
from lsst.transient.bogus.nn import Stamps
from lsst.transient.bogus.nn.device import torch_threads
from lsst.transient.bogus.nn.threads import in_order
from lsst.transient.bogus.tasks.train_config import TrainTransientBogusConfig
from lsst.transient.bogus.tasks.training_set import read_training_set
from lsst.transient.bogus.words import pack_tensors

STAMP = 30
CHANNELS = ["difference", "science", "template"]
SIGMA = 12.0
STEP = SIGMA / 30
"""Step of scaled integers: its rounding error is 1 % of the noise, rms."""
TENSORS = ("image", "variance", "mask")
STORAGES = ["tensor", "words"]


def say(*words: object) -> None:
    """Write a line."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Clock:
    """Elapsed and processor time since it was made."""

    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def rates(self, n_bytes: float) -> str:
        """Return the rates at which so many bytes were treated."""
        elapsed, used = time.perf_counter() - self.start[0], time.process_time() - self.start[1]
        return f"{n_bytes / elapsed / 1e6:6.0f} MB/s ({n_bytes / used / 1e6:6.0f} by processor time)"


def stamps(n: int, seed: int) -> dict[str, np.ndarray]:
    """Make stamps of noise and stars of all brightnesses, with the variance of both."""
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 1, (n, len(CHANNELS), STAMP, STAMP)).astype(np.float32)
    axis = np.arange(STAMP) - STAMP // 2
    star = np.exp(-(axis[:, np.newaxis] ** 2 + axis**2) / 8.0).astype(np.float32)
    light = (10 ** rng.uniform(1.5, 4.5, (n, len(CHANNELS), 1, 1))).astype(np.float32) * star
    variance = (SIGMA**2 * rng.normal(1, 0.01, image.shape) + light).astype(np.float32)
    image = image * np.sqrt(variance) + light
    mask = (rng.random(image.shape) < 0.003).astype(np.uint8)
    return {"image": image.astype(np.float32), "variance": variance, "mask": mask}


def rounded(values: np.ndarray, step: np.float32) -> np.ndarray:
    """Clear the bits of each value below a step, so that it compresses."""
    exponent = np.frexp(values)[1] - np.frexp(step)[1]
    drop = np.clip(23 - exponent, 0, 23).astype(np.uint32)
    half = np.where(drop > 0, np.uint32(1) << (np.maximum(drop, 1) - 1), 0).astype(np.uint32)
    return ((values.view(np.uint32) + half) >> drop << drop).view(np.float32)


def compare_ways(n: int) -> None:
    """Store stamps in several ways."""
    made = stamps(n, 2)
    image, noise = made["image"], np.sqrt(made["variance"])
    ways = {
        "float32": image,
        "float32 rounded to steps": rounded(image, np.float32(STEP / 2)),
        "float16": image.astype(np.float16),
        "int16 in steps": np.clip(np.round(image / STEP), -32768, 32767).astype(np.int16),
        "float32 in words": None,
    }
    say(f"Ways to store {3 * n} stamps: bytes of a stamp's image, variance and mask; rates of the image")
    for name, stored in ways.items():
        for compression in ("none", "snappy", "lz4", "zstd"):
            table = Table({**made, "image": image if stored is None else stored})
            table = pack_tensors(table, TENSORS) if stored is None else table
            buffer = io.BytesIO()
            clock = Clock()
            pyarrow.parquet.write_table(
                astropy_to_arrow(table["image",]), io.BytesIO(), compression=compression
            )
            wrote = clock.rates(image.nbytes)
            pyarrow.parquet.write_table(astropy_to_arrow(table), buffer, compression=compression)
            size = buffer.tell()
            buffer.seek(0)
            clock = Clock()
            # One thread, as the butler reads.
            read = pyarrow.parquet.read_table(buffer, columns=["image"], use_threads=False)
            took = clock.rates(image.nbytes)
            values = np.asarray(arrow_to_astropy(read)["image"])
            back = values.view(np.float32).reshape(image.shape) if stored is None else values
            factor = STEP if name.startswith("int16") else 1.0
            error = np.abs(back.astype(np.float32) * factor - image) / noise
            say(
                f"{name:>25}, {compression:6} {size / (3 * n):6.0f} bytes  write {wrote}  read {took}  "
                f"error rms {np.sqrt(np.mean(error**2)):.1e}, largest {error.max():.1e} of the noise"
            )


def repository(root: str, n_tables: int) -> Butler:
    """Make a repository for tables of cutouts."""
    Butler.makeRepo(root)
    repo = Butler.from_config(root, writeable=True)
    addDataIdValue(repo, "instrument", "Cam")
    for detector in range(n_tables):
        addDataIdValue(repo, "detector", detector)
    for storage in STORAGES:
        addDatasetType(repo, storage, {"instrument", "detector"}, "ArrowAstropy")
    return makeTestCollection(repo)


def labels(n_rows: int, seed: int) -> InMemoryDatasetHandle:
    """Make the labels of a table of cutouts."""
    data = {column.name: np.full(n_rows, column.fill) for column in LABELS.columns}
    data |= {"diaSourceId": np.arange(n_rows), "label": np.arange(n_rows) % 2, "snr": np.full(n_rows, 8.0)}
    data |= {"tile": np.full(n_rows, seed), "fold": np.full(n_rows, seed % 5), "sign": np.ones(n_rows)}
    table = LABELS.build(data, meta={"N_FOLDS": 5, "NSIDE": 1024, "FOLD_SEED": 0})
    return InMemoryDatasetHandle(table, storageClass="ArrowAstropy")


def forget_cached(paths: Iterable[Path]) -> None:
    """Make the next reading of files go to the disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def readers(handles: dict[tuple[int, int], DeferredDatasetHandle]) -> Iterator[Callable[[], Table]]:
    """Return what reads each table."""
    return map(table_reader, handles.values())


def measure_load(root: str, n_rows: int, n_tables: int, storages: list[str]) -> None:
    """Write tables of cutouts and load them for training."""
    butler = repository(root, n_tables)
    meta = {"CHANNELS": CHANNELS, "MASK_BITS": {"BAD": 1}, "CUTOUT_FLAG_BITS": {}}
    made = [
        CUTOUTS.build({"diaSourceId": np.arange(n_rows), "cutout_flag": 0, **stamps(n_rows, seed)}, meta=meta)
        for seed in range(min(n_tables, 8))
    ]
    size = n_tables * sum(np.asarray(made[0][name]).nbytes for name in TENSORS)
    n_stamps = n_tables * n_rows * len(CHANNELS)
    config = TrainTransientBogusConfig()
    config.maxPositivePerVisit = config.maxNegativePerVisit = config.maxPositive = config.maxNegative = 0
    told = {(0, detector): labels(n_rows, detector) for detector in range(n_tables)}
    say(f"\n{n_tables} tables of {n_rows} DIA sources; {size / n_stamps:.0f} bytes of tensors a stamp")
    for storage in storages:
        clock = Clock()
        for detector in range(n_tables):
            table = made[detector % len(made)]
            stored = table if storage == "tensor" else pack_tensors(table, TENSORS)
            butler.put(stored, storage, instrument="Cam", detector=detector)
        say(f"{storage:>7}: write             {clock.rates(size)}")
        handles = {
            key: butler.getDeferred(storage, instrument="Cam", detector=detector)
            for detector, key in enumerate(told)
        }
        files = [Path(butler.getURI(handle.ref).ospath) for handle in handles.values()]
        on_disk = sum(path.stat().st_size for path in files)
        forget_cached(files)
        clock = Clock()
        for path in files:
            path.read_bytes()
        say(f"{storage:>7}: the disk's own    {clock.rates(on_disk)} of {on_disk / n_stamps:.0f}"
            " bytes for each stamp on disk")  # fmt: skip
        for place in ("disk", "cache"):
            if place == "disk":
                forget_cached(files)
            else:
                for path in files:
                    path.read_bytes()
            np.ones(size // 2, dtype=np.uint8).sum()
            with torch_threads(0) as n_threads:
                clock = Clock()
                data = read_training_set(config, handles, told)
            say(f"{storage:>7}: load from {place:6}  {clock.rates(size)}, {len(data.rows) * 3} stamps, "
                f"{n_threads} threads")  # fmt: skip
            del data
            forget_cached(files if place == "disk" else [])
            with torch_threads(0) as n_threads:
                clock = Clock()
                n_read = sum(in_order(lambda read: len(Stamps.from_table(read())), readers(handles)))
            say(f"{storage:>7}: read from {place:6}  {clock.rates(size)}, {n_read * 3} stamps, "
                f"{n_threads} threads")  # fmt: skip


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["ways", "load"])
    parser.add_argument("--rows", type=int, default=1000, help="DIA sources of a table")
    parser.add_argument("--stamps", type=int, default=48_000, help="stamps to load")
    parser.add_argument("--storages", nargs="+", choices=STORAGES, default=STORAGES)
    parser.add_argument("--folder", help="where to make the repository, which is removed again")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if arguments.only in (None, "ways"):
        compare_ways(arguments.rows)
    if arguments.only in (None, "load"):
        n_tables = max(1, round(arguments.stamps / (len(CHANNELS) * arguments.rows)))
        with tempfile.TemporaryDirectory(dir=arguments.folder) as root:
            measure_load(root, arguments.rows, n_tables, arguments.storages)


if __name__ == "__main__":
    main()
