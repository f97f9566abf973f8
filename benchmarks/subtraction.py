# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subtraction of a PSF-matched template: the two methods of SubtractImagesTask side by side.

    python benchmarks/subtraction.py
    python benchmarks/subtraction.py --sizes 256 512 --no-sfft
    python benchmarks/subtraction.py --survey demo/repo --images 8

Without a survey, a field of stars is rendered twice with different seeing and noise.  The residual
is the robust rms of the difference, in standard deviations, on all pixels and on those of bright
stars, where one is the noise of a perfect kernel.

With a survey that ``make demo`` has simulated and processed, both methods subtract the templates
of some of its visits, and what is then detected is compared with the truth: injections and real
changes that are found, and bogus.

Times are of processor, after the functions of sfft have been compiled, which takes another half
minute for every new image size.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from astropy.table import Table

from lsst.daf.butler import Butler, DatasetRef
from lsst.transient.bogus.evaluation.truth_match import match_truth
from lsst.transient.bogus.matching import match_one_to_one
from lsst.transient.bogus.standalone.detect import DetectDiaSourcesConfig, DetectDiaSourcesTask
from lsst.transient.bogus.standalone.image_arrays import ImageArrays
from lsst.transient.bogus.standalone.kernel_basis import polar_basis, radial_knots
from lsst.transient.bogus.standalone.kernel_fit import fit_kernel
from lsst.transient.bogus.standalone.sfft_kernel import fit_sfft
from lsst.transient.bogus.standalone.stamp_pairs import cut_pairs, select_positions
from lsst.transient.bogus.standalone.subtract import SubtractImagesConfig, SubtractImagesTask

SKY = 400.0
HALF_WIDTH = 9
STAMP_RADIUS = 10
STARS_PER_PIXEL = 1e-3
COLLECTION = "transient_bogus"
MATCH_RADIUS = 0.5  # arcsec
MIN_SIGNIFICANCE = 3.0  # of a true change that can be what was detected


