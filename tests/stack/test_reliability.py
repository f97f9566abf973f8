# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores as a catalogue of the real stack, read by the real filter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from lsst.pipe.base.testUtils import makeQuantum, runTestQuantum
from lsst.transient.bogus.columns import SCORES
from lsst.transient.bogus.stack.reliability import ReliabilityCatalogConfig, ReliabilityCatalogTask

pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore")]
afwTable = pytest.importorskip("lsst.afw.table", reason="needs the science packages of lsst_distrib")

VERSION = "0123456789ab"
IDS = np.array([11, 12, 13, 14])
SCORE = np.array([0.9, 0.1, np.nan], np.float32)


def make_scores() -> Table:
    n = len(SCORE)
    rest = {c.name: np.zeros(n) for c in SCORES.columns if c.dtype != "str" and c.name != "score_networks"}
    known = {"diaSourceId": [12, 11, 13], "score": SCORE[[1, 0, 2]], "model_version": np.full(n, VERSION)}
    return SCORES.build({**rest, "score_networks": np.zeros((n, 2)), **known})


def make_dia_sources() -> afwTable.SourceCatalog:
    schema = afwTable.SourceTable.makeMinimalSchema()
    schema.addField("reliability", type="F", doc="Reliability.")
    schema.addField("reliabilityVersion", type=str, size=7, doc="Version.")
    catalog = afwTable.SourceCatalog(schema)
    catalog.resize(len(IDS))
    catalog["id"] = IDS
    return catalog


def test_rows_are_those_of_the_dia_sources() -> None:
    task = ReliabilityCatalogTask(config=ReliabilityCatalogConfig())
    catalog = task.run(dia_sources=make_dia_sources(), scores=make_scores()).reliability
    assert np.array_equal(catalog["id"], IDS)
    assert np.allclose(catalog["score"], [0.9, 0.1, np.nan, np.nan], equal_nan=True)
    assert [record["version"] for record in catalog] == [VERSION[:7]] * 4
    assert task.metadata["n_unscored"] == 2
    assert len(task.run(dia_sources=make_dia_sources()[:0], scores=make_scores()[:0]).reliability) == 0


def test_the_stock_filter_reads_it() -> None:
    ap_association = pytest.importorskip("lsst.ap.association", reason="needs ap_association")
    catalog = ReliabilityCatalogTask(config=ReliabilityCatalogConfig()).run(
        dia_sources=make_dia_sources(), scores=make_scores()
    )
    config = ap_association.FilterDiaSourceReliabilityConfig()
    config.minReliability = 0.5
    task = ap_association.FilterDiaSourceReliabilityTask(config=config)
    result = task.run(make_dia_sources(), catalog.reliability)
    assert result.rejectedDiaSources["id"].tolist() == [12]
    assert result.filteredDiaSources["id"].tolist() == [11, 13, 14]
    assert result.filteredDiaSources[0]["reliabilityVersion"] == VERSION[:7]


def test_the_task_runs_in_a_repository(tmp_path: Path) -> None:
    from .exposures import DATA_ID, make_repository

    classes = {
        "dia_source_unstandardized": "SourceCatalog",
        "transient_bogus_scores": "ArrowAstropy",
        "dia_source_reliability": "Catalog",
    }
    with make_repository(tmp_path / "repo", **classes) as butler:
        butler.put(make_dia_sources(), "dia_source_unstandardized", DATA_ID)
        butler.put(make_scores(), "transient_bogus_scores", DATA_ID)
        task = ReliabilityCatalogTask(config=ReliabilityCatalogConfig())
        data_id = butler.registry.expandDataId(DATA_ID)  # file names hold the day of the visit
        names = dict.fromkeys(("dia_sources", "scores", "reliability"), data_id)
        runTestQuantum(task, butler, makeQuantum(task, butler, data_id, names), mockRun=False)
        assert np.array_equal(butler.get("dia_source_reliability", DATA_ID)["id"], IDS)
