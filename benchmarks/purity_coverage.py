# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often the label-free intervals hold the truth, over simulated surveys of different seeds.

    python benchmarks/purity_coverage.py folder --surveys 20
    python benchmarks/purity_coverage.py folder --surveys 20 --only-table

Every survey is small (``pipelines/coverage_survey.yaml``: one detector, eight visits, one band,
many transients, no glints) and runs the loop (``pipelines/coverage.yaml``) in
``folder/<seed>``; what is there already is not run again.  The estimates are made anew from the
scores, so that a change of the estimator needs no new surveys.  The last lines give, for
contamination, purity and false positive rate at the working threshold, of all and of positive
detections, the mean of estimate and truth, the mean offset in half widths of the interval, and
how many of the 68 % intervals hold the truth.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from astropy.table import Table
from survey_truth import read_truths

from lsst.daf.butler import Butler
from lsst.transient.bogus.evaluation.label_free import survey_posterior
from lsst.transient.bogus.evaluation.sources import (
    DIA_SOURCE_COLUMNS,
    LABEL_COLUMNS,
    SCORE_COLUMNS,
    evaluated,
    join_sources,
    stack_tables,
)
from lsst.transient.bogus.evaluation.thresholds import choose_threshold
from lsst.transient.bogus.evaluation.truth_match import match_truth
from lsst.transient.bogus.resampling import Estimate
from lsst.transient.bogus.standalone.loop import OUTPUT, LoopFolder, run_loop

PIPELINES = Path(__file__).parent / "pipelines"
QUANTITIES = ("contamination", "purity", "fpr")
TYPES = {
    "dia_source_detector": DIA_SOURCE_COLUMNS,
    "transient_labels": LABEL_COLUMNS,
    "transient_bogus_scores": SCORE_COLUMNS,
}


@dataclasses.dataclass(frozen=True)
class Pair:
    """An estimate without labels, and what is true of the same survey."""

    estimate: Estimate
    truth: float

    @property
    def covers(self) -> bool:
        return self.estimate.low <= self.truth <= self.estimate.high

    @property
    def pull(self) -> float:
        """Offset in half widths of the interval."""
        half = (self.estimate.high - self.estimate.low) / 2
        return (self.estimate.value - self.truth) / half if half > 0 else np.nan


def run_survey(folder: LoopFolder, seed: int, processes: int) -> None:
    """Simulate a survey and run the loop on it."""
    command = [sys.executable, "-c", "from lsst.transient.bogus.scripts import main; main()"]
    simulate = ["simulate-survey", str(folder.repository), "--seed", str(seed), "--skip-existing"]
    simulate += ["--config", str(PIPELINES / "coverage_survey.yaml"), "--workers", str(processes)]
    subprocess.run([*command, *simulate], check=True)
    run_loop(
        folder,
        PIPELINES / "coverage.yaml",
        instrument="SimCam",
        inputs=("SimCam/defaults",),
        processes=processes,
        title=f"Survey {seed}",
    )


def read_sources(folder: LoopFolder) -> Table | None:
    """Read the evaluated detections of a survey and what they really are; `None` without scores."""
    if not folder.repository.joinpath("butler.yaml").is_file():
        return None
    with Butler.from_config(str(folder.repository), collections=OUTPUT) as butler:
        refs = {
            name: {
                (int(r.dataId["visit"]), int(r.dataId["detector"])): r
                for r in butler.query_datasets(name, limit=None, explain=False)
            }
            for name in TYPES
            if butler.registry.queryDatasetTypes(name)
        }
        truths = read_truths(butler)
        parts = []
        for visit, detector in sorted(refs.get("transient_bogus_scores", {})):
            dia, labels, scores = (
                butler.get(refs[name][visit, detector], parameters={"columns": list(columns)})
                for name, columns in TYPES.items()
            )
            truth = truths.get((visit, detector))
            part = join_sources(dia, labels, scores, visit=visit, detector=detector)
            position = (np.asarray(part[name]) for name in ("ra", "dec", "flux"))
            part["true_kind"] = match_truth(*position, truth, radius_arcsec=1.0, min_significance=3.0).kind
            parts.append(part)
    return evaluated(stack_tables(parts)) if parts else None


def compare(sources: Table) -> dict[str, dict[str, Pair]]:
    """Pair the label-free estimates of a survey with its truth, for all and for positive detections."""
    posterior = survey_posterior(sources, rng=np.random.default_rng(0), n_resamples=300)
    if posterior is None:
        return {}
    unlabelled = np.asarray(sources["label"]) != 1
    real = np.asarray(sources["true_kind"]) != ""
    selected = np.asarray(sources["rank"]) >= choose_threshold(sources, "balanced", 0.5, posterior=posterior)
    pairs = {}
    for name, among in (("all", unlabelled), ("positive", unlabelled & (np.asarray(sources["sign"]) > 0))):
        rates = posterior.rates(selected, among)
        pairs[name] = {
            "contamination": Pair(rates.alpha, float(real[among].mean())),
            "purity": Pair(rates.purity, float(real[among & selected].mean())),
            "fpr": Pair(rates.fpr, float(selected[among & ~real].mean())),
        }
    return pairs


def write_table(surveys: dict[int, dict[str, dict[str, Pair]]]) -> None:
    """Print every survey, and the coverage."""
    out = sys.stdout
    for subset in ("all", "positive"):
        out.write(f"\n{subset} detections: estimate [68 % interval] (truth)\n")
        for seed, pairs in sorted(surveys.items()):
            cells = "  ".join(
                f"{name} {p.estimate.value:.4f} [{p.estimate.low:.4f}, {p.estimate.high:.4f}] ({p.truth:.4f})"
                for name, p in pairs[subset].items()
            )
            out.write(f"{seed:5d}  {cells}\n")
        out.write(f"\n{'quantity':14s} {'estimate':>9s} {'truth':>9s} {'pull':>7s} {'covered':>8s}\n")
        for name in QUANTITIES:
            found = [p[subset][name] for p in surveys.values() if np.isfinite(p[subset][name].truth)]
            columns = zip(*((p.estimate.value, p.truth, p.pull, p.covers) for p in found), strict=True)
            estimate, truth, pull, covered = (float(np.nanmean(values)) for values in columns)
            n = len(found)
            out.write(f"{name:14s} {estimate:9.4f} {truth:9.4f} {pull:7.2f} {round(covered * n):4d} of {n}\n")


def main() -> None:
    """Run the surveys that are missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--surveys", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only-table", action="store_true", help="Run nothing.")
    parser.add_argument("--keep", action="store_true", help="Keep the images of finished surveys.")
    arguments = parser.parse_args()
    surveys = {}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.surveys):
        folder = LoopFolder(arguments.folder / str(seed))
        sources = read_sources(folder)
        if sources is None and not arguments.only_table:
            folder.root.mkdir(parents=True, exist_ok=True)
            run_survey(folder, seed, arguments.processes)
            sources = read_sources(folder)
            if not arguments.keep:
                for images in folder.repository.glob("*/*/*visit_image"):
                    shutil.rmtree(images)
        if sources is not None and (pairs := compare(sources)):
            surveys[seed] = pairs
    write_table(surveys)


if __name__ == "__main__":
    main()
