# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of real frames, applied to frames of later nights.

    python benchmarks/held_back_frames.py FRAMES FOLDER --first-night 20130803

The loop is run up to its evaluation on the nights before the first that is held back.  The nights from
then on, of which neither the model nor the templates of its training know anything, are processed twice:
with injections, which tell what the scores are worth there, and as they are, from template to objects in
one graph.  Printed are the metrics of both parts, the early one out of fold, and the objects of the later.
Tiles of the sky that the model was trained on are scored by the networks that are blind to them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
from astropy.table import Table, vstack

from lsst.daf.butler import Butler
from lsst.transient.bogus.standalone.execution import PipetaskRun, run_pipetask
from lsst.transient.bogus.standalone.loop import (
    APPLY_OVERRIDES,
    SEARCH_OVERRIDES,
    LoopFolder,
    frames_pipeline,
)

VISITS, EARLY, LATE, SEARCH = "frames/visits", "early", "held_back", "held_back_search"
METRICS = ("auc", "tp", "fn", "fp", "tn", "sensitivity", "specificity", "fpr_at_tpr_95", "ece")
SUBSETS = ("all", "snr_gt_8")


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


def metrics(butler: Butler, collection: str) -> Table:
    """Return what the evaluation found with injections as the positive class."""
    table = butler.get("transient_bogus_metrics", instrument="Frames", collections=collection)
    chosen = np.isin(table["metric"], METRICS) & np.isin(table["subset"], SUBSETS)
    found = table[chosen & (np.asarray(table["reference"], dtype=str) == "injected")]
    found["collection"] = collection
    return found["collection", "metric", "subset", "value", "low", "high", "n"]


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
    process(folder, frames_pipeline(options.frames), options.first_night, options.processes)
    with Butler.from_config(str(folder.repository)) as butler:
        found = vstack([metrics(butler, name) for name in (EARLY, LATE)], metadata_conflicts="silent")
        refs = butler.query_datasets("transient_objects", collections=SEARCH, limit=None)
        objects = vstack([butler.get(ref) for ref in refs], metadata_conflicts="silent")
    for name in ("value", "low", "high"):
        found[name].info.format = ".4f"
    found.pprint_all()
    confirmed = objects[np.asarray(objects["is_confirmed"])]
    sys.stdout.write(f"{len(confirmed)} of {len(objects)} objects are confirmed.\n")
    confirmed["ra", "dec", "n_detections"].pprint_all()


if __name__ == "__main__":
    main()
