# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of `GalaxyHostCatalogTask` where visits share what they inject."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from lsst.pex.config import FieldValidationError
from lsst.pipe.base import InvalidQuantumError
from lsst.transient.bogus.columns import INJECTION_CATALOG
from lsst.transient.bogus.sphere import separation_arcsec
from lsst.transient.bogus.tasks.host_catalog import (
    GalaxyHostCatalogConfig,
    GalaxyHostCatalogTask,
)

from .host_catalog_fakes import ALPHA, draw, hosted, sources


def test_coherent_events_are_shared_by_visits_and_bands() -> None:
    table = sources()
    config = GalaxyHostCatalogConfig(mode="coherent")
    config.events.rate = 0.3
    task = GalaxyHostCatalogTask(config=config)
    first = task.run(sources=table, visit=7, detector=3, band="r", mjd=60000.0).injection_catalog
    second = task.run(sources=table, visit=8, detector=4, band="g", mjd=60001.0).injection_catalog
    INJECTION_CATALOG.check(first)
    common, i, j = np.intersect1d(first["event_id"], second["event_id"], return_indices=True)
    assert len(common) > 0.7 * len(first) > 50
    assert separation_arcsec(first["ra"][i], first["dec"][i], second["ra"][j], second["dec"][j]).max() < 1e-3
    assert not set(first["injection_id"].tolist()) & set(second["injection_id"].tolist())
    assert np.all(first["offset_arcsec"] < 4.0 * first["host_semi_major"])


def test_moving_objects_move() -> None:
    config = GalaxyHostCatalogConfig(mode="moving")
    task = GalaxyHostCatalogTask(config=config)
    table = sources(100)
    first = task.run(sources=table, visit=7, detector=3, band="r", mjd=60000.9).injection_catalog
    second = task.run(sources=table, visit=8, detector=3, band="r", mjd=60000.9 + 1 / 24).injection_catalog
    _, i, j = np.intersect1d(first["event_id"], second["event_id"], return_indices=True)
    moved = separation_arcsec(first["ra"][i], first["dec"][i], second["ra"][j], second["dec"][j])
    assert len(moved) > 20
    assert stats.kstest(moved, stats.uniform(1.0, 39.0).cdf).pvalue > ALPHA


@pytest.mark.parametrize("mode", ["coherent", "moving"])
def test_modes_with_light_curves_need_a_time(mode: str) -> None:
    with pytest.raises(InvalidQuantumError, match="visit 7, detector 3 has none"):
        draw(sources(50), mode=mode)


def test_variable_stars() -> None:
    table = sources(400, extendedness=np.arange(400) % 2)
    catalog = draw(
        table,
        hostFraction=1.0,
        hostlessFraction=0.0,
        minExtendedness=0.0,
        maxExtendedness=0.5,
        offsetLaw="none",
    )
    rows, host = hosted(catalog)
    assert set(np.asarray(table["extendedness"])[host]) == {0.0}
    np.testing.assert_allclose(rows["offset_arcsec"], 0.0, atol=1e-4)


@pytest.mark.parametrize(
    "settings", [{"fall": 7.0}, {"minSpeed": 50.0}, {"minMagnitude": 25.0}, {"fallByBand": {"u": 0.1}}]
)
def test_impossible_events(settings: dict[str, Any]) -> None:
    config = GalaxyHostCatalogConfig()
    config.events.update(**settings)
    with pytest.raises(FieldValidationError):
        config.validate()
