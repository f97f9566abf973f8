# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the task that matches injections."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.columns import DIA_SOURCE, INJECTED_CATALOG, INJECTED_MATCH
from lsst.transient.bogus.standalone.match_injected import (
    MatchInjectedConfig,
    MatchInjectedConnections,
    MatchInjectedTask,
)

ARCSEC = 1.0 / 3600.0


def injections(ra: list[float], dec: list[float]) -> Table:
    n = len(ra)
    data = {c.name: np.full(n, c.fill) for c in INJECTED_CATALOG.columns}
    data.update(ra=np.array(ra), dec=np.array(dec), injection_id=np.arange(n) + 10)
    return INJECTED_CATALOG.build(data, meta={"INJECTION_FLAG_BITS": {"MAG_BAD": 0}})


def detections(ra: list[float], dec: list[float]) -> Table:
    n = len(ra)
    data = {c.name: np.full(n, c.fill) for c in DIA_SOURCE.columns if not c.optional}
    data.update(ra=np.array(ra), dec=np.array(dec), diaSourceId=np.arange(n) + 100)
    return DIA_SOURCE.build(data)


@pytest.fixture
def task() -> MatchInjectedTask:
    return MatchInjectedTask(config=MatchInjectedConfig())


def test_one_row_for_each_injection(task: MatchInjectedTask) -> None:
    # Found; found across RA = 0; beyond the radius; the second nearest to a detection.
    catalogue = injections([10.0, 359.99999, 20.0, 10.0], [60.0, 0.0, 0.0, 60.0 + 0.3 * ARCSEC])
    # At declination 60 degrees a step in RA is half as long on the sky.
    found = detections([10.0 + 0.2 * ARCSEC, 0.00001, 20.0 + ARCSEC], [60.0, 0.0, 0.0])
    result = task.run(injected_catalog=catalogue, dia_sources=found)
    assertValidOutput(task, result)
    matched = result.matched
    INJECTED_MATCH.check(matched)
    assert list(matched["injection_id"]) == [10, 11, 12, 13]
    assert list(matched["diaSourceId"]) == [100, 101, 0, 0]
    assert matched["dist_diaSrc"][0] == pytest.approx(0.1, abs=1e-3)
    assert matched["dist_diaSrc"][1] == pytest.approx(0.072, abs=1e-3)
    assert list(matched["dist_diaSrc"][2:]) == [-1.0, -1.0]
    assert matched.meta["INJECTION_FLAG_BITS"] == {"MAG_BAD": 0}


def test_empty_tables(task: MatchInjectedTask) -> None:
    nothing = task.run(injected_catalog=INJECTED_CATALOG.empty(), dia_sources=DIA_SOURCE.empty()).matched
    assert len(nothing) == 0
    INJECTED_MATCH.check(nothing)
    lost = task.run(injected_catalog=injections([1.0], [2.0]), dia_sources=DIA_SOURCE.empty()).matched
    assert list(lost["diaSourceId"]) == [0]


def test_connections() -> None:
    lintConnections(MatchInjectedConnections)
