# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutouts of a large detector: stamps per second, memory, boxes.

    python benchmarks/cutouts.py
    python benchmarks/cutouts.py --sizes 100 10000 --only memory

``memory``: all stamps of three image planes in memory, beside `astropy.nddata.Cutout2D` for
each source, and beside a plain copy of the output, by processor time.  ``quantum``: the whole
task on files of a Butler repository, beside reading the same planes and copying the output once;
ratios both by the clock and by processor time.  The memory of three outputs is taken and given
back once before: a virtual machine may have to wait for memory that its host has put to other
use, 2 s for each GB where this was written, which is no property of the task.  ``boxes``: what a
box of one stamp costs, in pixels of a whole plane.  Every size runs in a process of its own, so
that its peak memory is its own.
See cutout_storage.py for what is written.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.nddata import Cutout2D

from lsst.daf.butler import Butler
from lsst.daf.butler.tests import addDataIdValue, addDatasetType, makeTestCollection

# A benchmark makes the files that it reads.
from lsst.images import Box, Image, Mask, MaskedImage, MaskPlane, MaskSchema  # noqa: TID251
from lsst.pipe.base.testUtils import makeQuantum, runTestQuantum
from lsst.transient.bogus.columns import DIA_SOURCE
from lsst.transient.bogus.pixels import read_boxes
from lsst.transient.bogus.stamps import gather_stamps, stamp_grid
from lsst.transient.bogus.tasks.cutout import CutoutConfig, CutoutConnections, CutoutTask

SIDE = 4096
STAMP = 30
SIGMA = 12.0
CHANNELS = {
    "difference": "difference_image",
    "science": "injected_visit_image",
    "template": "template_detector",
}
DATA_ID = {"instrument": "Cam", "visit": 5, "detector": 1}


def say(*words: object) -> None:
    """Write a line."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def peak_mib() -> float:
    """Return the peak memory of this process; that of the resource module begins with its parent's."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def timed(function: Callable[[], Any], repeats: int = 1) -> tuple[float, float]:
    """Return the shortest time of some calls in seconds: by the clock and by processor time.

    Other processes disturb processor time less.
    """
    times = []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        function()
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    clock, processor = zip(*times, strict=True)
    return min(clock), min(processor)


