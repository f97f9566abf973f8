# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the description of stored models."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pytest
import torch
from click.testing import CliRunner

from lsst.daf.butler import Butler, DatasetType
from lsst.transient.bogus.nn import Model, ModelSpec, to_table
from lsst.transient.bogus.nn.io import FORMAT_VERSION, latest_model, model_version
from lsst.transient.bogus.nn.spec import FoldRule, Network
from lsst.transient.bogus.scripts import main
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


@pytest.fixture
def put(tmp_path):
    """Return a function that puts a table into a repository and returns its file."""
    butler = make_repo(tmp_path)
    butler.collections.register("r")

    def put_table(table):
        return Path(butler.getURI(butler.put(table, MODEL, instrument="Cam", run="r")).ospath)

    return put_table


def with_meta(table, **changes):
    meta = json.loads(table.schema.metadata[b"transient_bogus"])
    return table.replace_schema_metadata({"transient_bogus": json.dumps(meta | changes)})


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pyarrow.table({"a": [1]}), "not a stored model"),
        (to_table(model(1)).slice(1), "damaged"),
        (with_meta(to_table(model(1)), format_version=FORMAT_VERSION + 1), "Update transient_bogus"),
    ],
    ids=["foreign", "damaged", "future"],
)
def test_what_cannot_be_read(tmp_path, put, table, reason):
    put(table)
    result = CliRunner().invoke(describe_model, [str(tmp_path), "r"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: The model in 'r' cannot be read: ")
    assert reason in result.output


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: b"", "Integrity failure"),
        (lambda content: content[:-100], "Integrity failure"),
        (lambda content: bytes(len(content)), "Parquet magic bytes not found"),
        (lambda content: content[:4] + bytes(500) + content[504:], "Invalid data"),
    ],
    ids=["empty", "truncated", "zeros", "pages"],
)
@pytest.mark.parametrize("command", ["describe-model", "export-model-package"])
def test_a_file_that_cannot_be_read(tmp_path, put, damage, reason, command):
    file = put(to_table(model(1)))
    file.write_bytes(damage(file.read_bytes()))
    folder = [] if command == "describe-model" else [str(tmp_path / "package")]
    result = CliRunner().invoke(main, [command, str(tmp_path), "r", *folder])
    assert result.exit_code == 1
    assert result.output.startswith("Error: The model in 'r' cannot be read: ")
    assert reason in result.output


def test_an_older_model_has_the_version_that_scores_carry(tmp_path, put, monkeypatch):
    fields = json.loads(model(1).spec.to_json())
    del fields["domain_limit"]
    with monkeypatch.context() as before:
        before.setattr(ModelSpec, "to_json", lambda spec: json.dumps(fields, sort_keys=True))
        older = to_table(model(1))
    put(older)
    told = json.loads(CliRunner().invoke(describe_model, [str(tmp_path), "r", "--json"]).output)
    assert told["domain_limit"] == 0.0
    assert told["version"] == latest_model(older)[1]
    assert told["version"] != model_version(model(1))
