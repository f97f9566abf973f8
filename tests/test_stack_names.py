# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera pipelines against a table of the stock pipelines' names, without the stack.

Stock tasks are stand-ins with the connections that the table gives them, and the graphs are
real: a label, connection, dataset type, storage class or dimension that does not fit fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lsst.ctrl.bps import BpsConfig
from lsst.ctrl.bps.quantum_clustering_funcs import check_clustering_config
from lsst.pipe.base import LabelSpecifier, Pipeline, PipelineGraph
from lsst.pipe.base.pipeline_graph import IncompatibleDatasetTypeError
from lsst.pipe.base.pipelineIR import PipelineIR
from lsst.transient.bogus.tasks.host_catalog import GalaxyHostCatalogConfig
from lsst.transient.bogus.tasks.light_curve import LightCurveMatchConfig

from .stack.names import (
    CAMERAS,
    ROOT,
    SOURCE_TABLES,
    TABLE,
    camera_pipelines,
    load,
    read_table,
    stock_imports,
    stock_location,
)
from .stack.stand_ins import has_stack, stand_ins

PIPELINES = camera_pipelines()
BY_BAND = [path for path in PIPELINES if path.stem.endswith("by-band")]
PAIRED = [path for path in PIPELINES if path.stem.endswith("paired")]
SCORING = [path for path in PIPELINES if path.stem == "score"]
INJECTING = [path for path in PIPELINES if path not in SCORING]
NAMES = read_table()

pytestmark = pytest.mark.skipif(
    has_stack(), reason="the science stack is set up: tests/stack has the real thing"
)


