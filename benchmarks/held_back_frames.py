# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of real frames, applied to frames of later nights.

    python benchmarks/held_back_frames.py FRAMES FOLDER --first-night 20130803

The whole loop is run on the nights before the first that is held back.  The nights from then on, of
which neither the model nor the templates of its training know anything, are processed twice: with
injections, which tell what the scores are worth there, and as they are, from template to objects in one
graph.  Printed are the metrics of both parts, the early one out of fold, and the objects of the later.
Tiles of the sky that the model was trained on are scored by the networks that are blind to them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from astropy.table import vstack

from lsst.daf.butler import Butler
from lsst.transient.bogus.paths import ensure_package_dir_env
from lsst.transient.bogus.standalone.execution import PipetaskRun, run_pipetask
from lsst.transient.bogus.standalone.loop import APPLY_OVERRIDES, SEARCH_OVERRIDES, LoopFolder

VISITS, EARLY, LATE, SEARCH = "frames/visits", "early", "held_back", "held_back_search"
METRICS = ("n_injected_detected", "auc", "sensitivity", "specificity", "fpr_at_tpr_95", "ece", "tpr", "fpr")
SUBSETS = ("all", "snr_gt_8", "at:score=0.5")


def process(folder: LoopFolder, pipeline: Path, first_night: int, processes: int) -> None:
    """Train on the nights before the first that is held back, and apply the model to the others."""
    before, after = (f"instrument = 'Frames' AND visit.day_obs {sign} {first_night}" for sign in ("<", ">="))
    steps = (
        (EARLY, before, "labelled,trained,scored,evaluated", (VISITS,), ()),
        (LATE, after, "labelled,scored,evaluated", (VISITS, EARLY), APPLY_OVERRIDES),
        (SEARCH, after, "measureSources,buildTemplate,search", (VISITS, EARLY), SEARCH_OVERRIDES),
    )
    for output, query, subset, inputs, overrides in steps:
        run = PipetaskRun(
            repository=folder.repository,
            pipeline=f"{pipeline}#{subset}",
            inputs=inputs,
            output=output,
            data_query=query,
            overrides=overrides,
            processes=processes,
        )
        run_pipetask(run, log_file=folder.log, title=output)


def metrics(butler: Butler, collection: str) -> dict[str, object]:
    """Return what the evaluation found with injections as the positive class."""
    table = butler.get("transient_bogus_metrics", instrument="Frames", collections=collection)
    table = table[np.asarray(table["reference"], dtype=str) == "injected"]
    found: dict[str, object] = {}
    for row in table[np.isin(table["metric"], METRICS) & np.isin(table["subset"], SUBSETS)]:
        name = f"{row['metric']}, {row['subset']}"
        found[name] = [round(float(row[column]), 4) for column in ("value", "low", "high")] + [int(row["n"])]
    return found


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("frames", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first-night", type=int, required=True, help="day_obs, YYYYMMDD")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    folder = LoopFolder(options.folder)
    program = [sys.executable, "-c", "from lsst.transient.bogus.scripts import main; main()"]
    ingest = ["ingest-frames", str(folder.repository), str(options.frames), "--run", VISITS]
    subprocess.run([*program, *ingest], check=True)
    pipelines = ensure_package_dir_env() / "pipelines" / "standalone" / "frames"
    own = pipelines / f"{options.frames.resolve().name}.yaml"
    pipeline = own if own.is_file() else pipelines / "default.yaml"
    process(folder, pipeline, options.first_night, options.processes)
    with Butler.from_config(str(folder.repository)) as butler:
        result = {name: metrics(butler, name) for name in (EARLY, LATE)}
        refs = butler.query_datasets("transient_objects", collections=SEARCH, limit=None)
        objects = vstack([butler.get(ref) for ref in refs], metadata_conflicts="silent")
    confirmed = objects[np.asarray(objects["is_confirmed"])]
    result[SEARCH] = {
        "n_objects": len(objects),
        "candidates": [[round(float(row[name]), 5) for name in ("ra", "dec")] for row in confirmed],
    }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