def render(size: int, sigma: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image with a margin, and its variance."""
    whole = size + 2 * HALF_WIDTH
    sky = np.random.default_rng(1)
    n = int(STARS_PER_PIXEL * whole**2)
    x, y = sky.uniform(0, whole, (2, n))
    flux = 10 ** sky.uniform(3.0, 5.3, n)
    image = np.zeros((whole, whole))
    rows, columns = np.indices((41, 41)) - 20
    for a, b, f in zip(x, y, flux, strict=True):
        i, j = round(a), round(b)
        width2 = (sigma * (1.0 + 0.05 * (a / whole - 0.5))) ** 2
        stamp = np.exp(-0.5 * ((columns - a + i) ** 2 + (rows - b + j) ** 2) / width2)
        part = np.s_[max(j - 20, 0) : j + 21, max(i - 20, 0) : i + 21]
        stamp = stamp[max(20 - j, 0) :, max(20 - i, 0) :]
        target = image[part]
        target += f / (2 * np.pi * width2) * stamp[: target.shape[0], : target.shape[1]]
    variance = image + SKY
    return image + np.random.default_rng(seed).normal(size=image.shape) * np.sqrt(variance), variance


def report(name: str, difference: np.ndarray, variance: np.ndarray, seconds: float) -> None:
    """Write one line of the result."""
    edge = np.s_[20:-20, 20:-20]
    ratio, level = (difference / np.sqrt(variance))[edge], variance[edge]
    rms = [1.4826 * np.median(np.abs(ratio[where])) for where in (level > 0, level > 3 * np.median(level))]
    line = f"{name:24s} {seconds:8.2f} s   rms {rms[0]:.3f}   rms on bright stars {rms[1]:.3f}\n"
    sys.stdout.write(line)


def ours(size: int) -> None:
    """Run the least-squares kernel of the task."""
    template, template_variance = render(size, 1.6, 2)
    science, variance = (a[HALF_WIDTH:-HALF_WIDTH, HALF_WIDTH:-HALF_WIDTH] for a in render(size, 1.9, 3))
    none = np.zeros(science.shape, dtype=bool)
    pixels = np.ascontiguousarray(science, dtype=np.float32)
    arrays = ImageArrays(pixels, variance.astype(np.float32), none, 0, 0)
    large = ImageArrays(
        template, template_variance, np.zeros(template.shape, dtype=bool), -HALF_WIDTH, -HALF_WIDTH
    )
    start = time.process_time()
    column, row = select_positions(arrays, ~none, radius=STAMP_RADIUS, min_snr=20.0, n_cells=5, per_cell=5)
    pairs = cut_pairs(arrays, large, ~none, column, row, radius=STAMP_RADIUS, half_width=HALF_WIDTH)
    basis = polar_basis(radial_knots(3.8, HALF_WIDTH), HALF_WIDTH, max_harmonic=4)
    kernel = fit_kernel(pairs, basis, shape=(size, size), max_order=2)
    matched = kernel.convolve(template, HALF_WIDTH)
    seconds = time.process_time() - start
    noise = np.sum(kernel.at(size / 2, size / 2) ** 2)
    inner = template_variance[HALF_WIDTH:-HALF_WIDTH, HALF_WIDTH:-HALF_WIDTH]
    report(f"least squares, {size}", science - matched, variance + noise * inner, seconds)


def sfft(size: int) -> None:
    """Run the sfft package on the same pixels."""
    inner = np.s_[HALF_WIDTH:-HALF_WIDTH, HALF_WIDTH:-HALF_WIDTH]
    template, template_variance = render(size, 1.6, 2)
    science, variance = (a[inner] for a in render(size, 1.9, 3))
    everywhere = np.ones(science.shape, dtype=bool)
    seconds = np.inf
    for _ in range(2):
        start = time.process_time()
        kernel = fit_sfft(science, template[inner], everywhere, half_width=HALF_WIDTH, order=2)
        matched = kernel.convolve(template, HALF_WIDTH)
        seconds = min(seconds, time.process_time() - start)
    noise = np.sum(kernel.at(size / 2, size / 2) ** 2)
    report(f"sfft, {size}", science - matched, variance + noise * template_variance[inner], seconds)


def survey(repository: Path, n_images: int, methods: list[str]) -> None:
    """Subtract and detect on visits of a simulated survey, and compare with its truth."""
    detect = DetectDiaSourcesTask(config=DetectDiaSourcesConfig())
    total = {method: Counter() for method in methods}
    with Butler.from_config(str(repository), collections=COLLECTION) as butler:
        refs = sorted(butler.query_datasets("template_detector"), key=lambda ref: str(ref.dataId))
        for ref in refs[:: max(1, len(refs) // n_images)][:n_images]:
            science, template = butler.get("injected_visit_image", ref.dataId), butler.get(ref)
            for method in methods:
                task = SubtractImagesTask(config=SubtractImagesConfig(method=method))
                first = method == "sfft" and not total[method]
                if first:
                    task.run(science=science, template=template)
                start = time.process_time()
                difference = task.run(science=science, template=template).difference
                total[method]["seconds"] += time.process_time() - start
                sources = detect.run(science=science, template=template, difference=difference).dia_sources
                total[method] += counts(butler, ref, sources)
    for method, count in total.items():
        sys.stdout.write(
            f"{method:14s} {n_images} images: {count['seconds'] / n_images:.2f} s each; found "
            f"{count['injected']} of {count['injections']} injections, "
            f"{count['real']} of {count['changes']} real changes, {count['bogus']} bogus\n"
        )


def counts(butler: Butler, ref: DatasetRef, sources: Table) -> Counter:
    """Count what was found."""
    injections = butler.get("injected_visit_image_catalog", ref.dataId)
    found, _, _ = match_one_to_one(
        sources["ra"], sources["dec"], injections["ra"], injections["dec"], radius_arcsec=MATCH_RADIUS
    )
    rest = sources[np.setdiff1d(np.arange(len(sources)), found)]
    truth = match_truth(
        *(np.asarray(rest[name]) for name in ("ra", "dec", "psfFlux")),
        butler.get("simulated_truth", ref.dataId),
        radius_arcsec=MATCH_RADIUS,
        min_significance=MIN_SIGNIFICANCE,
    )
    real = int(np.count_nonzero(truth.truth_id))
    return Counter(
        injected=len(found),
        injections=len(injections),
        real=real,
        changes=int(np.count_nonzero(np.abs(truth.true_significance) > 5.0)),
        bogus=len(rest) - real,
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512, 1024])
    parser.add_argument("--sfft", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--survey", type=Path, help="repository of a simulated and processed survey")
    parser.add_argument("--images", type=int, default=8, help="number of its detector images to take")
    arguments = parser.parse_args()
    if arguments.survey:
        survey(arguments.survey, arguments.images, ["leastSquares", *["sfft"] * arguments.sfft])
        return
    for size in arguments.sizes:
        ours(size)
        if arguments.sfft:
            sfft(size)


if __name__ == "__main__":
    main()
