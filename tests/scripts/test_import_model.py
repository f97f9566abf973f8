# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying a model between repositories."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
import torch
from click.testing import CliRunner

from lsst.daf.butler import Butler, DatasetType
from lsst.transient.bogus.nn import Model, ModelSpec, to_table
from lsst.transient.bogus.nn.io import stored_version
from lsst.transient.bogus.nn.spec import Network
from lsst.transient.bogus.scripts import main
from lsst.transient.bogus.standalone.instrument import FrameCamera, SimulatedCamera
from lsst.transient.bogus.standalone.repository import open_repository


def make_model(seed: int) -> pa.Table:
    torch.manual_seed(seed)
    return to_table(Model.blank(ModelSpec(15, ("difference",), network=Network(filters=(8, 8), units=4))))


MODEL, OTHER = make_model(1), make_model(2)
VERSION, OTHER_VERSION = stored_version(MODEL), stored_version(OTHER)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with open_repository(tmp_path / "source", create=True) as butler:
        SimulatedCamera().register(butler.registry)
    _put(tmp_path / "source", MODEL, "trained")
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    with open_repository(tmp_path / "target", create=True) as butler:
        FrameCamera().register(butler.registry)
    return tmp_path / "target"


def _put(repo: Path, table: pa.Table, run: str, instrument: str = "SimCam") -> Path:
    """Put a model into a RUN, and return its file."""
    with open_repository(repo) as butler:
        dataset_type = DatasetType(
            "transient_bogus_model", ("instrument",), "ArrowTable", universe=butler.dimensions
        )
        butler.registry.registerDatasetType(dataset_type)
        butler.collections.register(run)
        return Path(butler.getURI(butler.put(table, dataset_type, instrument=instrument, run=run)).ospath)


def _import(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["import-model", *map(str, arguments), "--instrument", "Frames"])
    return result.exit_code, result.output


def test_the_copy_is_the_model_with_its_specification(source: Path, target: Path) -> None:
    code, output = _import(source, "trained", target, "models")
    assert code == 0
    assert f"transient_bogus_model {VERSION} trained on SimCam: copied, as Frames in models" in output
    with Butler.from_config(str(target)) as butler:
        copy = butler.get("transient_bogus_model", instrument="Frames", collections="models")
    assert copy.equals(MODEL)
    assert copy.schema.metadata == MODEL.schema.metadata


def test_a_second_copy_changes_nothing(source: Path, target: Path) -> None:
    _import(source, "trained", target, "models")
    code, output = _import(source, "trained", target, "models")
    assert code == 0
    assert f"{VERSION} trained on SimCam: there already" in output


def test_another_model_is_not_taken_for_a_copy(source: Path, target: Path) -> None:
    _put(target, OTHER, "models", "Frames")
    code, output = _import(source, "trained", target, "models")
    assert code == 1
    assert output.startswith("Error:")
    assert f"RUN 'models' holds model {OTHER_VERSION} of Frames, not {VERSION} of 'trained'" in output
    assert _import(source, "trained", target, "others")[0] == 0


def test_a_foreign_table_is_not_copied(source: Path, target: Path) -> None:
    _put(source, pa.table({"a": [1]}), "foreign")
    code, output = _import(source, "foreign", target, "models")
    assert code == 1
    assert "The model in 'foreign' cannot be read: The table is not a stored model" in output
    with Butler.from_config(str(target)) as butler:
        assert "models" not in butler.collections.query("*")


def test_a_damaged_file_is_named(source: Path, target: Path) -> None:
    held = _put(target, MODEL, "models", "Frames")
    held.write_bytes(held.read_bytes()[:-100])
    code, output = _import(source, "trained", target, "models")
    assert code == 1
    assert output.startswith("Error: The model in 'models' cannot be read: Integrity failure")


def test_one_of_several_instruments(source: Path, target: Path) -> None:
    with open_repository(source) as butler:
        FrameCamera().register(butler.registry)
    _put(source, OTHER, "trained", "Frames")
    code, output = _import(source, "trained", target, "models")
    assert code == 1
    assert "of Frames, SimCam: name the instrument" in output
    assert _import(source, "trained", target, "models", "--source-instrument", "SimCam")[0] == 0
    with Butler.from_config(str(target)) as butler:
        copy = butler.get("transient_bogus_model", instrument="Frames", collections="models")
    assert copy.schema.metadata == MODEL.schema.metadata


@pytest.mark.parametrize(("collection", "reason"), [("empty", "found 0"), ("none", "none")])
def test_a_collection_without_a_model_is_an_error(
    source: Path, target: Path, collection: str, reason: str
) -> None:
    with open_repository(source) as butler:
        butler.collections.register("empty")
    code, output = _import(source, collection, target, "models")
    assert code == 1
    assert output.startswith("Error:")
    assert reason in output
    with Butler.from_config(str(target)) as butler:
        assert "models" not in butler.collections.query("*")
