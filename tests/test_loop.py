# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole loop on a tiny simulated survey: one graph, from visit images to objects."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from astropy.table import Table

from lsst.daf.butler import Butler
from lsst.pipe.base import Pipeline
from lsst.pipe.base.simple_pipeline_executor import SimplePipelineExecutor
from lsst.transient.bogus.columns import (
    CUTOUTS,
    DIA_SOURCE,
    INJECTED_MATCH,
    INJECTION_CATALOG,
    LABELS,
    METRICS,
    OBJECTS,
    SCORES,
    TableSchema,
)
from lsst.transient.bogus.nn.io import stored_version
from lsst.transient.bogus.paths import ensure_package_dir_env
from lsst.transient.bogus.standalone.loop import SEARCH_OVERRIDES
from lsst.transient.bogus.tasks.score import ScoreFlag

VISITS = "SimCam/defaults"
OUTPUT = "loop/run"
UNSCORED = ScoreFlag.UNUSABLE_STAMP | ScoreFlag.GLINT_TRAIL
FEW_EXAMPLES = {
    ("hostCatalog", "hostFraction"): 1.0,
    ("label", "nFolds"): 2,
    ("train", "minPerClass"): 4,
    ("train", "epochs"): 2,
    ("evaluate", "nResamples"): 20,
}


@pytest.fixture(scope="module")
def repository(simulated_repository, tmp_path_factory):
    """A copy of the simulated visits."""
    return shutil.copytree(simulated_repository, tmp_path_factory.mktemp("loop") / "repository")


@pytest.fixture(scope="module")
def loop(repository):
    """Butler on the outputs of the demo pipeline, with as many injections as fit and a token training."""
    pipeline = Pipeline.from_uri(str(ensure_package_dir_env() / "pipelines" / "standalone" / "demo.yaml"))
    for (label, field), value in FEW_EXAMPLES.items():
        pipeline.addConfigOverride(label, field, value)
    butler = SimplePipelineExecutor.prep_butler(str(repository), [VISITS], output="loop", output_run=OUTPUT)
    executor = SimplePipelineExecutor.from_pipeline(pipeline, where="instrument = 'SimCam'", butler=butler)
    executor.run(register_dataset_types=True)
    with butler:
        yield butler


def tables(butler: Butler, schema: TableSchema, run: str = OUTPUT) -> dict[tuple[int, int], Table]:
    refs = butler.query_datasets(schema.dataset_type, collections=run)
    return {(int(ref.dataId["visit"]), int(ref.dataId["detector"])): butler.get(ref) for ref in refs}


def test_every_dia_source_is_cut_out_labelled_and_scored(loop: Butler) -> None:
    sources = tables(loop, DIA_SOURCE)
    assert len(sources) == 8
    assert sum(map(len, sources.values())) > 50
    for schema in (CUTOUTS, LABELS, SCORES):
        rows = tables(loop, schema)
        assert rows.keys() == sources.keys()
        for key, table in rows.items():
            schema.check(table)
            np.testing.assert_array_equal(table["diaSourceId"], sources[key]["diaSourceId"])


def test_every_injection_is_accounted_for(loop: Butler) -> None:
    drawn, matched = tables(loop, INJECTION_CATALOG), tables(loop, INJECTED_MATCH)
    for key, catalogue in drawn.items():
        assert sorted(matched[key]["injection_id"]) == sorted(catalogue["injection_id"])
    ids = np.concatenate([t["injection_id"] for t in drawn.values()])
    assert len(np.unique(ids)) == len(ids)
    assert sum(np.count_nonzero(t["diaSourceId"]) for t in matched.values()) > 20


def test_scores_are_out_of_fold_probabilities(loop: Butler) -> None:
    for table in tables(loop, SCORES).values():
        scored = (np.asarray(table["score_flag"]) & UNSCORED) == 0
        assert np.all(np.asarray(table["is_out_of_fold"])[scored])
        assert np.all((table["score"][scored] >= 0) & (table["score"][scored] <= 1))
        assert np.all(np.isnan(table["score"][~scored]))


def test_results_can_be_queried(loop: Butler) -> None:
    (ref,) = loop.query_datasets(METRICS.dataset_type, collections=OUTPUT)
    metrics = loop.get(ref)
    assert {"injected", "truth"} <= set(metrics["reference"])
    objects = [loop.get(ref) for ref in loop.query_datasets(OBJECTS.dataset_type, collections=OUTPUT)]
    n_sources = sum(map(len, tables(loop, DIA_SOURCE).values()))
    assert sum(int(t["n_detections"].sum()) for t in objects) == n_sources


def test_the_model_scores_visits_without_injections_in_one_graph(loop: Butler, repository) -> None:
    """In a collection of its own: the neighbours of the model are injected images of the usual names."""
    (ref,) = loop.query_datasets("transient_bogus_model", collections=OUTPUT)
    loop.collections.register("model")
    loop.put(loop.get(ref), "transient_bogus_model", ref.dataId, run="model")
    pipeline = Pipeline.from_uri(str(ensure_package_dir_env() / "pipelines" / "standalone" / "score.yaml"))
    butler = SimplePipelineExecutor.prep_butler(
        str(repository), [VISITS, "model"], output="scored", output_run="scored/run"
    )
    with butler:
        executor = SimplePipelineExecutor.from_pipeline(
            pipeline, where="instrument = 'SimCam'", butler=butler
        )
        executor.run(register_dataset_types=True)
        sources, scores = (tables(butler, schema, "scored/run") for schema in (DIA_SOURCE, SCORES))
        objects = [
            butler.get(r) for r in butler.query_datasets(OBJECTS.dataset_type, collections="scored/run")
        ]
    assert len(sources) == 8
    assert scores.keys() == sources.keys()
    n_injected, n_plain = (sum(map(len, part.values())) for part in (tables(loop, DIA_SOURCE), sources))
    assert 0 < n_plain < n_injected
    version = stored_version(loop.get(ref))
    for key, table in scores.items():
        np.testing.assert_array_equal(table["diaSourceId"], sources[key]["diaSourceId"])
        assert set(table["model_version"]) <= {version}
        assert np.array_equal(np.isfinite(table["score"]), (table["score_flag"] & UNSCORED) == 0)
    assert sum(int(t["n_detections"].sum()) for t in objects) == n_plain


def test_the_search_sees_no_injection_and_makes_neither_template_nor_model() -> None:
    pipelines = ensure_package_dir_env() / "pipelines" / "standalone"
    pipeline = Pipeline.from_uri(f"{pipelines / 'demo.yaml'}#search")
    for override in SEARCH_OVERRIDES:
        label, _, setting = override.partition(":")
        field, value = setting.split("=")
        pipeline.addConfigOverride(label, field, {"True": True, "False": False}.get(value, value))
    tasks = pipeline.to_graph().tasks.values()
    read = {edge.parent_dataset_type_name for task in tasks for edge in task.iter_all_inputs()}
    made = {edge.parent_dataset_type_name for task in tasks for edge in task.iter_all_outputs()}
    assert {"visit_image", "template_detector", "transient_bogus_model"} <= read - made
    assert not {name for name in read if "injected" in name or "label" in name}
    assert {"transient_bogus_scores", "transient_objects", "transient_light_curves"} <= made
