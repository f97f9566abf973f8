# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injection catalogue of a detector: processor time and memory against the number of galaxies.

python benchmarks/host_catalog.py --sizes 5000 50000 500000
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import tracemalloc

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS

from lsst.transient.bogus.columns import SOURCE
from lsst.transient.bogus.tasks.host_catalog import GalaxyHostCatalogConfig, GalaxyHostCatalogTask


def galaxies(n: int, side: float = 4096.0) -> Table:
    """Return galaxies at random positions on a rotated detector near the pole."""
    rng = np.random.default_rng(n)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [0.0, 89.0], [-900.0, 3000.0]
    wcs.wcs.cd = 0.2 / 3600 * np.array([[-0.8, 0.6], [0.6, 0.8]])
    x, y = rng.uniform(0.0, side, (2, n))
    ra, dec = wcs.all_pix2world(x, y, 0)
    a, angle = rng.uniform(2.0, 6.0, n), rng.uniform(0.0, np.pi, n)
    b = a * rng.uniform(0.3, 0.9, n)
    c, s = np.cos(angle), np.sin(angle)
    data = {column.name: np.full(n, column.fill) for column in SOURCE.columns}
    data |= {
        "sourceId": np.arange(1, n + 1),
        "x": x,
        "y": y,
        "ra": ra,
        "dec": dec,
        "ixx": a**2 * c**2 + b**2 * s**2,
        "iyy": a**2 * s**2 + b**2 * c**2,
        "ixy": (a**2 - b**2) * s * c,
        "extendedness": np.ones(n),
        "ap12Flux": 10 ** rng.uniform(2.5, 5.0, n),
        "psfFlux": 10 ** rng.uniform(2.5, 4.0, n),
        "psfFluxErr": np.full(n, 25.0),
        "detect_isPrimary": np.ones(n, dtype=bool),
    }
    return SOURCE.build(data)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[5000, 50_000, 500_000])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    task = GalaxyHostCatalogTask(config=GalaxyHostCatalogConfig(maxHosts=14000))
    columns = ("galaxies", "injections", "CPU s", "us/galaxy", "peak MiB", "rms px")
    sys.stdout.write(" ".join(f"{name:>10}" for name in columns) + "\n")
    for n in arguments.sizes:
        table = galaxies(n)
        times = []
        for _ in range(arguments.repeats):
            start = time.process_time()
            catalog = task.run(sources=table, visit=1, detector=2, band="r").injection_catalog
            times.append(time.process_time() - start)
        tracemalloc.start()
        task.run(sources=table, visit=1, detector=2, band="r")
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        rms = task.metadata["astrometry_rms_pixel"]
        values = (n, len(catalog), min(times), 1e6 * min(times) / n, peak, rms)
        sys.stdout.write(" ".join(f"{value:>10.3g}" for value in values) + "\n")


if __name__ == "__main__":
    main()
