# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera pipelines with the tasks of the stack that is set up."""

from __future__ import annotations

import functools
import importlib
import io
import os
from pathlib import Path

import pytest

from lsst.daf.butler import DatasetType, DimensionUniverse
from lsst.pipe.base import LabelSpecifier, Pipeline, PipelineGraph
from lsst.pipe.base.pipeline_graph import TaskNode
from lsst.pipe.base.pipeline_graph.visualization import show

from .names import ROOT, STOCK, camera_pipelines, make_table, read_table, stock_location

REASON = "needs the science packages of lsst_distrib"
# The science packages warn of things that are not ours.
pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore")]
for package in ("lsst.source.injection", "lsst.pipe.tasks.postprocess", "lsst.ap.association"):
    pytest.importorskip(package, reason=REASON)
if "DRP_PIPE_DIR" not in os.environ:
    pytest.skip("drp_pipe is not set up", allow_module_level=True)

OBS_PACKAGES = {"HSC": "lsst.obs.subaru", "LSSTCam": "lsst.obs.lsst", "LSSTComCam": "lsst.obs.lsst"}
PIPELINES = camera_pipelines()


@pytest.fixture(params=PIPELINES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def pipeline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    pytest.importorskip(OBS_PACKAGES[request.param.parent.name], reason="its instrument is not set up")
    monkeypatch.setenv("TRANSIENT_BOGUS_DIR", str(ROOT))
    return Pipeline.from_uri(str(request.param))


def resolved(pipeline: Pipeline, like: PipelineGraph | None = None) -> PipelineGraph:
    graph = pipeline.to_graph()
    known = {} if like is None else {name: node.dataset_type for name, node in like.dataset_types.items()}
    graph.resolve(dimensions=None, dataset_types=known)
    return graph


def test_graph_resolves_and_can_be_shown(pipeline: Pipeline) -> None:
    """Contracts, dataset types, storage classes and dimensions agree on every edge."""
    stream = io.StringIO()
    show(resolved(pipeline), stream, dataset_types=True)
    assert "cutout" in stream.getvalue()


def test_subsets_resolve_alone(pipeline: Pipeline) -> None:
    whole = resolved(pipeline)
    for label in pipeline.subsets:
        assert resolved(pipeline.subsetFromLabels(LabelSpecifier(labels={label})), whole).tasks, label


def test_inputs_are_those_that_the_stock_pipeline_makes(pipeline: Pipeline, request) -> None:
    """Where both know a dataset type, they agree; what we read, it writes, or the user brings."""
    path = request.node.callspec.params["pipeline"]
    stock = stock_graph(stock_location(path))
    ours = resolved(pipeline, stock)
    brought = {name for name, _ in stock.iter_overall_inputs()}
    brought |= {"injection_catalog", "transient_bogus_model"}
    made = {name for name in stock.dataset_types if stock.producing_edge_of(name) is not None}
    assert {name for name, _ in ours.iter_overall_inputs()} <= brought | made


@functools.cache
def stock_graph(location: str) -> PipelineGraph:
    """Resolve a whole stock pipeline, with reference catalogues by htm7."""
    graph = Pipeline.from_uri(os.path.expandvars(STOCK + location)).to_graph()
    universe = DimensionUniverse()
    catalogs = {
        edge.parent_dataset_type_name: DatasetType(
            edge.parent_dataset_type_name, ("htm7",), edge.storage_class_name, universe=universe
        )
        for task in graph.tasks.values()
        for edge in task.prerequisite_inputs.values()
        if "skypix" in edge.raw_dimensions
    }
    graph.resolve(dimensions=universe, dataset_types=catalogs)
    return graph


def test_nothing_but_the_injection_reads_the_image_without_injections(pipeline: Pipeline) -> None:
    graph = resolved(pipeline)
    if "injectVisit" in graph.tasks:
        image = graph.tasks["injectVisit"].inputs["input_exposure"].parent_dataset_type_name
        twins = {"subtractUninjected", "detectUninjected"} & set(graph.tasks)
        assert {edge.task_label for edge in graph.consuming_edges_of(image)} == {"injectVisit"} | twins


def test_table_of_names_is_that_of_this_stack() -> None:
    """If this fails, names have changed: see what it means for the pipelines, and write the table anew."""
    table, checked_in = make_table(), read_table()
    for location, tasks in table["pipelines"].items():
        assert tasks == checked_in["pipelines"][location], location
    for name, task in table["added"].items():
        assert task == checked_in["added"][name], name
    assert table["columns"] == checked_in["columns"]


@pytest.mark.parametrize(
    ("camera", "file", "image", "labels", "standardise", "catalogue"),
    [
        (
            "LSSTCam",
            "LSSTCam/DRP.yaml",
            "visit_image",
            "reprocessVisitImage,standardizeSource,buildTemplate,subtractImages,detectAndMeasureDiaSource,"
            "filterDiaSource,standardizeDiaSource",
            "standardizeDiaSource",
            "dia_source_unstandardized",
        ),
        (
            "HSC",
            "HSC/DRP-RC2_subset.yaml",
            "pvi",
            "reprocessVisitImage,buildTemplate,subtractImages,detectAndMeasureDiaSources,filterDiaSrcCat,"
            "transformDiaSourceCat",
            "transformDiaSourceCat",
            "goodSeeingDiff_candidateDiaSrc",
        ),
    ],
)
def test_make_injection_pipeline_as_documented(
    camera: str,
    file: str,
    image: str,
    labels: str,
    standardise: str,
    catalogue: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the tool makes is, task by task, what our pipeline does."""
    pytest.importorskip(OBS_PACKAGES[camera], reason="its instrument is not set up")
    monkeypatch.setenv("TRANSIENT_BOGUS_DIR", str(ROOT))
    ingredients = ROOT / "pipelines" / "_ingredients"
    made = importlib.import_module("lsst.source.injection.utils").make_injection_pipeline(
        image,
        f"{Path(os.environ['DRP_PIPE_DIR'])}/pipelines/{file}#{labels}",
        injection_pipeline=str(ingredients / "stack_inject.yaml"),
        config=[f"{standardise}:connections.diaSourceCat={catalogue}"],
        additional_pipelines=[str(ingredients / camera / "native.yaml")],
    )
    graph, ours = resolved(made), resolved(Pipeline.from_uri(str(ROOT / "pipelines" / file)))
    assert {edge.task_label for edge in graph.consuming_edges_of(image)} == {"injectVisit"}
    assert {"hostCatalog", "cutout", "label", "lightCurve", "matchInjected"} <= set(graph.tasks)
    for label, task in graph.tasks.items():
        assert names_of(task) == names_of(ours.tasks[label]), label


def names_of(task: TaskNode) -> dict[str, str]:
    """Return the dataset type of every connection."""
    edges = {**task.inputs, **task.prerequisite_inputs, **task.outputs}
    return {name: edge.dataset_type_name for name, edge in edges.items()}
