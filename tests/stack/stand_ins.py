# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for stock pipelines and tasks, made from the table of names: connections and nothing else."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lsst.daf.butler import StorageClass
from lsst.pex.config import Field
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base import connectionTypes as cT

OURS = "lsst.transient.bogus.stack.inject"
_KINDS = {
    "init_inputs": cT.InitInput,
    "init_outputs": cT.InitOutput,
    "inputs": cT.Input,
    "prerequisites": cT.PrerequisiteInput,
    "outputs": cT.Output,
}
# Conversions of the real storage classes between types that are not importable here.
_CONVERSIONS = {
    ("ArrowAstropy", "DataFrame"),
    ("DataFrame", "ArrowAstropy"),
    ("ImageF", "ImageV2"),
    ("MaskX", "MaskV2"),
}


def has_stack() -> bool:
    """Tell whether the science stack is set up."""
    try:
        return importlib.util.find_spec("lsst.source.injection") is not None
    except ModuleNotFoundError:
        return False


@contextlib.contextmanager
def stand_ins(table: dict[str, Any], location: str, folder: Path) -> Iterator[None]:
    """Put stand-ins for a stock pipeline and all tasks in place.

    Parameters
    ----------
    table
        The table of names.
    location
        The stock pipeline, relative to the folder ``pipelines``.
    folder
        An empty folder to write it to.
    """
    labels = table["pipelines"][location]
    path = folder / "pipelines" / location
    path.parent.mkdir(parents=True)
    tasks = {
        label: {"class": entry["class"], "config": _connection_names(entry)}
        for label, entry in labels.items()
    }
    path.write_text(yaml.safe_dump({"description": "Stand-in.", "tasks": tasks}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRP_PIPE_DIR", str(folder))
        patch.setattr(StorageClass, "can_convert", _can_convert(StorageClass.can_convert))
        for entry in labels.values():
            _install(patch, entry["class"], make_task(entry["class"], entry))
        for name, entry in table["added"].items():
            _install(patch, name, make_task(name, entry))
        _install_injection_package(patch)
        try:
            yield
        finally:
            # The module's classes derive from stand-ins that are about to go.
            sys.modules.pop(OURS, None)


def make_task(name: str, entry: dict[str, Any]) -> type[PipelineTask]:
    """Make a task class with the connections and the simple fields of a real one."""
    members = {
        # A stock task has its dataset types from the pipeline; one whose configuration got lost is noticed.
        attribute: _connection(
            kind, text if "fields" in entry else f"default_{attribute} {text.partition(' ')[2]}"
        )
        for key, kind in _KINDS.items()
        for attribute, text in entry[key].items()
        # The real class removes it unless calibrations come from outside the image.
        if (key, attribute) != ("inputs", "visit_summary") or "fields" not in entry
    }
    fields = {
        attribute: Field(
            doc="Stand-in.", dtype=str if value is None else type(value), default=value, optional=True
        )
        for attribute, value in entry.get("fields", {}).items()
        if attribute != "saveLogOutput"
    }
    connections = types.new_class(
        "Connections",
        (PipelineTaskConnections,),
        {"dimensions": entry["dimensions"].split(","), "defaultTemplates": entry.get("templates", {})},
        lambda namespace: namespace.update(members),
    )
    config = types.new_class(
        "Config",
        (PipelineTaskConfig,),
        {"pipelineConnections": connections},
        lambda namespace: namespace.update(fields),
    )
    label = name.rpartition(".")[2]
    return type(label, (PipelineTask,), {"ConfigClass": config, "_DefaultName": label})


def _connection_names(entry: dict[str, Any]) -> dict[str, str]:
    """Return the configuration that gives a task its dataset types."""
    return {
        f"connections.{attribute}": text.split()[0]
        for key in _KINDS
        for attribute, text in entry[key].items()
    }


def _connection(kind: Any, text: str) -> Any:
    dataset, storage, dimensions, *many = text.split()
    given = {"doc": "Stand-in.", "name": dataset, "storageClass": storage, "multiple": bool(many)}
    if issubclass(kind, cT.DimensionedConnection):
        given["dimensions"] = () if dimensions == "-" else dimensions.split(",")
    return kind(**given)


def _can_convert(original: Any) -> Any:
    def can_convert(self: StorageClass, other: StorageClass) -> bool:
        return (other.name, self.name) in _CONVERSIONS or original(self, other)

    return can_convert


def _install(patch: pytest.MonkeyPatch, name: str, task: type) -> None:
    """Make a class importable by its name."""
    module = _module(patch, name.rpartition(".")[0])
    patch.setattr(module, task.__name__, task, raising=False)
    task.__module__ = module.__name__


def _module(patch: pytest.MonkeyPatch, name: str) -> types.ModuleType:
    """Return a module, made with all its parents where there is none."""
    if name in sys.modules:
        return sys.modules[name]
    module = types.ModuleType(name)
    module.__path__ = []
    patch.setitem(sys.modules, name, module)
    parent, _, child = name.rpartition(".")
    patch.setattr(_module(patch, parent), child, module, raising=False)
    return module


def _install_injection_package(patch: pytest.MonkeyPatch) -> None:
    """Export from the package what the real one exports."""
    package = _module(patch, "lsst.source.injection")
    task = _module(patch, "lsst.source.injection.inject_visit").VisitInjectTask
    patch.setattr(package, "VisitInjectTask", task, raising=False)
    patch.setattr(package, "VisitInjectConfig", task.ConfigClass, raising=False)
    patch.setattr(package, "VisitInjectConnections", task.ConfigClass.ConnectionsClass, raising=False)
