# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that the camera pipelines rely on: a checked-in table, and how it is made.

Where the science stack is set up, ``python tests/stack/names.py`` writes the table anew.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import yaml

from lsst.pipe.base import Pipeline
from lsst.pipe.base.pipelineIR import PipelineIR, PipelineYamlLoader
from lsst.utils import doImportType

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("names.yaml")
CAMERAS = ("HSC", "LSSTCam", "LSSTComCam")
STOCK = "$DRP_PIPE_DIR/pipelines/"
HEADER = """# yamllint disable rule:line-length rule:indentation
# Names in the stock pipelines, by the file they are in; written by names.py.
# A connection is its dataset type, storage class, dimensions, and `multiple` if it takes many."""
ADDED = (
    "lsst.pipe.tasks.matchDiffimSourceInjected.MatchInjectedToDiaSourceTask",
    "lsst.source.injection.inject_visit.VisitInjectTask",
)
"""Stock tasks that the camera pipelines add."""
SOURCE_TABLES = {"HSC": "Source.yaml", "LSSTCam": "PreSource.yaml", "LSSTComCam": "PreSource.yaml"}
"""Schemas in pipe_tasks of the tables that hosts are taken from."""


def camera_pipelines() -> list[Path]:
    """Return the paths of all pipelines that need the stack."""
    return sorted(path for camera in CAMERAS for path in (ROOT / "pipelines" / camera).glob("*.yaml"))


def load(path: Path) -> dict[str, Any]:
    """Read a pipeline without following its imports."""
    document = yaml.load(path.read_text(), Loader=PipelineYamlLoader)
    assert isinstance(document, dict)
    return document


def stock_imports(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the labels that a pipeline takes from each stock pipeline."""
    labels: dict[str, list[str]] = {}
    for item in document["imports"]:
        if item["location"].startswith(STOCK):
            labels.setdefault(item["location"].removeprefix(STOCK), []).extend(item["include"])
    return labels


def stock_location(path: Path) -> str:
    """Return the stock pipeline that a pipeline imports, maybe through another of ours."""
    document = load(path)
    if not (found := stock_imports(document)):
        (imported,) = document["imports"]
        return stock_location(Path(imported["location"].replace("$TRANSIENT_BOGUS_DIR", str(ROOT))))
    (location,) = found
    return location


def wanted_labels() -> dict[str, list[str]]:
    """Return every label that any pipeline takes from each stock pipeline."""
    labels: dict[str, set[str]] = {}
    for path in camera_pipelines():
        for location, include in stock_imports(load(path)).items():
            labels.setdefault(location, set()).update(include)
    return {location: sorted(found) for location, found in sorted(labels.items())}


def read_names(pipeline: Pipeline, classes: dict[str, str]) -> dict[str, Any]:
    """Read tasks and their connections off a pipeline's graph."""
    graph = pipeline.to_graph()
    graph.resolve(dimensions=None, dataset_types={})
    return {
        node.label: {
            "class": classes[node.label],
            "dimensions": ",".join(sorted(node.dimensions.required)),
            "init_inputs": {name: _read_edge(edge, node) for name, edge in sorted(node.init.inputs.items())},
            "init_outputs": {
                name: _read_edge(edge, node) for name, edge in sorted(node.init.outputs.items())
            },
            "inputs": {name: _read_edge(edge, node) for name, edge in sorted(node.inputs.items())},
            "prerequisites": {
                name: _read_edge(edge, node) for name, edge in sorted(node.prerequisite_inputs.items())
            },
            "outputs": {name: _read_edge(edge, node) for name, edge in sorted(node.outputs.items())},
        }
        for node in sorted(graph.tasks.values(), key=lambda node: node.label)
    }


def _read_edge(edge: Any, node: Any) -> str:
    return describe(edge.dataset_type_name, getattr(node.get_connections(), edge.connection_name))


def describe(dataset: str, connection: Any) -> str:
    """Write a connection as one line: dataset type, storage class, dimensions, and whether many."""
    # Connections of the initialisation have no dimensions.
    dimensions = ",".join(sorted(getattr(connection, "dimensions", ())))
    words = [dataset, connection.storageClass, dimensions or "-"]
    return " ".join(words + ["multiple"] * connection.multiple)


def read_task(class_name: str) -> dict[str, Any]:
    """Read connections and simple fields off a task that the pipelines add."""
    config = doImportType(class_name).ConfigClass
    connections = config.ConnectionsClass
    kinds = {
        "init_inputs": connections.initInputs,
        "init_outputs": connections.initOutputs,
        "inputs": connections.inputs,
        "prerequisites": connections.prerequisiteInputs,
        "outputs": connections.outputs,
    }
    defaults = config().toDict()
    simple = bool | int | float | str | None
    return {
        "dimensions": ",".join(sorted(connections.dimensions)),
        "templates": dict(connections.defaultTemplates),
        **{
            kind: {
                name: describe(connections.allConnections[name].name, connections.allConnections[name])
                for name in sorted(names)
            }
            for kind, names in kinds.items()
        },
        "fields": {name: value for name, value in sorted(defaults.items()) if isinstance(value, simple)},
    }


def read_columns(schema: str) -> list[str]:
    """Read the columns of a table that `TransformSourceTableTask` makes."""
    functors = importlib.import_module("lsst.pipe.tasks.functors").CompositeFunctor
    return sorted(functors.from_file(f"$PIPE_TASKS_DIR/schemas/{schema}").funcDict)


def make_table() -> dict[str, Any]:
    """Read the names of the stack that is set up."""
    pipelines = {}
    for location, labels in wanted_labels().items():
        ir = PipelineIR.from_uri(os.path.expandvars(STOCK + location)).subset_from_labels(set(labels))
        classes = {label: task.klass for label, task in ir.tasks.items()}
        pipelines[location] = read_names(Pipeline.fromIR(ir), classes)
    return {
        "pipelines": pipelines,
        "added": {name: read_task(name) for name in ADDED},
        "columns": {schema: read_columns(schema) for schema in sorted(set(SOURCE_TABLES.values()))},
    }


def read_table() -> dict[str, Any]:
    """Return the checked-in table."""
    table = yaml.safe_load(TABLE.read_text())
    assert isinstance(table, dict)
    return table


if __name__ == "__main__":
    table = {"commits": read_table()["commits"], **make_table()}
    columns = yaml.safe_dump({"columns": table.pop("columns")}, width=100, default_flow_style=None)
    TABLE.write_text(f"{HEADER}\n{yaml.safe_dump(table, sort_keys=False, width=100)}{columns}")
