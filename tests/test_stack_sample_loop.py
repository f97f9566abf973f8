# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores and light curves from files of the real stack; see test_stack_sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from astropy.table import Table

from lsst.transient.bogus.columns import LIGHT_CURVES, OBJECTS, SCORES
from lsst.transient.bogus.nn.io import to_table
from lsst.transient.bogus.nn.model import Model
from lsst.transient.bogus.nn.spec import FoldRule, ModelSpec, Network
from lsst.transient.bogus.sphere import separation_arcsec
from lsst.transient.bogus.stamps import UNUSABLE
from lsst.transient.bogus.tasks.light_curve import LightCurveMatchConfig, LightCurveMatchTask
from lsst.transient.bogus.tasks.score import ScoreFlag, TransientBogusScoreConfig, TransientBogusScoreTask

from .test_stack_sample import SAMPLE, VISITS, cutouts, labels, read

pytestmark = [
    pytest.mark.skipif(not SAMPLE.is_dir(), reason=f"no sample of stack files in {SAMPLE}"),
    pytest.mark.filterwarnings("ignore"),
]
DETECTOR = 50


@pytest.fixture(scope="module")
def tables() -> dict[str, dict[tuple[int, int], Table]]:
    """DIA sources, cutouts, labels and scores of both visits; the networks were never trained."""
    torch.manual_seed(1)
    spec = ModelSpec(
        30,
        ("difference", "science", "template"),
        network=Network(filters=(4, 4, 4), units=4),
        network_fold=(0, 1),
        folds=FoldRule(2, 2048, 0),
    )
    model = to_table(Model.blank(spec, np.zeros(0, dtype=np.int64)))
    task = TransientBogusScoreTask(config=TransientBogusScoreConfig())
    data: dict[str, dict[tuple[int, int], Table]] = {
        "dia_sources": {},
        "cutouts": {},
        "labels": {},
        "scores": {},
    }
    for visit in VISITS:
        key = (visit, DETECTOR)
        sources, stamps = read("injected_dia_source", visit), cutouts(visit)
        data["dia_sources"][key], data["cutouts"][key] = sources, stamps
        data["labels"][key] = labels(visit, "table", "_trim0")
        data["scores"][key] = task.run(cutouts=stamps, dia_sources=sources, model=model).scores
    return data


@pytest.mark.parametrize("visit", VISITS)
def test_every_source_is_scored_or_flagged(visit: int, tables: dict) -> None:
    scores, stamps = tables["scores"][visit, DETECTOR], tables["cutouts"][visit, DETECTOR]
    SCORES.check(scores)
    assert scores["diaSourceId"].tolist() == read("truth_dia_source", visit)["diaSourceId"].tolist()
    unusable = (np.asarray(stamps["cutout_flag"]) & UNUSABLE) != 0
    np.testing.assert_array_equal(np.isnan(scores["score"]), unusable)
    np.testing.assert_array_equal((scores["score_flag"] & ScoreFlag.UNUSABLE_STAMP) != 0, unusable)
    usable = np.asarray(scores["score"])[~unusable]
    assert len(usable) > 20
    assert len(np.unique(usable)) > len(usable) // 2, "the networks do not see the stamps"


def test_objects_are_detections_within_the_radius(tables: dict) -> None:
    config = LightCurveMatchConfig()
    given = {name: tables[name] for name in ("dia_sources", "scores", "labels")}
    result = LightCurveMatchTask(config=config).run(**given)
    objects, curves = result.objects, result.light_curves
    OBJECTS.check(objects)
    LIGHT_CURVES.check(curves)
    ids = [i for table in tables["dia_sources"].values() for i in table["diaSourceId"]]
    assert sorted(curves["diaSourceId"]) == sorted(ids)
    real = [np.asarray((table["label"] == 0) & ~table["is_ambiguous"]) for table in tables["labels"].values()]
    first, second = (table[keep] for table, keep in zip(tables["dia_sources"].values(), real, strict=True))
    near = separation_arcsec(
        *(np.asarray(first[name])[:, np.newaxis] for name in ("ra", "dec")),
        *(np.asarray(second[name])[np.newaxis] for name in ("ra", "dec")),
    )
    # Where both are the nearest of the other, they are one object; injections are objects of their own.
    rows, columns = np.nonzero(near < config.radius)
    mutual = [
        (i, j)
        for i, j in zip(rows, columns, strict=True)
        if j == near[i].argmin() and i == near[:, j].argmin()
    ]
    assert len(objects) == len(ids) - len(mutual)
    assert np.count_nonzero(objects["n_detections"] == 2) == len(mutual)


def test_injected_objects_are_never_candidates(tables: dict) -> None:
    given = {name: tables[name] for name in ("dia_sources", "scores", "labels")}
    objects = LightCurveMatchTask(config=LightCurveMatchConfig()).run(**given).objects
    n_injected = sum(np.sum(read("truth_dia_source", v)["truth_class"] == "injected") for v in VISITS)
    n_ambiguous = sum(
        int(np.sum(table["is_ambiguous"] & (table["label"] == 0))) for table in tables["labels"].values()
    )
    assert int(objects["n_injected"].sum()) == n_injected + n_ambiguous
    assert not np.any(objects["is_confirmed"] & (objects["n_injected"] > 0))
