# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the task that associates DIA sources."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from lsst.pipe.base import InMemoryDatasetHandle
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.columns import DIA_OBJECT, DIA_SOURCE
from lsst.transient.bogus.shards import htm_index
from lsst.transient.bogus.standalone.associate import (
    AssociateDiaSourcesConfig,
    AssociateDiaSourcesConnections,
    AssociateDiaSourcesTask,
)

ARCSEC = 1.0 / 3600.0


def handle(visit: int, ra: list[float], dec: list[float]) -> InMemoryDatasetHandle:
    n = len(ra)
    data = {c.name: np.full(n, c.fill) for c in DIA_SOURCE.columns if not c.optional}
    data.update(
        visit=np.full(n, visit),
        ra=np.array(ra),
        dec=np.array(dec),
        midpointMjdTai=np.full(n, 60000.0 + visit),
        diaSourceId=100 * visit + np.arange(n),
    )
    table: Table = DIA_SOURCE.build(data)
    return InMemoryDatasetHandle(table, storageClass="ArrowAstropy", visit=visit, detector=0)


@pytest.fixture
def task() -> AssociateDiaSourcesTask:
    return AssociateDiaSourcesTask(config=AssociateDiaSourcesConfig())


def test_objects_of_a_shard(task: AssociateDiaSourcesTask) -> None:
    handles = [
        handle(1, [30.0, 30.01, 210.0], [-20.0, -20.0, 20.0]),
        handle(2, [30.0 + 0.1 * ARCSEC, 210.0], [-20.0, 20.0]),
        handle(3, [30.0], [-20.0 + 0.2 * ARCSEC]),
    ]
    trixel = int(htm_index(np.array([30.0]), np.array([-20.0]), level=7)[0])
    result = task.run(dia_sources=handles, trixel=trixel)
    assertValidOutput(task, result)
    objects = result.dia_objects
    DIA_OBJECT.check(objects)
    # One was seen once only, another lies in another shard.
    assert len(objects) == 1
    assert objects["nDiaSources"][0] == 3
    assert objects["diaObjectId"][0] == 100
    assert objects["ra"][0] == pytest.approx(30.0, abs=ARCSEC)


def test_single_detections_by_config() -> None:
    config = AssociateDiaSourcesConfig()
    config.minDetections = 1
    task = AssociateDiaSourcesTask(config=config)
    trixel = int(htm_index(np.array([30.0]), np.array([-20.0]), level=7)[0])
    assert len(task.run(dia_sources=[handle(1, [30.0], [-20.0])], trixel=trixel).dia_objects) == 1


def test_no_detections(task: AssociateDiaSourcesTask) -> None:
    for handles in ([], [handle(1, [], [])]):
        objects = task.run(dia_sources=handles, trixel=200000).dia_objects
        assert len(objects) == 0
        DIA_OBJECT.check(objects)


def test_connections() -> None:
    lintConnections(AssociateDiaSourcesConnections)
