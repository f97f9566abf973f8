# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of `GalaxyHostCatalogTask` with hosts from the objects of coadds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from astropy.wcs import WCS
from scipy import stats

from lsst.pipe.base import UpstreamFailureNoWorkFound
from lsst.transient.bogus.tasks.host_catalog import (
    GalaxyHostCatalogConfig,
    GalaxyHostCatalogConnections,
    GalaxyHostCatalogTask,
)

from .host_catalog_fakes import ALPHA, draw, rotated_wcs, sources


class Handle:
    """A handle that understands the read parameters of the butler's tables."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def get(self, *, parameters: dict[str, Any] | None = None, **_: Any) -> Table:
        return self.table[(parameters or {})["columns"]]


def objects(wcs: WCS) -> Table:
    """Return coadd objects of 2 by 1 arcsec that lie east–west, all over the detector and beyond."""
    rng = np.random.default_rng(9)
    n = 3000
    ra, dec = wcs.all_pix2world(*rng.uniform(-3000.0, 7000.0, (2, n)), 0)
    return Table(
        {
            "objectId": 10**12 + np.arange(n),
            "coord_ra": ra,
            "coord_dec": dec,
            "shape_xx": np.full(n, 4.0),
            "shape_yy": np.full(n, 1.0),
            "shape_xy": np.zeros(n),
            "refExtendedness": np.ones(n),
            "r_cModelFlux": np.full(n, 1000.0),
            "r_psfFlux": np.full(n, 600.0),
            "r_psfFluxErr": np.full(n, 5.0),
            "shape_flag": np.arange(n) % 2 == 0,
            "r_cModel_flag": np.zeros(n, dtype=bool),
            "detect_isPrimary": np.arange(n) % 3 > 0,
        }
    )


@pytest.mark.parametrize(("rotation", "parity"), [(0.0, -1), (50.0, -1), (50.0, 1)])
def test_hosts_from_coadd_objects(rotation: float, parity: int) -> None:
    wcs = rotated_wcs(rotation, parity)
    table = objects(wcs)
    config = GalaxyHostCatalogConfig(doObjectHosts=True, hostFraction=1.0, offsetLaw="elliptical_normal")
    config.box = [0, 0, 3999, 3999]
    halves = [Handle(table[:1500]), Handle(table[1500:])]
    catalog = (
        GalaxyHostCatalogTask(config=config)
        .run(sources=sources(wcs=wcs), visit=7, detector=3, band="r", objects=halves)
        .injection_catalog
    )
    rows = catalog[~catalog["is_hostless"]]
    number = np.asarray(rows["host_id"]) - 10**12
    x, y = wcs.all_world2pix(table["coord_ra"], table["coord_dec"], 0)
    inside = (np.abs(x - 1999.5) <= 1999.5) & (np.abs(y - 1999.5) <= 1999.5)
    expected = inside & (np.arange(3000) % 2 == 1) & (np.arange(3000) % 3 > 0)
    assert sorted(number) == np.flatnonzero(expected).tolist()
    np.testing.assert_allclose(rows["host_semi_major"], 2.0, rtol=1e-3)
    np.testing.assert_allclose(rows["host_semi_minor"], 1.0, rtol=1e-3)
    np.testing.assert_allclose(rows["host_pa"], 90.0, atol=0.5)
    np.testing.assert_allclose(rows["host_mag"], 31.4 - 7.5)
    east = (rows["ra"] - rows["host_ra"] + 180.0) % 360.0 - 180.0
    along = 3600.0 * east * np.cos(np.radians(rows["host_dec"])) / 2.0
    across = 3600.0 * (rows["dec"] - rows["host_dec"])
    assert stats.kstest(along, stats.norm.cdf).pvalue > ALPHA
    assert stats.kstest(across, stats.norm.cdf).pvalue > ALPHA


def test_hosts_from_objects_need_objects() -> None:
    with pytest.raises(UpstreamFailureNoWorkFound, match="visit 7, detector 3"):
        draw(sources(50), doObjectHosts=True)


@pytest.mark.parametrize("do_objects", [True, False])
def test_connection_of_objects(do_objects: bool) -> None:
    connections = GalaxyHostCatalogConnections(config=GalaxyHostCatalogConfig(doObjectHosts=do_objects))
    assert ("objects" in connections.inputs) == do_objects
