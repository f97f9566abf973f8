# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the description of stored models."""

from __future__ import annotations

import json

import pyarrow
import pytest
import torch
from click.testing import CliRunner

from lsst.daf.butler import Butler, DatasetType
from lsst.transient.bogus.nn import Model, ModelSpec, to_table
from lsst.transient.bogus.nn.io import model_version
from lsst.transient.bogus.nn.spec import FoldRule, Network
from lsst.transient.bogus.scripts.describe_model import describe_model

MODEL = "transient_bogus_model"


def model(seed):
    torch.manual_seed(seed)
    network = Network(filters=(8, 8), units=4)
    provenance = {"metrics": {"n_positive": 12, "auc_out_of_fold": 0.987}, "inputs": {"runs": ["u/a"]}}
    spec = ModelSpec(15, ("difference",), network=network, folds=FoldRule(5, 1024, 0), provenance=provenance)
    return Model.blank(spec)


def make_repo(path):
    """Make a repository that other processes can read."""
    Butler.makeRepo(str(path))
    butler = Butler.from_config(str(path), writeable=True)
    butler.registry.insertDimensionData("instrument", {"name": "Cam"})
    butler.registry.registerDatasetType(
        DatasetType(MODEL, ("instrument",), "ArrowTable", universe=butler.dimensions)
    )
    return butler


@pytest.fixture
def repo(tmp_path):
    """Make a repository with a model in each of two RUNs."""
    butler = make_repo(tmp_path)
    for run, seed in (("first", 1), ("second", 2)):
        butler.collections.register(run)
        butler.put(to_table(model(seed)), MODEL, instrument="Cam", run=run)
    return str(tmp_path)


@pytest.mark.parametrize(("chain", "seed"), [("first,second", 1), ("second,first", 2)])
def test_the_first_collection_decides(repo, chain, seed):
    result = CliRunner().invoke(describe_model, [repo, chain, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["version"] == model_version(model(seed))
    assert told["run"] == chain.split(",")[0]
    assert told["n_networks"] == 1
    assert told["provenance"]["inputs"] == {"runs": ["u/a"]}


def test_text(repo):
    result = CliRunner().invoke(describe_model, [repo, "first"])
    assert result.exit_code == 0, result.output
    assert model_version(model(1)) in result.output
    assert "12 injected" in result.output
    assert "0.98700" in result.output
    assert "u/a" in result.output


def test_no_model(repo):
    result = CliRunner().invoke(describe_model, [repo, "first", "--instrument", "Other"])
    assert result.exit_code != 0
    assert "found 0" in result.output


def test_a_foreign_table(tmp_path):
    butler = make_repo(tmp_path)
    butler.collections.register("r")
    butler.put(pyarrow.table({"a": [1]}), MODEL, instrument="Cam", run="r")
    result = CliRunner().invoke(describe_model, [str(tmp_path), "r"])
    assert result.exit_code != 0
    assert "not a stored model" in result.output
