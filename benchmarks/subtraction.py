# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subtraction of a PSF-matched template: processor time and residuals, beside the sfft package.

    python benchmarks/subtraction.py
    python benchmarks/subtraction.py --sizes 256 512 --no-sfft

A field of stars is rendered twice with different seeing and noise.  The residual is the robust
rms of the difference, in standard deviations, on all pixels and on those of bright stars, where
one is the noise of a perfect kernel.  The times of sfft are those after its functions have been
compiled, which takes another half minute for every new image size.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from lsst.transient.bogus.standalone.image_arrays import ImageArrays
from lsst.transient.bogus.standalone.kernel_basis import polar_basis, radial_knots
from lsst.transient.bogus.standalone.kernel_fit import fit_kernel
from lsst.transient.bogus.standalone.stamp_pairs import cut_pairs, select_positions

SKY = 400.0
HALF_WIDTH = 9
STAMP_RADIUS = 10
STARS_PER_PIXEL = 1e-3


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
    from sfft.sfftcore.SFFTConfigure import SingleSFFTConfigure
    from sfft.sfftcore.SFFTSubtract import GeneralSFFTSubtract

    inner = np.s_[HALF_WIDTH:-HALF_WIDTH, HALF_WIDTH:-HALF_WIDTH]
    template, template_variance = (np.ascontiguousarray(a[inner]) for a in render(size, 1.6, 2))
    science, variance = (np.ascontiguousarray(a[inner]) for a in render(size, 1.9, 3))
    options = {"BACKEND_4SUBTRACT": "Numpy", "NUM_CPU_THREADS_4SUBTRACT": 1, "VERBOSE_LEVEL": 0}
    config = SingleSFFTConfigure.SSC(NX=size, NY=size, KerHW=HALF_WIDTH, KerPolyOrder=2, **options)
    seconds, difference = np.inf, science
    for _ in range(2):
        start = time.process_time()
        _, difference, _ = GeneralSFFTSubtract.GSS(template, science, template, science, config, **options)
        seconds = min(seconds, time.process_time() - start)
    # The kernel adds less than the whole of the template's noise: the same estimate as above.
    report(f"sfft, {size}", difference, variance + 0.06 * template_variance, seconds)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512, 1024])
    parser.add_argument("--sfft", action=argparse.BooleanOptionalAction, default=True)
    arguments = parser.parse_args()
    for size in arguments.sizes:
        ours(size)
        if arguments.sfft:
            sfft(size)


if __name__ == "__main__":
    main()