def identity(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def renamed_labels(document: dict[str, Any]) -> dict[str, str]:
    """Return the labels that a pipeline imports under other names."""
    return {old: new for item in document["imports"] for old, new in item.get("rename", {}).items()}


@pytest.fixture
def stack(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The path of a pipeline, with stand-ins for all that it imports."""
    monkeypatch.setenv("TRANSIENT_BOGUS_DIR", str(ROOT))
    with stand_ins(NAMES, stock_location(request.param), tmp_path):
        yield request.param


def read(path: Path) -> Pipeline:
    ir = PipelineIR.from_uri(str(path))
    # The instrument's class is in an obs package.
    ir.instrument = None
    return Pipeline.fromIR(ir)


def resolved(pipeline: Pipeline, like: PipelineGraph | None = None) -> PipelineGraph:
    """Resolve a pipeline's graph, with the dataset types of another as those of a repository."""
    graph = pipeline.to_graph()
    known = {} if like is None else {name: node.dataset_type for name, node in like.dataset_types.items()}
    graph.resolve(dimensions=None, dataset_types=known)
    return graph


def consumers(graph: PipelineGraph, name: str) -> set[str]:
    return {f"{edge.task_label}.{edge.connection_name}" for edge in graph.consuming_edges_of(name)}


def science_image(path: Path) -> str:
    return {"HSC": "pvi"}.get(path.parent.name, "visit_image")


def test_there_is_a_pipeline_for_each_camera_and_purpose() -> None:
    assert {path.parent.name for path in INJECTING} == {path.parent.name for path in SCORING} == set(CAMERAS)
    assert {path.parent.name for path in BY_BAND} == set(CAMERAS)
    assert {path.parent.name for path in PAIRED} == set(CAMERAS)


@pytest.mark.parametrize("path", PIPELINES, ids=identity)
def test_labels_and_classes_are_those_of_the_stock_pipeline(path: Path) -> None:
    """With another class, the configuration of drp_pipe would be replaced, not amended."""
    document, stock = load(path), NAMES["pipelines"][stock_location(path)]
    included = [label for labels in stock_imports(document).values() for label in labels]
    assert sorted(set(included) - set(stock)) == []
    overridden = {label: task["class"] for label, task in document["tasks"].items() if label in stock}
    assert overridden == {label: stock[label]["class"] for label in overridden}
    for old, new in renamed_labels(document).items():
        assert document["tasks"][new]["class"] == stock[old]["class"]


@pytest.mark.parametrize("stack", PIPELINES, ids=identity, indirect=True)
def test_pipeline_resolves(stack: Path) -> None:
    """Contracts are checked and connection names are resolved on the way."""
    pipeline = read(stack)
    whole = resolved(pipeline)
    for label, tasks in pipeline.subsets.items():
        subset = resolved(pipeline.subsetFromLabels(LabelSpecifier(labels={label})), whole)
        assert set(subset.tasks) == set(tasks), label
    assert set.union(*map(set, pipeline.subsets.values())) == set(pipeline.task_labels)
    assert all(label.startswith("transientBogus-") for label in pipeline.subsets)


@pytest.mark.parametrize("stack", INJECTING, ids=identity, indirect=True)
def test_only_the_injection_reads_the_image_without_injections(stack: Path) -> None:
    graph, name = resolved(read(stack)), science_image(stack)
    pair = {"subtractUninjected.science", "detectUninjected.science"} if stack in PAIRED else set()
    assert consumers(graph, name) == {"injectVisit.input_exposure"} | pair
    readers = {label.partition(".")[0] for label in consumers(graph, f"injected_{name}")}
    assert {"buildTemplate", "subtractImages", "cutout", "forcedPhotDiaObjectDetector"} <= readers
    assert "injectionFigure" in readers
    assert len(readers) == 7
    assert {label for label in graph.tasks if label.startswith("detectAndMeasure")} <= readers


@pytest.mark.parametrize("stack", INJECTING, ids=identity, indirect=True)
def test_what_must_be_there_before(stack: Path) -> None:
    prerequisites = {
        edge.parent_dataset_type_name
        for task in resolved(read(stack)).tasks.values()
        for edge in task.prerequisite_inputs.values()
    }
    ingested = {"injection_catalog"} if stack in BY_BAND else set()
    # The camera's own configuration asks for masks of bright stars; the stock task makes do without them.
    optional = {"brightObjectMask"} if stack.parent.name == "HSC" else set()
    assert prerequisites == {"pretrainedModelPackage"} | ingested | optional


@pytest.mark.parametrize(
    "stack", [path for path in INJECTING if path not in BY_BAND], ids=identity, indirect=True
)
def test_catalogue_and_injection_share_a_graph(stack: Path) -> None:
    graph = resolved(read(stack))
    figures = {"injectionFigure.injection_catalog", "surveyInjectionFigure.injection_catalogs"}
    assert consumers(graph, "transient_injection_catalog") - figures == {"injectVisit.injection_catalogs"}
    assert set(graph.dataset_types["transient_injection_catalog"].dimensions.required) == {
        "instrument",
        "visit",
        "detector",
    }


@pytest.mark.parametrize("stack", BY_BAND, ids=identity, indirect=True)
def test_the_variant_by_band_selects_rows_of_a_visit(stack: Path) -> None:
    config = resolved(read(stack)).tasks["injectVisit"].config
    assert config.selection.format(visit=42) == "np.isin(injection_catalog['visit'], 42)"
    assert not config.external_photo_calib, "the photometric calibration of an uncalibrated image"
    assert not config.add_noise, "photon noise that is right in electrons alone"


@pytest.mark.parametrize("stack", INJECTING, ids=identity, indirect=True)
def test_labels_are_of_all_detections(stack: Path) -> None:
    """No reliability cut before the labels, and no injection left out of the match."""
    graph = resolved(read(stack))
    assert graph.tasks["matchInjected"].config.trimBuffer == 0
    matched = graph.tasks["matchInjected"].inputs["diaSources"].parent_dataset_type_name
    (standardise,) = (
        label for label in ("standardizeDiaSource", "transformDiaSourceCat") if label in graph.tasks
    )
    assert graph.tasks[standardise].inputs["diaSourceCat"].parent_dataset_type_name == matched
    assert graph.producing_edge_of(matched).task_label in ("filterDiaSource", "filterDiaSrcCat")


@pytest.mark.parametrize("stack", PAIRED, ids=identity, indirect=True)
def test_both_halves_of_a_pair_are_processed_alike(stack: Path) -> None:
    """Every dataset type of the half without injections has a name of its own, and its twin."""
    graph = resolved(read(stack))
    for old, new in renamed_labels(load(stack)).items():
        twins = graph.tasks[old].outputs, graph.tasks[new].outputs
        names = [{name: edge.dataset_type_name for name, edge in outputs.items()} for outputs in twins]
        assert names[1] == {name: f"uninjected_{dataset}" for name, dataset in names[0].items()}
    assert graph.tasks["label"].config.doPaired
    table = graph.tasks["label"].inputs["uninjected_dia_sources"].parent_dataset_type_name
    assert graph.producing_edge_of(table).task_label == "standardizeUninjected"


@pytest.mark.parametrize("stack", SCORING, ids=identity, indirect=True)
def test_scoring_injects_and_trains_nothing(stack: Path) -> None:
    graph = resolved(read(stack))
    assert not [name for name in graph.dataset_types if name.startswith("injected_")]
    assert not {"train", "label", "hostCatalog", "injectVisit"} & set(graph.tasks)
    (model,) = graph.tasks["score"].prerequisite_inputs.values()
    assert model.parent_dataset_type_name == "transient_bogus_model"
    assert {f"cutout.science_{plane}" for plane in ("image", "mask", "variance")} <= consumers(
        graph, science_image(stack)
    )


@pytest.mark.parametrize("stack", PIPELINES, ids=identity, indirect=True)
def test_clusters_of_quanta_are_no_cycle(stack: Path) -> None:
    graph = resolved(read(stack))
    clusters = BpsConfig(ROOT / "bps" / "clustering_stack.yaml")[".cluster"]
    order, tasks = check_clustering_config(clusters, graph.make_task_xgraph())
    assert {"hostCatalog", "injectVisit", "cutout", "label"} & set(graph.tasks) <= set(tasks["detect"])
    assert all(
        {"visit", "detector"} <= set(graph.tasks[label].dimensions.required) for label in tasks["detect"]
    )
    assert "score" in order


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("science: visit_image", "scienceExposure: visit_image", AttributeError),
        (
            "dia_source_detector ArrowAstropy detector,",
            "dia_source_detector ArrowAstropy tract,",
            IncompatibleDatasetTypeError,
        ),
        ("visit_image ExposureF", "visit_image StructuredDataDict", IncompatibleDatasetTypeError),
        ("trimBuffer", "trimMargin", AttributeError),
    ],
)
def test_a_name_that_changed_is_noticed(
    old: str, new: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ROOT / "pipelines" / "LSSTCam" / "DRP.yaml"
    monkeypatch.setenv("TRANSIENT_BOGUS_DIR", str(ROOT))
    text = TABLE.read_text()
    assert old in text
    changed = yaml.safe_load(text.replace(old, new))
    with stand_ins(changed, stock_location(path), tmp_path), pytest.raises(error):
        resolved(read(path))


def test_both_cameras_with_the_new_names_are_treated_alike() -> None:
    one, other = (load(ROOT / "pipelines" / camera / "DRP.yaml") for camera in ("LSSTCam", "LSSTComCam"))
    for key in ("tasks", "contracts", "subsets"):
        assert one[key] == other[key]


def test_config_files_of_the_pipelines_exist() -> None:
    texts = [path.read_text() for path in (ROOT / "pipelines").rglob("*.yaml")]
    named = re.findall(r"\$TRANSIENT_BOGUS_DIR/\S+\.py", "".join(texts))
    assert named
    for name in named:
        assert Path(name.replace("$TRANSIENT_BOGUS_DIR", str(ROOT))).is_file()


@pytest.mark.parametrize(("camera", "schema"), SOURCE_TABLES.items())
def test_source_tables_have_what_hosts_are_chosen_by(camera: str, schema: str) -> None:
    config = GalaxyHostCatalogConfig()
    if (path := ROOT / "config" / camera / "hostCatalog.py").exists():
        config.load(str(path))
    columns = set(NAMES["columns"][schema])
    assert {config.columns[quantity] for quantity in config.source_quantities()} <= columns
    # Failed moments are not finite: their flag is in no table, and is for those who add it.
    assert {*config.badFlags, *config.goodFlags} - columns <= {"shape_flag"}


@pytest.mark.parametrize(("camera", "dusk", "dawn"), [("HSC", 4.0, 16.5), ("LSSTCam", -2.5, 11.5)])
def test_no_night_of_a_camera_is_divided(camera: str, dusk: float, dawn: float) -> None:
    """Dusk and dawn in hours of UT, the earliest and the latest of the year at the site."""
    hosts, curves = GalaxyHostCatalogConfig(), LightCurveMatchConfig()
    for config, name in ((hosts, "hostCatalog"), (curves, "lightCurve")):
        if (path := ROOT / "config" / camera / f"{name}.py").exists():
            config.load(str(path))
    for offset in (hosts.events.nightOffset, curves.nightOffset):
        first, last = (np.floor(60000.0 + hour / 24.0 - 0.5 + offset) for hour in (dusk, dawn))
        assert first == last


def test_no_camera_is_named_in_the_package() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for path in (ROOT / "python").rglob("*.py")
        for match in re.findall("|".join(CAMERAS), path.read_text())
    ]
    assert found == []


def test_table_says_where_the_names_are_from() -> None:
    for repository, commit in NAMES["commits"].items():
        assert re.fullmatch(r"[0-9a-f]{40} \d{4}-\d{2}-\d{2}", commit), repository
    assert set(NAMES["pipelines"]) == {stock_location(path) for path in PIPELINES}
