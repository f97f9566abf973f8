# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the search for settings on a repository."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner

import lsst.daf.butler.tests as butlerTests
from lsst.daf.butler import Butler
from lsst.transient.bogus.columns import CUTOUTS, LABELS
from lsst.transient.bogus.scripts import main
from lsst.transient.bogus.tasks.train_config import TrainTransientBogusConfig

from ..nn.fakes import make_fakes, make_tables

VISITS = (41, 42)
SMALL = (
    "network.filters=[4,4]",
    "network.units=4",
    "epochs=2",
    "peers=1",
    "batchSize=32",
    "minPerClass=5",
    "numThreads=1",
)


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("tune"))
    Butler.makeRepo(root)
    fakes = make_fakes(150, 11)
    with Butler.from_config(root, run="labelled") as butler:
        for dimension, found in (("instrument", ["Cam"]), ("visit", VISITS), ("detector", [0])):
            for value in found:
                butlerTests.addDataIdValue(butler, dimension, value)
        for schema in (CUTOUTS, LABELS):
            butlerTests.addDatasetType(butler, schema.dataset_type, set(schema.dimensions), "ArrowAstropy")
        for visit, rows in zip(VISITS, np.array_split(np.arange(150), 2), strict=True):
            for schema, table in zip((CUTOUTS, LABELS), make_tables(visit, fakes, rows), strict=False):
                butler.put(table, schema.dataset_type, instrument="Cam", visit=visit, detector=0)
    return root


def run(repo, folder, *arguments, collections="labelled"):
    options = [word for text in SMALL for word in ("-c", text)]
    return CliRunner().invoke(
        main, ["tune", repo, collections, "--folder", str(folder), *options, *arguments]
    )


def test_search_of_a_collection(repo, tmp_path):
    pytest.importorskip("optuna", reason="the search needs optuna")
    space = tmp_path / "space.yaml"
    space.write_text("learningRate: {low: 0.001, high: 0.01, log: true}\nnetwork.units: [3, 4]\n")
    folder = tmp_path / "new" / "tuning"
    result = run(repo, folder, "--space", str(space), "--trials", "2")
    assert result.exit_code == 0, result.output
    table = Table.read(folder / "trials.ecsv")
    assert len(table) == 2
    assert {"learningRate", "network.units"} <= set(table.colnames)
    config = TrainTransientBogusConfig()
    config.load(str(folder / "best.py"))
    told = json.loads((folder / "best.json").read_text())
    assert config.learningRate == told["settings"]["learningRate"]
    assert config.network.units == told["settings"]["network.units"]
    assert told["value"] == table["value"][0]
    assert 0 <= told["held_back"]["auc_after"] <= 1
    assert "AUC of the fold held back" in result.output
    more = run(repo, folder, "--space", str(space), "--trials", "3")
    assert "Trial 2" in more.output
    assert "Trial 1" not in more.output
    assert len(Table.read(folder / "trials.ecsv")) == 3


def test_mistakes_are_named(repo, tmp_path):
    pytest.importorskip("optuna", reason="the search needs optuna")
    wrong = run(repo, tmp_path, "-c", "epochs=many")
    assert wrong.exit_code == 1
    assert "configuration is wrong" in wrong.output
    assert "cannot be held back" in run(repo, tmp_path, "--held-back", "9").output
    with Butler.from_config(repo, writeable=True) as butler:
        butler.collections.register("empty")
    nothing = run(repo, tmp_path, collections="empty")
    assert nothing.exit_code == 1
    assert "found 0 and 0 tables" in nothing.output


def test_without_optuna_it_says_what_to_install(repo, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = run(repo, tmp_path)
    assert result.exit_code == 1
    assert "lsst-transient-bogus[search]" in result.output
