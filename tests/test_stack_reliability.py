# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reliability task does, with stand-ins for the catalogues of the stack."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from lsst.pipe.base.testUtils import lintConnections
from lsst.transient.bogus.columns import SCORES
from lsst.transient.bogus.stack.reliability import (
    ReliabilityCatalogConfig,
    ReliabilityCatalogConnections,
    ReliabilityCatalogTask,
    aligned_scores,
)

NAN = np.nan


class Schema:
    """Stand-in: fields by name."""

    def __init__(self) -> None:
        self.dtypes: dict[str, Any] = {}

    def addField(self, name: str, *, type: Any, doc: str, size: int = 0) -> str:
        self.dtypes[name] = f"U{size}" if type is str else {"L": "i8", "F": "f4"}[type]
        return name


class BaseCatalog:
    """Stand-in: columns of numbers are arrays, texts are set record by record."""

    def __init__(self, schema: Schema) -> None:
        self.columns = {name: np.zeros(0, dtype) for name, dtype in schema.dtypes.items()}

    def resize(self, n: int) -> None:
        self.columns = {name: np.zeros(n, column.dtype) for name, column in self.columns.items()}

    def __setitem__(self, name: str, values: Any) -> None:
        self.columns[name][:] = values

    def __iter__(self) -> Any:
        for i in range(len(self.columns["id"])):
            yield types.SimpleNamespace(set=lambda key, value, i=i: self.columns[key].__setitem__(i, value))


@pytest.mark.parametrize(
    ("ids", "scored", "scores", "expected"),
    [
        ([7, 3, 9], [3, 7, 9], [0.3, 0.7, 0.9], [0.7, 0.3, 0.9]),
        ([7, 3, 9, 1, 99], [9, 3], [0.9, NAN], [NAN, NAN, 0.9, NAN, NAN]),
        ([5], [], [], [NAN]),
        ([], [5], [0.5], []),
    ],
)
def test_scores_follow_the_identifiers(ids, scored, scores, expected) -> None:
    aligned = aligned_scores(np.array(ids, np.int64), np.array(scored, np.int64), np.array(scores))
    assert aligned.dtype == np.float32
    assert aligned == pytest.approx(expected, nan_ok=True)


def test_connections() -> None:
    lintConnections(ReliabilityCatalogConnections)
    assert ReliabilityCatalogConnections.reliability.storageClass == "Catalog"
    assert ReliabilityCatalogConnections.dia_sources.name == "dia_source_unstandardized"


def make_scores(ids: list[int], score: list[float]) -> Table:
    n = len(ids)
    rest = {c.name: np.zeros(n) for c in SCORES.columns if c.dtype != "str"}
    known = {"diaSourceId": ids, "score": score, "score_networks": np.zeros((n, 2))}
    return SCORES.build({**rest, **known, "model_version": np.full(n, "0123456789ab")})


def test_the_catalogue_has_the_rows_of_the_dia_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    table = types.ModuleType("lsst.afw.table")
    table.Schema, table.BaseCatalog = Schema, BaseCatalog
    for module in (types.ModuleType("lsst.afw"), table):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    task = ReliabilityCatalogTask(config=ReliabilityCatalogConfig())
    sources = {"id": np.array([11, 12, 13, 14])}
    columns = task.run(
        dia_sources=sources, scores=make_scores([12, 11, 13], [0.1, 0.9, NAN])
    ).reliability.columns
    assert columns["id"].tolist() == [11, 12, 13, 14]
    assert columns["score"] == pytest.approx([0.9, 0.1, NAN, NAN], nan_ok=True)
    assert set(columns["version"]) == {"0123456"}
    assert task.metadata["n_unscored"] == 2
    nothing = task.run(dia_sources={"id": np.zeros(0, int)}, scores=make_scores([], [])).reliability
    assert len(nothing.columns["id"]) == 0
