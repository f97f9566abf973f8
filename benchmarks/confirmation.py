# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Purity and completeness of confirmed candidates against the truth of a simulated survey.

    python benchmarks/confirmation.py REPO COLLECTION

Three rules are compared: a single score above a threshold, at least two detections whatever
their scores, and the rule of the light curves as a function of the object probability.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable

import numpy as np
from astropy.table import Table, vstack
from numpy.typing import NDArray

from lsst.daf.butler import Butler
from lsst.transient.bogus.evidence import ConfirmationRule
from lsst.transient.bogus.matching import pairs_within

RADIUS = 1.0
MIN_PEAK_SNR = 10.0
MIN_EPOCH_SNR = 3.0
THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


@dataclasses.dataclass(frozen=True)
class Survey:
    """Objects and what they truly are."""

    objects: Table
    kind: NDArray[np.str_]
    """Kind of each object: that of most of its detections; bogus if of most there is none."""
    found_as: dict[int, NDArray[np.int64]]
    """Objects at the place of each supernova bright enough to be asked for."""


def read(butler: Butler, name: str) -> Table:
    """Return all datasets of a type as one table."""
    return vstack(
        [butler.get(ref) for ref in butler.query_datasets(name, limit=None)], metadata_conflicts="silent"
    )


def detection_kinds(detections: Table, truth: Table) -> NDArray[np.str_]:
    """Return the kind of source that changed at each detection, or bogus."""
    kinds = np.full(len(detections), "bogus", dtype="U16")
    changed = np.abs(truth["flux"] - truth["reference_flux"]) > MIN_EPOCH_SNR * truth["flux_sigma"]
    for visit in np.unique(np.asarray(detections["visit"])):
        rows = np.flatnonzero(detections["visit"] == visit)
        there = np.flatnonzero(changed & (truth["visit"] == visit))
        found, true, _ = pairs_within(
            detections["ra"][rows],
            detections["dec"][rows],
            truth["ra"][there],
            truth["dec"][there],
            radius_arcsec=RADIUS,
        )
        kinds[rows[found[::-1]]] = truth["kind"][there[true[::-1]]]
    return kinds


def read_survey(butler: Butler) -> Survey:
    """Read a collection with truth."""
    objects, curves = read(butler, "transient_objects"), read(butler, "transient_light_curves")
    tables = []
    for ref in butler.query_datasets("simulated_truth", limit=None):
        table = butler.get(ref)
        table["visit"] = ref.dataId["visit"]
        tables.append(table)
    truth = vstack(tables, metadata_conflicts="silent")
    objects = objects[objects["n_injected"] == 0]
    detections = curves[~curves["is_forced"] & np.isin(curves["diaObjectId"], objects["diaObjectId"])]
    places = {identifier: i for i, identifier in enumerate(objects["diaObjectId"].tolist())}
    owner = np.array([places[identifier] for identifier in detections["diaObjectId"].tolist()])
    detections["ra"], detections["dec"] = objects["ra"][owner], objects["dec"][owner]
    kinds = detection_kinds(detections, truth)
    names = np.unique(kinds)
    counts = np.stack([np.bincount(owner[kinds == n], minlength=len(objects)) for n in names], axis=1)
    real = counts[:, names != "bogus"].sum(axis=1) >= 0.5 * counts.sum(axis=1)
    best = names[names != "bogus"][np.argmax(counts[:, names != "bogus"], axis=1)]
    supernovae = truth[truth["kind"] == "supernova"]
    snr = np.abs(supernovae["flux"] - supernovae["reference_flux"]) / supernovae["flux_sigma"]
    found_as = {}
    for identifier in np.unique(supernovae["truth_id"]):
        rows = supernovae["truth_id"] == identifier
        if snr[rows].max() > MIN_PEAK_SNR:
            one = supernovae[rows][:1]
            near, _, _ = pairs_within(
                objects["ra"], objects["dec"], one["ra"], one["dec"], radius_arcsec=RADIUS
            )
            found_as[int(identifier)] = near
    return Survey(objects, np.where(real, best, "bogus"), found_as)


def assess(survey: Survey, chosen: NDArray[np.bool_]) -> tuple[float, float, int, int]:
    """Return completeness, purity, the number of candidates and that of false ones."""
    recovered = sum(bool(chosen[near].any()) for near in survey.found_as.values())
    false = int(np.count_nonzero(chosen & (survey.kind == "bogus")))
    total = int(np.count_nonzero(chosen))
    return recovered / max(1, len(survey.found_as)), 1 - false / max(1, total), total, false


def main() -> None:
    """Print completeness and purity of the three rules."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repo")
    parser.add_argument("collection")
    arguments = parser.parse_args()
    survey = read_survey(Butler.from_config(arguments.repo, collections=arguments.collection.split(",")))
    columns = {name: np.asarray(survey.objects[name]) for name in survey.objects.colnames}
    kinds, counts = np.unique(survey.kind, return_counts=True)
    sys.stdout.write(
        f"{len(survey.objects)} objects without injections: "
        f"{dict(zip(kinds.tolist(), counts.tolist(), strict=True))}\n"
        f"{len(survey.found_as)} supernovae with peak S/N > {MIN_PEAK_SNR:g}\n"
    )
    rules: dict[str, Callable[[float], NDArray[np.bool_]]] = {
        "single score": lambda t: columns["max_score"] > t,
        "light curve": lambda t: ConfirmationRule(min_probability=t).holds(columns),
    }
    line = "{:>14} {:>9} {:>12} {:>8} {:>10} {:>6}\n"
    sys.stdout.write(line.format("rule", "threshold", "completeness", "purity", "candidates", "false"))
    row = "{:>14} {:>9} {:>12.3f} {:>8.3f} {:>10} {:>6}\n"
    sys.stdout.write(row.format(">= 2 nights", "", *assess(survey, columns["n_nights"] >= 2)))
    results = {name: [assess(survey, rule(t)) for t in THRESHOLDS] for name, rule in rules.items()}
    for name, values in results.items():
        for threshold, value in zip(THRESHOLDS, values, strict=True):
            sys.stdout.write(row.format(name, f"{threshold:g}", *value))
    for completeness, _, _, false in results["light curve"]:
        single = [v[3] for v in results["single score"] if v[0] >= completeness]
        if single and completeness:
            sys.stdout.write(
                f"At completeness {completeness:.3f}: {false} false, {min(single)} with a single score.\n"
            )


if __name__ == "__main__":
    main()
