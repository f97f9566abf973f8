# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model packages out of a repository, and into one."""

from __future__ import annotations

import io
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner

from lsst.daf.butler import Butler, DatasetType, FormatterV2
from lsst.transient.bogus.nn import Model, ModelSpec, to_table
from lsst.transient.bogus.nn.io import model_version
from lsst.transient.bogus.nn.spec import Network, Normalisation
from lsst.transient.bogus.scripts import main

MODEL = "transient_bogus_model"
PACKAGES = "lsst.meas.transiNet.modelPackages"


def make_model(seed: int, kind: str = "robust", channel: str = "difference") -> Model:
    torch.manual_seed(seed)
    network, normalisation = Network(filters=(8, 8), units=4), Normalisation(kind)
    return Model.blank(ModelSpec(15, (channel,), network=network, normalisation=normalisation))


class NNModelPackagePayload:
    """Stand-in: storage classes keep the first type that they meet, so there is one of them."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()


class NNModelPackageFormatter(FormatterV2):
    default_extension = ".zip"
    can_read_from_uri = True

    def read_from_uri(self, uri, component=None, expected_size=-1):
        payload = NNModelPackagePayload()
        payload.bytes = io.BytesIO(uri.read())
        return payload

    def to_bytes(self, in_memory_dataset):
        return in_memory_dataset.bytes.getvalue()


@pytest.fixture
def repo(tmp_path: Path) -> str:
    root = tmp_path / "repo"
    Butler.makeRepo(str(root))
    models = {
        "first": make_model(1),
        "second": make_model(2, "snr"),
        "third": make_model(3, channel="matched_template"),
    }
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Cam"})
        butler.registry.registerDatasetType(
            DatasetType(MODEL, ("instrument",), "ArrowTable", universe=butler.dimensions)
        )
        for run, model in models.items():
            butler.collections.register(run)
            butler.put(to_table(model), MODEL, instrument="Cam", run=run)
    return str(root)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """Stand-ins for the payload and the formatter of lsst.meas.transiNet."""

    for name in ("lsst.meas", "lsst.meas.transiNet", PACKAGES, f"{PACKAGES}.formatters"):
        module = types.ModuleType(name)
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules[f"{PACKAGES}.formatters"].NNModelPackagePayload = NNModelPackagePayload
    sys.modules[PACKAGES].NNModelPackageFormatter = NNModelPackageFormatter
    monkeypatch.setattr(NNModelPackageFormatter, "__module__", PACKAGES)
    return NNModelPackagePayload


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize(("chain", "seed"), [("first,second", 1), ("second,first", 2)])
def test_the_first_collection_decides(repo: str, chain: str, seed: int, tmp_path: Path) -> None:
    code, output = call(
        "export-model-package", repo, chain, tmp_path / "mine", "--description", "For a test."
    )
    assert code == 0, output
    meta = yaml.safe_load((tmp_path / "mine" / "meta.yaml").read_text())
    kind = {1: "robust", 2: "snr"}[seed]
    assert meta["transient_bogus"]["model_version"] == model_version(make_model(seed, kind))
    assert meta["description"] == "For a test."
    assert "cutoutSize of RBTransiNetTask to 15" in output
    assert ("estimates the noise" in output) == (kind == "snr")


def test_no_package_is_made_of_what_does_not_fit(repo: str, tmp_path: Path) -> None:
    for collection, reason in (("third", "matched_template"), ("fourth", "no collection 'fourth'")):
        code, output = call("export-model-package", repo, collection, tmp_path / "mine")
        assert code == 1
        assert reason in output
    assert not (tmp_path / "mine").exists()


def test_a_package_goes_into_a_repository_once(repo: str, stack: type, tmp_path: Path) -> None:
    call("export-model-package", repo, "first", tmp_path / "mine")
    code, output = call("ingest-model-package", repo, tmp_path / "mine")
    assert code == 0, output
    with Butler.from_config(repo) as butler:
        payload = butler.get("pretrainedModelPackage", collections="pretrained_models/mine")
    assert isinstance(payload, stack)
    code, output = call("ingest-model-package", repo, tmp_path / "mine")
    assert code == 1
    assert "a package of this name already" in output
    files = {"checkpoint": "checkpoint.pt", "architecture": "arch.py", "metadata": "meta.yaml"}
    with zipfile.ZipFile(payload.bytes) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            member: (tmp_path / "mine" / name).read_bytes() for member, name in files.items()
        }


def test_what_is_no_package_is_refused(repo: str, stack: type, tmp_path: Path) -> None:
    call("export-model-package", repo, "first", tmp_path / "mine")
    (tmp_path / "mine" / "arch_old.py").write_text("")
    code, output = call("ingest-model-package", repo, tmp_path / "mine")
    assert code == 1
    assert "found 2" in output
    with Butler.from_config(repo) as butler:
        assert "pretrained_models/mine" not in butler.collections.query("*")


def test_without_the_stack_it_says_so(repo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"{PACKAGES}.formatters", None)
    call("export-model-package", repo, "first", tmp_path / "mine")
    code, output = call("ingest-model-package", repo, tmp_path / "mine")
    assert code == 1
    assert "science stack" in output
