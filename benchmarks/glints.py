# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which detections of simulated surveys are taken for rows of flashes, against where flashes were drawn.

    python benchmarks/glints.py transient_bogus REPO [REPO ...]

The collection needs DIA sources and labels.  The detections are looked at anew, whatever their
table says; all of them, and then those that are not injected.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from scipy.spatial import KDTree

from lsst.daf.butler import Butler
from lsst.transient.bogus.glints import in_glint_trail
from lsst.transient.bogus.handles import read_table
from lsst.transient.bogus.standalone.simulate.config import load_config
from lsst.transient.bogus.standalone.simulate.plan import plan_survey
from lsst.transient.bogus.standalone.simulate.scattered import draw_glints
from lsst.transient.bogus.standalone.simulate.schedule import detector_origin

RADIUS = 2.0
"""Largest distance of a detection from the flash that it is, pixels."""

CLASSES = ("glints", "injected", "others")


def count(butler: Butler, *, injections: bool) -> np.ndarray:
    """Return how many detections of each class are found in rows, and how many there are, shape (2, 3)."""
    settings = butler.get("simulated_survey_config", instrument="SimCam")
    config = load_config(overrides=settings)
    visits = {visit.visit: visit for visit in plan_survey(config).visits}
    counts = np.zeros((2, len(CLASSES)), dtype=int)
    for ref in butler.query_datasets("transient_labels", limit=None):
        labels, sources = (
            read_table(butler.getDeferred(name, ref.dataId))
            for name in ("transient_labels", "dia_source_detector")
        )
        keep = np.asarray(sources["psfFlux"]) > 0
        keep &= injections | (np.asarray(labels["label"]) != 1)
        position = np.column_stack([sources["x"], sources["y"]])[keep]
        injected = np.asarray(labels["label"])[keep] == 1
        u0, v0 = detector_origin(config, int(ref.dataId["detector"]))
        flashes = [(g.u - u0, g.v - v0) for g in draw_glints(config, visits[int(ref.dataId["visit"])])]
        near = np.zeros(len(position), dtype=bool)
        if flashes and len(position):
            near = np.isfinite(KDTree(flashes).query(position, distance_upper_bound=RADIUS)[0])
        found = in_glint_trail(*position.T)
        for i, member in enumerate((near & ~injected, injected, ~near & ~injected)):
            counts[:, i] += np.count_nonzero(found & member), np.count_nonzero(member)
    return counts


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collection")
    parser.add_argument("repo", nargs="+")
    arguments = parser.parse_args()
    for repo in arguments.repo:
        names = [*arguments.collection.split(","), "SimCam/defaults"]
        with Butler.from_config(repo, collections=names) as butler:
            for injections in (True, False):
                text = ", ".join(
                    f"{found} of {all_} {name}"
                    for name, found, all_ in zip(CLASSES, *count(butler, injections=injections), strict=True)
                )
                what = "all detections" if injections else "without injections"
                sys.stdout.write(f"{repo}, {what}: in rows are {text}\n")


if __name__ == "__main__":
    main()
