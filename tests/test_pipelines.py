# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every pipeline of the pip world resolves, and its subsets cover it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsst.pipe.base import Pipeline
from lsst.transient.bogus.paths import ensure_package_dir_env

STANDALONE = ensure_package_dir_env() / "pipelines" / "standalone"
PIPELINES = sorted(STANDALONE.rglob("*.yaml"))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda p: str(p.relative_to(STANDALONE)))
def test_pipeline_resolves(path: Path) -> None:
    graph = Pipeline.from_uri(str(path)).to_graph()
    graph.resolve(dimensions=None, dataset_types={})
    overall_inputs = {name for name, _ in graph.iter_overall_inputs()}
    assert {"visit_image"} <= overall_inputs <= {"visit_image", "transient_bogus_model", "simulated_truth"}
    assert "transient_objects" in graph.dataset_types


def test_subsets_cover_the_loop() -> None:
    pipeline = Pipeline.from_uri(str(STANDALONE / "transient_bogus.yaml"))
    # The search runs what others run, on other images.
    subsets = [set(labels) for name, labels in pipeline.subsets.items() if name != "search"]
    assert set.union(*subsets) == set(pipeline.task_labels)
    assert sum(map(len, subsets)) == len(pipeline.task_labels), "a task is in two subsets"


def test_scoring_pipeline_has_no_injection_and_no_training() -> None:
    graph = Pipeline.from_uri(str(STANDALONE / "score.yaml")).to_graph()
    graph.resolve(dimensions=None, dataset_types={})
    assert {"train", "label", "injectVisit", "hostCatalog"}.isdisjoint(graph.tasks)
    assert not [name for name in graph.dataset_types if name.startswith("injected_")]
    (model,) = graph.tasks["score"].prerequisite_inputs.values()
    assert model.parent_dataset_type_name == "transient_bogus_model"


def test_training_task_of_the_same_graph_feeds_the_scores() -> None:
    graph = Pipeline.from_uri(str(STANDALONE / "transient_bogus.yaml")).to_graph()
    assert graph.producing_edge_of("transient_bogus_model").task_label == "train"
    assert "score" in {edge.task_label for edge in graph.consuming_edges_of("transient_bogus_model")}


@pytest.mark.parametrize("path", PIPELINES, ids=lambda p: str(p.relative_to(STANDALONE)))
def test_contact_sheets_are_of_the_stamps_and_labels_of_the_loop(path: Path) -> None:
    graph = Pipeline.from_uri(str(path)).to_graph()
    graph.resolve(dimensions=None, dataset_types={})
    sheets = {"contactSheet", "surveyContactSheet"} & set(graph.tasks)
    expected = {"surveyContactSheet"} | ({"contactSheet"} if path.stem != "demo" else set())
    assert sheets == (expected if "label" in graph.tasks else set())
    for sheet in sheets:
        inputs = {edge.parent_dataset_type_name for edge in graph.tasks[sheet].inputs.values()}
        assert inputs == {"transient_cutouts", "transient_labels"}
        assert {graph.producing_edge_of(name).task_label for name in inputs} == {"cutout", "label"}
