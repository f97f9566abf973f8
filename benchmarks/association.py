# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Association of synthetic detections of known objects: quality, time and memory.

    python benchmarks/association.py --sizes 1e5 1e6 1e7 --loop-limit 900

Each size and method runs in a process of its own, so that its peak memory is its own: `associate`,
the same on a field without unresolved pairs, and a loop of `astropy.coordinates.match_to_catalog_sky`
over the visits.  All use one thread.  A loop that is stopped at the limit has a row with the visits it
got through: the ratio of CPU times that is printed is then a lower bound.
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
VISITS_PER_FIELD = 50
FIELD_SIDE = 3.1
DETECTED = 0.5
SINGLE = 0.3
UNRESOLVED = 0.7


def synthetic(n: int, *, closest: float = 0.0, seed: int = 0) -> dict[str, NDArray]:
    """Return detections of known objects with the crowding of a DIA survey.

    A visit makes 10 000 detections on a field of 9.6 square degrees; a field has 50 visits, those
    of different fields in random turn.  70 % of the detections are of objects that recur (variables,
    transients, residuals of stars), each found in half of the visits of its field; 30 % are seen once
    (cosmic rays, glints).  A tenth of the objects cluster in groups of six with a scatter of 3 arcsec,
    as residuals do around bright stars.  Of objects closer than ``closest`` arcsec, one stays.
    """
    rng = np.random.default_rng(seed)
    n_visits = max(10, n // DETECTIONS_PER_VISIT)
    n_fields = max(1, n_visits // VISITS_PER_FIELD)
    field_of_visit = rng.permutation(np.arange(n_visits) % n_fields)
    n_objects = int((1 - SINGLE) * DETECTIONS_PER_VISIT / DETECTED) * n_fields
    field, ra, dec = objects_of_fields(rng, n_objects, n_fields)
    stay = np.ones(n_objects, bool)
    pairs = cKDTree(np.stack([ra, dec], 1)).query_pairs(closest / 3600, output_type="ndarray")
    stay[pairs[:, 1]] = False
    visits, truths = [], []
    for visit, place in enumerate(field_of_visit):
        there = np.flatnonzero((field == place) & stay)
        truths.append(there[rng.random(len(there)) < DETECTED])
        visits.append(np.full(len(truths[-1]), visit))
    visit, truth = np.concatenate(visits), np.concatenate(truths)
    n_single = int(SINGLE * n)
    noise = rng.normal(0, SCATTER / 3600, (2, len(truth)))
    single_visit = rng.integers(0, n_visits, n_single)
    single_ra, single_dec = rng.uniform(0, FIELD_SIDE, (2, n_single))
    columns = {
        "ra": np.concatenate(
            [ra[truth] + noise[0], 30.0 + FIELD_SIDE * field_of_visit[single_visit] + single_ra]
        ),
        "dec": np.concatenate([dec[truth] + noise[1], single_dec - FIELD_SIDE / 2]),
        "visit": np.concatenate([visit, single_visit]),
        "truth": np.concatenate([truth, n_objects + np.arange(n_single)]),
    }
    shuffle = rng.permutation(len(columns["ra"]))
    return {name: column[shuffle] for name, column in columns.items()}


def objects_of_fields(
    rng: np.random.Generator, n_objects: int, n_fields: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return field and position of objects, a tenth of them in groups of six."""
    n_groups = max(1, n_objects // 60)
    center = rng.integers(0, n_objects, n_groups)[rng.integers(0, n_groups, n_objects)]
    clustered = rng.random(n_objects) < 0.1
    field = np.arange(n_objects) % n_fields
    ra = 30.0 + FIELD_SIDE * field + rng.uniform(0, FIELD_SIDE, n_objects)
    dec = rng.uniform(-FIELD_SIDE / 2, FIELD_SIDE / 2, n_objects)
    step = rng.normal(0, 3.0 / 3600, (2, n_objects))
    return (
        np.where(clustered, field[center], field),
        np.where(clustered, ra[center] + step[0], ra),
        np.where(clustered, dec[center] + step[1], dec),
    )


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


def astropy_loop(
    ra: NDArray, dec: NDArray, visit: NDArray, *, limit: float = np.inf
) -> tuple[NDArray[np.int64], int]:
    """Associate visit by visit with `match_to_catalog_sky`, the usual way; -1 after the limit in seconds."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    begin = time.process_time()
    index = np.full(len(ra), -1, np.int64)
    total, count = np.zeros((0, 2)), np.zeros(0, np.int64)
    order = np.argsort(visit, kind="stable")
    done = 0
    for rows in np.split(order, np.flatnonzero(np.diff(visit[order])) + 1):
        if time.process_time() - begin > limit:
            break
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
        done += 1
    return index, done


def measure(n: int, method: str, limit: float) -> dict[str, float]:
    """Run one method at one size in this process, after a run on two detections."""
    data = synthetic(n, closest=UNRESOLVED if method == "resolved" else 0.0)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sky, visit, begin = (data["ra"], data["dec"]), data["visit"], time.perf_counter()
    first = (np.zeros(2), np.zeros(2)), np.arange(2)
    if method == "loop":
        astropy_loop(*first[0], first[1])
        warm, warm_cpu = time.perf_counter(), time.process_time()
        index, n_done = astropy_loop(*sky, visit, limit=limit)
    else:
        associate(*first[0], first[1] * 1.0, first[1], radius_arcsec=RADIUS)
        warm, warm_cpu = time.perf_counter(), time.process_time()
        index, n_done = associate(*sky, visit * 1.0, visit, radius_arcsec=RADIUS), len(np.unique(visit))
    seconds, cpu = time.perf_counter() - warm, time.process_time() - warm_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    completeness, purity = quality(index[index >= 0], data["truth"][index >= 0])
    return {
        "n": int(np.count_nonzero(index >= 0)),
        "n_all": len(index),
        "visits": n_done,
        "seconds": round(seconds, 3),
        "cpu": round(cpu, 3),
        "start_up": round(warm - begin, 2),
        "peak_gib": round(peak, 2),
        "before_gib": round(base, 2),
        "completeness": round(completeness, 5),
        "purity": round(purity, 5),
    }


def main() -> None:
    """Print a table row per size and method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e5, 1e6, 1e7])
    parser.add_argument("--loop-limit", type=float, default=900, help="CPU seconds after which it stops")
    parser.add_argument("--one", nargs=2, metavar=("N", "METHOD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        n, method = arguments.one
        sys.stdout.write(json.dumps(measure(int(n), method, arguments.loop_limit)))
        return
    names = (
        "n",
        "n_all",
        "visits",
        "seconds",
        "cpu",
        "start_up",
        "peak_gib",
        "before_gib",
        "completeness",
        "purity",
    )
    sys.stdout.write("    method" + "".join(f"{name:>13}" for name in names) + "\n")
    for size in arguments.sizes:
        seconds = {}
        for method in ("associate", "resolved", "loop"):
            command = [sys.executable, __file__, "--one", str(int(size)), method]
            command += ["--loop-limit", str(arguments.loop_limit)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            seconds[method] = found["cpu"]
            sys.stdout.write(f"{method:>10}" + "".join(f"{found[name]:>13}" for name in names) + "\n")
            sys.stdout.flush()
        at_least = "at least " if found["n"] < found["n_all"] else ""
        sys.stdout.write(
            f"The loop takes {at_least}{seconds['loop'] / seconds['associate']:.1f} times as long.\n"
        )


if __name__ == "__main__":
    main()
