# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Association of synthetic detections of known objects: quality, time and memory.

    python benchmarks/association.py --sizes 1e5 1e6 1e7 --loop-up-to 1e6

Each size runs in a process of its own, so that its peak memory is its own, beside a
loop of `astropy.coordinates.match_to_catalog_sky` over the visits.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lsst.transient.bogus.association import associate

RADIUS = 0.5
SCATTER = 0.1
DETECTIONS_PER_VISIT = 10_000
FIELD_DENSITY = 20_000.0


def synthetic(n: int, seed: int = 0) -> dict[str, NDArray]:
    """Return detections of known objects with the crowding of a DIA survey.

    A visit finds 10 000 detections on 9.6 square degrees of a fixed footprint:
    70 % recur there (variables, transients, residuals of stars), 30 % are seen
    once (cosmic rays, glints).  A tenth of the objects cluster in groups of six
    with a scatter of 3 arcsec, as around bright stars; of two closer than 0.7
    arcsec, which no detector would tell apart, one stays.
    """
    rng = np.random.default_rng(seed)
    n_visits = max(10, n // DETECTIONS_PER_VISIT)
    n_single = int(0.3 * n)
    n_recurring = n - n_single
    epochs = min(40, n_visits // 2)
    n_objects = n_recurring // epochs
    side = np.sqrt((n_objects + n_single) / FIELD_DENSITY)
    ra, dec = 30.0 + rng.uniform(0, side, n_objects), rng.uniform(-side / 2, side / 2, n_objects)
    clustered = rng.random(n_objects) < 0.1
    group = rng.integers(0, max(1, int(0.1 * n_objects / 6)), n_objects)
    center = rng.integers(0, n_objects, n_objects)[group]
    ra = np.where(clustered, ra[center] + rng.normal(0, 3.0 / 3600, n_objects), ra)
    dec = np.where(clustered, dec[center] + rng.normal(0, 3.0 / 3600, n_objects), dec)
    resolved = np.ones(n_objects, bool)
    resolved[cKDTree(np.stack([ra, dec], 1)).query_pairs(0.7 / 3600, output_type="ndarray")[:, 1]] = False
    ra, dec, n_objects = ra[resolved], dec[resolved], np.count_nonzero(resolved)
    start = rng.integers(0, n_visits, n_objects)
    stride = max(1, n_visits // epochs)
    visit = (start[:, None] + stride * np.arange(epochs)).ravel() % n_visits
    truth = np.repeat(np.arange(n_objects), epochs)
    noise = rng.normal(0, SCATTER / 3600, (2, len(truth)))
    single_ra, single_dec = 30.0 + rng.uniform(0, side, n_single), rng.uniform(-side / 2, side / 2, n_single)
    columns = {
        "ra": np.concatenate([ra[truth] + noise[0], single_ra]),
        "dec": np.concatenate([dec[truth] + noise[1], single_dec]),
        "visit": np.concatenate([visit, rng.integers(0, n_visits, n_single)]),
        "truth": np.concatenate([truth, n_objects + np.arange(n_single)]),
    }
    shuffle = rng.permutation(len(columns["ra"]))
    return {name: column[shuffle] for name, column in columns.items()}


def quality(index: NDArray[np.int64], truth: NDArray[np.int64]) -> tuple[float, float]:
    """Return completeness and purity.

    Completeness is the share of an object's detections that lie in the one
    association that holds most of them; purity the share of an association's
    detections that are of its most frequent object.  Both are means over the
    detections of objects, and of associations, with two or more.
    """

    def largest_share(group: NDArray[np.int64], other: NDArray[np.int64]) -> float:
        pairs, count = np.unique(group * (other.max() + 1) + other, return_counts=True)
        owner = pairs // (other.max() + 1)
        best = np.zeros(group.max() + 1, np.int64)
        np.maximum.at(best, owner, count)
        total = np.bincount(group)
        several = total > 1
        return float(best[several].sum() / total[several].sum())

    return largest_share(truth, index), largest_share(index, truth)


def astropy_loop(ra: NDArray, dec: NDArray, visit: NDArray) -> NDArray[np.int64]:
    """Associate visit by visit with `match_to_catalog_sky`: the usual way."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    index = np.full(len(ra), -1, np.int64)
    total, count = np.zeros((0, 2)), np.zeros(0, np.int64)
    order = np.argsort(visit, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(visit[order])) + 1):
        here = SkyCoord(ra[rows], dec[rows], unit="deg")
        matched = np.zeros(len(rows), bool)
        if len(count):
            known = SkyCoord(*(total / count[:, None]).T, unit="deg")
            nearest, separation, _ = here.match_to_catalog_sky(known)
            closest = np.argsort(separation)
            matched[closest[np.unique(nearest[closest], return_index=True)[1]]] = True
            matched &= separation < RADIUS * u.arcsec
            index[rows[matched]] = nearest[matched]
            np.add.at(total, nearest[matched], np.stack([ra[rows[matched]], dec[rows[matched]]], 1))
            np.add.at(count, nearest[matched], 1)
        fresh = rows[~matched]
        index[fresh] = len(count) + np.arange(len(fresh))
        total = np.concatenate([total, np.stack([ra[fresh], dec[fresh]], 1)])
        count = np.concatenate([count, np.ones(len(fresh), np.int64)])
    return index


def measure(n: int, method: str) -> dict[str, float]:
    """Run one method at one size in this process."""
    data = synthetic(n)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if method == "associate":
        associate(*(np.zeros(1),) * 3, np.zeros(1, int), radius_arcsec=RADIUS)  # compile
    begin = time.perf_counter()
    if method == "associate":
        mjd = data["visit"].astype(float)
        index = associate(data["ra"], data["dec"], mjd, data["visit"], radius_arcsec=RADIUS)
    else:
        index = astropy_loop(data["ra"], data["dec"], data["visit"])
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    completeness, purity = quality(index, data["truth"])
    return {
        "n": len(index),
        "n_visits": len(np.unique(data["visit"])),
        "seconds": round(seconds, 2),
        "peak_gib": round(peak, 2),
        "before_gib": round(base, 2),
        "completeness": round(completeness, 5),
        "purity": round(purity, 5),
    }


def main() -> None:
    """Print a table row per size and method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e5, 1e6, 1e7])
    parser.add_argument("--loop-up-to", type=float, default=1e6, help="largest size of the astropy loop")
    parser.add_argument("--one", nargs=2, metavar=("N", "METHOD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        sys.stdout.write(json.dumps(measure(int(float(arguments.one[0])), arguments.one[1])))
        return
    for size in arguments.sizes:
        for method in ("associate", "loop"):
            if method == "loop" and size > arguments.loop_up_to:
                continue
            command = [sys.executable, __file__, "--one", str(int(size)), method]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            sys.stdout.write(f"{method:>10} {found}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
