# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying a model between repositories."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from lsst.daf.butler import Butler, DatasetType
from lsst.transient.bogus.scripts import main
from lsst.transient.bogus.standalone.instrument import FrameCamera, SimulatedCamera
from lsst.transient.bogus.standalone.repository import open_repository

MODEL = pa.table({"name": ["weight"], "data": [b"\x00\x01"]}).replace_schema_metadata({"spec": '{"k": 8}'})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with open_repository(tmp_path / "source", create=True) as butler:
        SimulatedCamera().register(butler.registry)
        dataset_type = DatasetType(
            "transient_bogus_model", ("instrument",), "ArrowTable", universe=butler.dimensions
        )
        butler.registry.registerDatasetType(dataset_type)
        butler.collections.register("trained")
        butler.put(MODEL, dataset_type, instrument="SimCam", run="trained")
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    with open_repository(tmp_path / "target", create=True) as butler:
        FrameCamera().register(butler.registry)
    return tmp_path / "target"


def _import(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["import-model", *map(str, arguments), "--instrument", "Frames"])
    return result.exit_code, result.output


def test_the_copy_is_the_model_with_its_specification(source: Path, target: Path) -> None:
    assert _import(source, "trained", target, "models")[0] == 0
    with Butler.from_config(str(target)) as butler:
        copy = butler.get("transient_bogus_model", instrument="Frames", collections="models")
    assert copy.equals(MODEL)
    assert copy.schema.metadata[b"spec"] == b'{"k": 8}'


def test_a_second_copy_changes_nothing(source: Path, target: Path) -> None:
    _import(source, "trained", target, "models")
    code, output = _import(source, "trained", target, "models")
    assert code == 0
    assert "there already" in output


def test_one_of_several_instruments(source: Path, target: Path) -> None:
    other = MODEL.replace_schema_metadata({"spec": '{"k": 9}'})
    with open_repository(source) as butler:
        FrameCamera().register(butler.registry)
        butler.put(other, "transient_bogus_model", instrument="Frames", run="trained")
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
