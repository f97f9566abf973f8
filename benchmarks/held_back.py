# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Scores of a simulated survey without injections, against its truth.

    transient-bogus simulate-survey REPO --seed 977 [--config benchmarks/surveys/other_field.yaml]
    transient-bogus import-model TRAINED transient_bogus REPO models --instrument SimCam
    pipetask run -b REPO -i SimCam/defaults,models -o scored \
        -p pipelines/standalone/score.yaml -d "instrument = 'SimCam'" --register-dataset-types
    python benchmarks/held_back.py REPO --collection scored

Without the configuration the survey lies on the tiles of the sky that the demo's model was trained on,
each of which is scored by the networks that are blind to it; in another field all of them have a say.
Real detections are those within an arcsecond of a true change of three standard errors and of its
sign.  A glint counts as bogus, though a stamp cannot tell it from a transient.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
from astropy.table import Table, vstack
from survey_truth import read_truths

from lsst.daf.butler import Butler, DatasetRef
from lsst.transient.bogus.binned import brier_score, expected_calibration_error, reliability
from lsst.transient.bogus.evaluation.truth_match import match_truth
from lsst.transient.bogus.handles import table_parameters
from lsst.transient.bogus.matching import nearest
from lsst.transient.bogus.ranking import area_under_roc

RADIUS = 1.0
MIN_SIGNIFICANCE = 3.0
DIA_COLUMNS = ("diaSourceId", "ra", "dec", "snr", "psfFlux", "isNegative")
SCORE_COLUMNS = ("score", "score_raw", "score_flag", "domain_distance")


def read_sources(butler: Butler, ref: DatasetRef, truth: Table | None) -> Table:
    """Return the DIA sources of one detector with scores and true kind."""
    where = {name: ref.dataId[name] for name in ("instrument", "visit", "detector")}
    sources = butler.get("dia_source_detector", where, parameters=table_parameters(DIA_COLUMNS))
    scores = butler.get(ref)
    match = match_truth(
        np.asarray(sources["ra"]),
        np.asarray(sources["dec"]),
        np.asarray(sources["psfFlux"]),
        truth,
        radius_arcsec=RADIUS,
        min_significance=MIN_SIGNIFICANCE,
    )
    columns = {name: np.asarray(sources[name]) for name in DIA_COLUMNS}
    columns |= {name: np.asarray(scores[name]) for name in SCORE_COLUMNS}
    return Table(columns | {"kind": np.asarray(match.kind, dtype="U16")})


def summary(sources: Table) -> dict[str, object]:
    """Return how well scores rank and are calibrated."""
    real, score = np.asarray(sources["kind"]) != "", np.asarray(sources["score"], dtype=float)
    if not len(sources) or not 0 < real.sum() < len(real):
        return {"n": len(sources), "n_real": int(real.sum())}
    return {
        "n": len(sources),
        "n_real": int(real.sum()),
        "sum_of_probabilities": round(float(score.sum()), 1),
        "auc": round(area_under_roc(real.astype(int), np.asarray(sources["score_raw"])), 4),
        "ece": round(expected_calibration_error(real, score), 4),
        "brier": round(brier_score(real, score), 4),
        "brier_of_the_mean": round(float(real.mean() * (1 - real.mean())), 4),
    }


def candidates(butler: Butler) -> dict[str, int]:
    """Return how many confirmed objects are at a true source that changes."""
    refs = butler.query_datasets("transient_objects", limit=None)
    tables = [table for table in (butler.get(ref) for ref in refs) if len(table)]
    objects = vstack(tables, metadata_conflicts="silent")
    confirmed = objects[np.asarray(objects["is_confirmed"])]
    truths = [butler.get(ref) for ref in butler.query_datasets("simulated_truth", limit=None)]
    truth = vstack(truths, metadata_conflicts="silent")
    _, separation = nearest(
        np.asarray(confirmed["ra"]),
        np.asarray(confirmed["dec"]),
        np.asarray(truth["ra"]),
        np.asarray(truth["dec"]),
    )
    return {
        "n_objects": len(objects),
        "n_confirmed": len(confirmed),
        "n_confirmed_and_true": int(np.sum(separation < RADIUS)),
    }


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("repo")
    parser.add_argument("--collection", default="scored")
    options = parser.parse_args()
    with Butler.from_config(options.repo, collections=options.collection) as butler:
        refs = butler.query_datasets("transient_bogus_scores", limit=None)
        truths = read_truths(butler)
        keys = [(int(ref.dataId["visit"]), int(ref.dataId["detector"])) for ref in refs]
        sources = vstack(
            [read_sources(butler, ref, truths.get(key)) for ref, key in zip(refs, keys, strict=True)],
            metadata_conflicts="silent",
        )
        found = candidates(butler)
    scored = sources[np.isfinite(sources["score"])]
    negative = np.asarray(scored["isNegative"], dtype=bool)
    result = {"all": summary(scored), "positive": summary(scored[~negative])}
    result |= {"negative": summary(scored[negative]), "n_unscored": len(sources) - len(scored)}
    result |= {"objects": found}
    rows = zip(*reliability(np.asarray(scored["kind"]) != "", np.asarray(scored["score"])), strict=True)
    result["reliability"] = [
        {"predicted": round(float(p), 3), "observed": round(float(o), 3), "n": int(n)}
        for p, o, n, _ in rows
        if n
    ]
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
