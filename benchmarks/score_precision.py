# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
r"""What scores lose by products of less precision.

    python benchmarks/score_precision.py REPO --collections COLLECTION... [--device cuda]

Scores all sources of a repository, such as that of ``make demo``, whose label is not ambiguous, once for
each precision, as `TransientBogusScoreTask` does, and compares: the largest change of a score, its root
mean square and its median in units of the spread of the networks, the area under the ROC curve of
injections against others, how many scores change sides of 0.5, the largest relative change of the
distance from the domain, and how many sources enter or leave the domain.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys

import numpy as np
from astropy.table import Table, vstack

from lsst.daf.butler import Butler, DatasetRef
from lsst.transient.bogus.handles import read_table
from lsst.transient.bogus.ranking import area_under_roc
from lsst.transient.bogus.tasks.score import ScoreFlag, TransientBogusScoreConfig, TransientBogusScoreTask

OUT_OF_DOMAIN = int(ScoreFlag.OUT_OF_DOMAIN)
PRECISIONS = ("float32", "tf32", "bfloat16")
SCORE_COLUMNS = ("score", "score_raw", "score_std", "domain_distance", "score_flag")


def make_task(precision: str, device: str) -> TransientBogusScoreTask:
    """Return a task with a precision, that takes tiles from labels."""
    config = TransientBogusScoreConfig()
    config.precision, config.device, config.doLabels = precision, device, True
    return TransientBogusScoreTask(config=config)


def scores_of(tasks: dict[str, TransientBogusScoreTask], butler: Butler, ref: DatasetRef) -> Table:
    """Return the scores of one detector with each precision, and the labels."""
    cutouts = read_table(butler.getDeferred("transient_cutouts", ref.dataId))
    labels = read_table(butler.getDeferred(ref))
    model = butler.get("transient_bogus_model", instrument=ref.dataId["instrument"])
    columns = {name: np.asarray(labels[name]) for name in ("label", "is_ambiguous")}
    for precision, task in tasks.items():
        found = task.run(cutouts=cutouts, labels=labels, model=model).scores
        columns |= {f"{name}_{precision}": np.asarray(found[name]) for name in SCORE_COLUMNS}
    return Table(columns)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("repo")
    parser.add_argument("--collections", nargs="+", required=True)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    tasks = {precision: make_task(precision, options.device) for precision in PRECISIONS}
    with Butler.from_config(options.repo, collections=options.collections) as butler:
        refs = butler.query_datasets("transient_labels", limit=None)
        table = vstack([scores_of(tasks, butler, ref) for ref in refs], metadata_conflicts="silent")
    table = table[np.isfinite(table["score_float32"]) & ~table["is_ambiguous"]]
    is_injected = (np.asarray(table["label"]) == 1).astype(int)
    whole = {name: np.asarray(table[f"{name}_float32"]) for name in SCORE_COLUMNS}
    for precision in PRECISIONS:
        score, raw, _, distance, flag = (np.asarray(table[f"{name}_{precision}"]) for name in SCORE_COLUMNS)
        change, raw_change = score - whole["score"], np.abs(raw - whole["score_raw"])
        some = whole["score_std"] > 0
        row = {"precision": precision, "n": len(table)}
        row |= {"auc": round(area_under_roc(is_injected, raw), 5)}
        values = {
            "largest_change": np.abs(change).max(),
            "rms_change": np.sqrt(np.mean(change**2)),
            "median_raw_change_over_spread": np.median(raw_change[some] / whole["score_std"][some]),
            "largest_change_of_distance": np.abs(distance / whole["domain_distance"] - 1).max(),
        }
        row |= {name: float(f"{value:.2g}") for name, value in values.items()}
        row |= {"other_side_of_half": int(np.sum((score > 0.5) != (whole["score"] > 0.5)))}
        row |= {"other_side_of_domain": int(np.sum(((flag ^ whole["score_flag"]) & OUT_OF_DOMAIN) != 0))}
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
