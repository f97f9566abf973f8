# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often the label-free intervals hold the truth, over simulated surveys of different seeds.

    python benchmarks/purity_coverage.py folder --surveys 20 --preset demo --visits-per-band 4
    python benchmarks/purity_coverage.py folder --only-table

Every survey runs the whole loop in ``folder/<seed>``; what is there already is not run again.
The last lines give, for contamination, purity and false positive rate, the mean of estimate
and truth, the mean offset in standard errors, and the share of the 68 % intervals that hold
the truth.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lsst.daf.butler import Butler
from lsst.transient.bogus.paths import ensure_package_dir_env
from lsst.transient.bogus.plots.tables import EvaluationTables, metric_estimate
from lsst.transient.bogus.report import read_metrics
from lsst.transient.bogus.resampling import Estimate
from lsst.transient.bogus.standalone.loop import OUTPUT, LoopFolder, run_loop

QUANTITIES = ("contamination", "purity", "fpr")


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


def run_survey(folder: LoopFolder, seed: int, preset: str, extra: Sequence[str], processes: int) -> None:
    """Simulate a survey and run the loop on it."""
    command = [sys.executable, "-c", "from lsst.transient.bogus.scripts import main; main()"]
    simulate = ["simulate-survey", str(folder.repository), "--preset", preset, "--seed", str(seed)]
    subprocess.run([*command, *simulate, "--skip-existing", "--workers", str(processes), *extra], check=True)
    run_loop(
        folder,
        ensure_package_dir_env() / "pipelines" / "standalone" / "demo.yaml",
        instrument="SimCam",
        inputs=("SimCam/defaults",),
        processes=processes,
        title=f"Survey {seed}",
    )


def compare(tables: EvaluationTables) -> dict[str, Pair]:
    """Pair the label-free estimates of a survey with its truth."""
    metrics = tables.metrics
    specificity = metric_estimate(metrics, "specificity", "unlabelled", "truth").value
    truth = {
        "contamination": metric_estimate(metrics, "contamination", "unlabelled", "truth").value,
        "purity": metric_estimate(metrics, "purity", "unlabelled", "truth").value,
        "fpr": 1.0 - specificity,
    }
    return {
        name: Pair(metric_estimate(metrics, name, "all", "label_free"), truth[name]) for name in QUANTITIES
    }


def read_survey(folder: LoopFolder) -> EvaluationTables | None:
    """Read what a survey was measured to be; `None` if it has not been measured."""
    if not folder.repository.joinpath("butler.yaml").is_file():
        return None
    with Butler.from_config(str(folder.repository)) as butler:
        try:
            return read_metrics(butler, OUTPUT)
        except LookupError:
            return None


def write_table(surveys: dict[int, dict[str, Pair]]) -> None:
    """Print every survey, and the coverage."""
    out = sys.stdout
    for seed, pairs in sorted(surveys.items()):
        cells = "  ".join(
            f"{name} {p.estimate.value:.4f} [{p.estimate.low:.4f}, {p.estimate.high:.4f}] ({p.truth:.4f})"
            for name, p in pairs.items()
        )
        out.write(f"{seed:5d}  {cells}\n")
    out.write(f"\n{'quantity':14s} {'estimate':>9s} {'truth':>9s} {'pull':>7s} {'covered':>8s} of\n")
    for name in QUANTITIES:
        pairs = [p[name] for p in surveys.values() if np.isfinite(p[name].estimate.low)]
        if pairs:
            estimate, truth, pull, covered = (
                float(np.nanmean(values))
                for values in zip(
                    *((p.estimate.value, p.truth, p.pull, p.covers) for p in pairs), strict=True
                )
            )
            out.write(
                f"{name:14s} {estimate:9.4f} {truth:9.4f} {pull:7.2f} {100 * covered:7.0f}% {len(pairs)}\n"
            )


def main() -> None:
    """Run the surveys that are missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--surveys", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only-table", action="store_true", help="Run nothing.")
    parser.add_argument("--keep", action="store_true", help="Keep the images of finished surveys.")
    arguments, extra = parser.parse_known_args()
    surveys = {}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.surveys):
        folder = LoopFolder(arguments.folder / str(seed))
        tables = read_survey(folder)
        if tables is None and not arguments.only_table:
            folder.root.mkdir(parents=True, exist_ok=True)
            run_survey(folder, seed, arguments.preset, extra, arguments.processes)
            tables = read_survey(folder)
            if not arguments.keep:
                for images in folder.repository.glob("*/*/*visit_image"):
                    shutil.rmtree(images)
        if tables is not None:
            surveys[seed] = compare(tables)
    write_table(surveys)


if __name__ == "__main__":
    main()