def positions(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return positions over the whole detector, edges included, in the order of rows."""
    rng = np.random.default_rng(n)
    x, y = rng.uniform(-0.5, SIDE - 0.5, (2, n))
    order = np.argsort(y)
    return x[order], y[order]


def measure_memory(n: int) -> dict[str, float]:
    """Compare ways to cut stamps out of three planes in memory."""
    rng = np.random.default_rng(1)
    planes = [rng.normal(0, SIGMA, (SIDE, SIDE)).astype(np.float32) for _ in CHANNELS]
    x, y = positions(n)

    def ours() -> np.ndarray:
        grid = stamp_grid(x, y, STAMP)
        out = np.empty((n, len(planes), STAMP, STAMP), dtype=np.float32)
        for channel, plane in enumerate(planes):
            gather_stamps(plane, grid, x0=0, y0=0, out=out[:, channel], fill=np.nan)
        return out

    n_astropy = min(n, 2000)

    # The middle of each of our stamps: Cutout2D rounds the corner of an even stamp, we the centre.
    grid = stamp_grid(x, y, STAMP)
    middles = np.stack([grid.x0, grid.y0], axis=1) + (STAMP - 1) / 2

    def astropy() -> np.ndarray:
        out = np.empty((n_astropy, len(planes), STAMP, STAMP), dtype=np.float32)
        for row in range(n_astropy):
            for channel, plane in enumerate(planes):
                cutout = Cutout2D(plane, middles[row], STAMP, mode="partial", fill_value=np.nan)
                out[row, channel] = cutout.data
        return out

    tracemalloc.start()
    stamps = ours()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    same = np.array_equal(stamps[:n_astropy], astropy(), equal_nan=True)
    copy = np.empty_like(stamps)
    time_ours, time_copy = timed(ours, 5)[1], timed(lambda: np.copyto(copy, stamps), 5)[1]
    time_astropy = timed(astropy, 2)[1] * n / n_astropy
    return {
        "n": n,
        "ours_s": time_ours,
        "stamps_per_s": n / time_ours,
        "astropy_s": time_astropy,
        "speedup": time_astropy / time_ours,
        "copy_s": time_copy,
        "peak_mib": peak,
        "output_mib": stamps.nbytes / 2**20,
        "equal_to_astropy": same,
    }


def repository(root: str) -> Butler:
    """Make a repository with three images of a detector."""
    Butler.makeRepo(root)
    repo = Butler.from_config(root, writeable=True)
    addDataIdValue(repo, "instrument", "Cam")
    addDataIdValue(repo, "physical_filter", "Cam-r", band="r")
    addDataIdValue(repo, "day_obs", 20250101)
    addDataIdValue(repo, "visit", 5, physical_filter="Cam-r", day_obs=20250101)
    addDataIdValue(repo, "detector", 1)
    for name in CHANNELS.values():
        addDatasetType(repo, name, {"instrument", "visit", "detector"}, "MaskedImageV2")
    for name in ("dia_source_detector", "transient_cutouts"):
        addDatasetType(repo, name, {"instrument", "visit", "detector"}, "ArrowAstropy")
    butler = makeTestCollection(repo)
    rng = np.random.default_rng(1)
    schema = MaskSchema([MaskPlane(name, name) for name in ("BAD", "SATURATED", "COSMIC_RAY", "DETECTED")])
    for channel, name in enumerate(CHANNELS.values()):
        # The template is larger, as in the stack.
        side, start = (SIDE + 40, -20) if channel == 2 else (SIDE, 0)
        box = Box.factory[start : start + side, start : start + side]
        image = Image(rng.normal(0, SIGMA, (side, side)).astype(np.float32), bbox=box, unit=u.nJy)
        variance = Image(np.full((side, side), SIGMA**2, dtype=np.float32), bbox=box, unit=u.nJy**2)
        mask = Mask(0, schema=schema, bbox=box)
        mask.set("BAD", rng.random((side, side)) < 0.001)
        butler.put(MaskedImage(image, mask=mask, variance=variance), name, DATA_ID)
    return butler


def measure_quantum(n: int, root: str) -> dict[str, float]:
    """Run the task on files, beside reading its planes and copying its output."""
    # The test tools look for inputs in the butler's own run.
    (run,) = Butler.from_config(root).collections.query("test_*")
    butler = Butler.from_config(root, writeable=True, run=run)
    x, y = positions(n)
    data = {c.name: np.full(n, c.fill) for c in DIA_SOURCE.columns if not c.optional}
    sources = DIA_SOURCE.build(data | {"diaSourceId": np.arange(n), "x": x, "y": y})
    butler.put(sources, "dia_source_detector", DATA_ID)
    task = CutoutTask(config=CutoutConfig(size=STAMP))
    connections = CutoutConnections(config=task.config)
    planes = sorted(connections.inputs - {"dia_sources"})

    def read() -> None:
        for plane in planes:
            connection = getattr(connections, plane)
            butler.get(connection.name, DATA_ID, storageClass=connection.storageClass).array.sum()

    data_id = butler.registry.expandDataId(DATA_ID)
    names = [*connections.inputs, *connections.outputs]
    quantum = makeQuantum(task, butler, data_id, dict.fromkeys(names, data_id))
    base = peak_mib()
    quantum_s, quantum_cpu = timed(lambda: runTestQuantum(task, butler, quantum, mockRun=False))
    peak = peak_mib() - base
    cutouts = butler.get("transient_cutouts", DATA_ID)
    arrays = [np.asarray(cutouts[name]) for name in ("image", "variance", "mask")]
    copies = [np.empty_like(a) for a in arrays]

    def copy() -> None:
        for target, source in zip(copies, arrays, strict=True):
            np.copyto(target, source)

    def write() -> None:
        forget(butler, "transient_cutouts")
        butler.put(cutouts, "transient_cutouts", DATA_ID)

    (read_s, read_cpu), (copy_s, copy_cpu), (write_s, write_cpu) = timed(read), timed(copy, 3), timed(write)
    forget(butler, "transient_cutouts", "dia_source_detector")
    return {
        "n": n,
        "quantum_s": quantum_s,
        "read_s": read_s,
        "copy_s": copy_s,
        "write_s": write_s,
        "ratio_without_write": (quantum_s - write_s) / (read_s + copy_s),
        "same_by_cpu_time": (quantum_cpu - write_cpu) / (read_cpu + copy_cpu),
        "peak_mib": peak,
        "output_mib": sum(a.nbytes for a in arrays) / 2**20,
    }


def forget(butler: Butler, *names: str) -> None:
    """Remove datasets, so that they can be written again."""
    refs = [butler.find_dataset(name, DATA_ID) for name in names]
    butler.pruneDatasets(refs, unstore=True, purge=True, disassociate=True)


def measure_boxes(n: int, root: str) -> dict[str, float]:
    """Read boxes of one stamp beside whole planes of the same files."""
    (run,) = Butler.from_config(root).collections.query("test_*")
    butler = Butler.from_config(root, run=run)
    x, y = np.random.default_rng(4).integers(STAMP, SIDE - STAMP, (2, n))
    result: dict[str, float] = {}
    for plane, storage_class in (("image", "ImageV2"), ("mask", "MaskV2")):
        handle = butler.getDeferred(f"difference_image.{plane}", DATA_ID, storageClass=storage_class)
        _, whole = timed(handle.get, 3)
        boxes = read_boxes(handle, x, y, STAMP)
        _, took = timed(lambda handle=handle: read_boxes(handle, x, y, STAMP), 3)
        result |= {
            f"{plane}_whole_s": whole,
            f"{plane}_box_s": took / n,
            f"{plane}_box_in_pixels": took / n / whole * SIDE**2,
            f"{plane}_is_box": float(boxes is not None),
        }
    return result


def in_own_process(kind: str, n: int, root: str = "") -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, __file__, "--worker", kind, "--sizes", str(n), "--root", root]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(result.stdout.splitlines()[-1])


def quantum_alone(n: int, root: str) -> dict[str, Any]:
    """Measure the whole task in a process of its own, with memory that the machine has at hand."""
    np.ones(3 * len(CHANNELS) * n * STAMP**2 * 9, dtype=np.uint8).sum()
    return in_own_process("quantum", n, root)


def show(title: str, rows: Iterator[dict[str, Any]]) -> None:
    """Print measurements as a table, as they come."""
    say(f"\n{title}")
    for number, row in enumerate(rows):
        if number == 0:
            say("  ".join(f"{name:>22}" for name in row))
        say("  ".join(f"{value:>22.4g}" for value in row.values()))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--only", choices=["memory", "quantum", "boxes"])
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--root", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if arguments.worker:
        function = {"memory": measure_memory, "quantum": measure_quantum, "boxes": measure_boxes}
        extra = (arguments.root,) if arguments.root else ()
        say(json.dumps(function[arguments.worker](arguments.sizes[0], *extra)))
        return
    if arguments.only in (None, "memory"):
        show("In memory, three planes", (in_own_process("memory", n) for n in arguments.sizes))
    if arguments.only == "memory":
        return
    with tempfile.TemporaryDirectory() as root:
        repository(root)
        files = sum(p.stat().st_size for p in Path(root).rglob("*.fits"))
        say(f"\nfiles: {files / 2**20:.0f} MiB")
        if arguments.only in (None, "quantum"):
            show("Whole quantum, nine planes", (quantum_alone(n, root) for n in arguments.sizes))
        if arguments.only in (None, "boxes"):
            show("Boxes of one stamp", iter([in_own_process("boxes", 20, root)]))


if __name__ == "__main__":
    main()
