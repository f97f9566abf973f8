# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the list of candidates."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner

import lsst.daf.butler.tests as butlerTests
from lsst.daf.butler import Config
from lsst.transient.bogus.columns import OBJECTS
from lsst.transient.bogus.scripts import main
from lsst.transient.bogus.scripts.list_candidates import list_candidates

SHARDS = (189000, 189001)


def _objects(ids, probability, confirmed):
    fill = {c.name: c.fill for c in OBJECTS.columns}
    known = {
        "diaObjectId": ids,
        "ra": 30.0 + np.arange(len(ids)),
        "dec": -5.0,
        "probability": probability,
        "is_confirmed": confirmed,
        "detections_by_band": "g3 r5",
    }
    return OBJECTS.build(fill | known, meta={"CONFIRMATION_RULE": "probability > 0.9"})


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("candidates"))
    repo = butlerTests.makeTestRepo(
        root,
        {"instrument": ["Cam"], "htm7": list(SHARDS)},
        config=Config({"datastore": {"cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore"}}),
    )
    butlerTests.addDatasetType(repo, "transient_objects", ("instrument", "htm7"), "ArrowAstropy")
    butler = butlerTests.makeTestCollection(repo, uniqueId="found")
    tables = (_objects([1, 2], [0.95, 0.2], [True, False]), _objects([3, 4], [0.99, np.nan], [True, False]))
    for shard, table in zip(SHARDS, tables, strict=True):
        butler.put(table, "transient_objects", {"instrument": "Cam", "htm7": shard})
    return root, butler.run


def _list(*arguments):
    result = CliRunner().invoke(list_candidates, arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_candidates_of_all_shards_in_order(repository):
    lines = _list(*repository)
    assert [line.split()[0] for line in lines[3:-1]] == ["3", "1"]
    assert lines[3].split()[1:4] == ["30.000000", "-5.000000", "0.9900"]
    assert lines[-1] == "2 of 4 objects: probability > 0.9"
    assert [line.split()[0] for line in _list(*repository, "--all")[3:-1]] == ["3", "1", "2", "4"]


def test_file_documents_its_columns(repository, tmp_path):
    path = tmp_path / "candidates.ecsv"
    _list(*repository, "--file", str(path))
    table = Table.read(path)
    OBJECTS.check(table)
    assert table["diaObjectId"].tolist() == [3, 1]
    for column in OBJECTS.columns:
        assert table[column.name].description == column.doc
        assert table[column.name].unit == (column.unit and u.Unit(column.unit))
    assert table.meta["CONFIRMATION_RULE"] == "probability > 0.9"


def test_a_collection_without_objects_is_said(repository):
    result = CliRunner().invoke(main, ["list-candidates", repository[0], "nothing"])
    assert result.exit_code == 1
    assert "hold no transient_objects" in result.output
