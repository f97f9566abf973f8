# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Purity and completeness of confirmed candidates against the truth of simulated surveys.

    python benchmarks/confirmation.py COLLECTION REPO [REPO ...]

Counts are summed over the repositories.  Compared are at least two detections (or nights) whatever
their scores, a single score above a threshold, the scores of all nights alone, and the rule of the
light curves as a function of the object probability.  Completeness is that of the supernovae whose
change has a significance above 10 in one visit, and in brackets of those that also change by 5 in
two nights: of the others, no rule that asks for two nights can confirm one.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable

import numpy as np
from astropy.table import Table, vstack
from numpy.typing import NDArray
from survey_truth import read_truths

from lsst.daf.butler import Butler
from lsst.transient.bogus.evidence import ConfirmationRule, probability
from lsst.transient.bogus.handles import table_parameters
from lsst.transient.bogus.light_curves import nights
from lsst.transient.bogus.matching import pairs_within

RADIUS = 1.0
MIN_PEAK_SNR = 10.0
MIN_RECURRING_SNR = 5.0
MIN_EPOCH_SNR = 3.0
THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
COMPARED = (0.5, 0.9, 0.99)


@dataclasses.dataclass(frozen=True)
class Supernova:
    """A supernova bright enough to be asked for."""

    objects: NDArray[np.int64]
    """Objects at its place."""
    recurs: bool
    """Whether it is significant in two nights."""


@dataclasses.dataclass(frozen=True)
class Survey:
    """Objects and what they truly are."""

    objects: dict[str, NDArray]
    kind: NDArray[np.str_]
    """Kind of each object: that of most of its detections; bogus if of most there is none."""
    supernovae: list[Supernova]
    prior: float


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a rule finds."""

    found: int
    wanted: int
    found_recurring: int
    recurring: int
    candidates: int
    false: int

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            *(a + b for a, b in zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True))
        )

    @property
    def completeness(self) -> float:
        return self.found / max(1, self.wanted)

    def __str__(self) -> str:
        recurring = self.found_recurring / max(1, self.recurring)
        purity = 1 - self.false / max(1, self.candidates)
        return (
            f"{self.completeness:12.3f} ({recurring:.3f}) {purity:8.3f} {self.candidates:10} {self.false:6}"
        )


def read(butler: Butler, name: str) -> Table:
    """Return all datasets of a type as one table."""
    return vstack(
        [butler.get(ref, parameters=table_parameters()) for ref in butler.query_datasets(name, limit=None)],
        metadata_conflicts="silent",
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
    tables = read_truths(butler)
    for (visit, _), table in tables.items():
        table["visit"] = visit
    truth = vstack(list(tables.values()), metadata_conflicts="silent")
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
    night = nights(supernovae["midpointMjdTai"])
    snr = np.abs(supernovae["flux"] - supernovae["reference_flux"]) / supernovae["flux_sigma"]
    wanted = []
    for identifier in np.unique(supernovae["truth_id"]):
        rows = np.asarray(supernovae["truth_id"] == identifier)
        if snr[rows].max() > MIN_PEAK_SNR:
            one = supernovae[rows][:1]
            near, _, _ = pairs_within(
                objects["ra"], objects["dec"], one["ra"], one["dec"], radius_arcsec=RADIUS
            )
            recurs = len(np.unique(night[rows & (snr > MIN_RECURRING_SNR)])) >= 2
            wanted.append(Supernova(near, recurs))
    prior = float(re.search(r"prior=([^,]+)", objects.meta["EVIDENCE_MODEL"])[1])
    columns = {name: np.asarray(objects[name]) for name in objects.colnames}
    return Survey(columns, np.where(real, best, "bogus"), wanted, prior)


def assess(surveys: list[Survey], rule: Callable[[Survey], NDArray[np.bool_]]) -> Outcome:
    """Return what a rule finds in all surveys."""
    total = Outcome(0, 0, 0, 0, 0, 0)
    for survey in surveys:
        chosen = rule(survey)
        found = [bool(chosen[supernova.objects].any()) for supernova in survey.supernovae]
        recurring = [supernova.recurs for supernova in survey.supernovae]
        total += Outcome(
            sum(found),
            len(found),
            sum(f and r for f, r in zip(found, recurring, strict=True)),
            sum(recurring),
            int(np.count_nonzero(chosen)),
            int(np.count_nonzero(chosen & (survey.kind == "bogus"))),
        )
    return total


def scores_alone(survey: Survey, threshold: float) -> NDArray[np.bool_]:
    """Confirm by the combined scores, without light curve and positions."""
    alone = probability(survey.objects["score_log_ratio"], survey.prior)
    return ConfirmationRule(min_probability=threshold).holds(survey.objects | {"probability": alone})


def main() -> None:
    """Print completeness and purity of the rules."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collection")
    parser.add_argument("repo", nargs="+")
    arguments = parser.parse_args()
    names = arguments.collection.split(",")
    surveys = [read_survey(Butler.from_config(repo, collections=names)) for repo in arguments.repo]
    kinds, counts = np.unique(np.concatenate([s.kind for s in surveys]), return_counts=True)
    write = sys.stdout.write
    write(
        f"{counts.sum()} objects without injections: "
        f"{', '.join(f'{count} {kind}' for kind, count in zip(kinds, counts, strict=True))}\n"
    )
    rules: dict[str, Callable[[Survey, float], NDArray[np.bool_]]] = {
        "single score": lambda s, t: s.objects["max_score"] > t,
        "scores alone": scores_alone,
        "light curve": lambda s, t: ConfirmationRule(min_probability=t).holds(s.objects),
    }
    write(
        f"{'rule':>16} {'threshold':>9} {'completeness':>20} {'purity':>8} {'candidates':>10} {'false':>6}\n"
    )
    write(f"{'>= 2 detections':>16} {'':>9} {assess(surveys, lambda s: s.objects['n_detections'] >= 2)}\n")
    write(f"{'>= 2 nights':>16} {'':>9} {assess(surveys, lambda s: s.objects['n_nights'] >= 2)}\n")
    results = {
        name: {t: assess(surveys, lambda s, r=rule, t=t: r(s, t)) for t in THRESHOLDS}
        for name, rule in rules.items()
    }
    for name, outcomes in results.items():
        for threshold, outcome in outcomes.items():
            write(f"{name:>16} {threshold:>9g} {outcome}\n")
    for threshold in COMPARED:
        one = results["light curve"][threshold]
        single = [o.false for o in results["single score"].values() if o.completeness >= one.completeness]
        if single and one.found:
            write(
                f"Probability > {threshold:g}: completeness {one.completeness:.3f} with {one.false} false; a "
                f"single score has {min(single)} false at this completeness.\n"
            )


if __name__ == "__main__":
    main()
