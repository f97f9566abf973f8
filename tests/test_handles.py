# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that tables keep their metadata on the way through a butler."""

from __future__ import annotations

import numpy as np
from astropy.table import Table

import lsst.daf.butler.tests as butlerTests
from lsst.daf.butler import Config
from lsst.transient.bogus.handles import read_table


def test_metadata_of_tables_survive_the_butler(tmp_path):
    """The butler drops the metadata of tables by default, which tests on in-memory datastores do not see."""
    config = Config({"datastore": {"cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore"}})
    repository = butlerTests.makeTestRepo(str(tmp_path / "repo"), {"instrument": ["SimCam"]}, config=config)
    butlerTests.addDatasetType(repository, "table", {"instrument"}, "ArrowAstropy")
    butler = butlerTests.makeTestCollection(repository, uniqueId="handles")
    meta = {"PRIOR": 0.2, "CHANNELS": ["difference", "science"], "MASK_BITS": {"BAD": 0}}
    table = Table({"a": np.arange(3), "b": np.zeros((3, 2))}, units={"b": "nJy"}, meta=meta)
    butler.put(table, "table", instrument="SimCam")
    for columns in (None, ["b"]):
        found = read_table(butler.getDeferred("table", instrument="SimCam"), columns)
        assert {name: found.meta[name] for name in meta} == meta
        assert found["b"].unit == "nJy"
        assert found.colnames == (columns or ["a", "b"])
