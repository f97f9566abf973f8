# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source tables of a detector, and catalogues drawn for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS

from lsst.transient.bogus.columns import INJECTION_CATALOG, SOURCE
from lsst.transient.bogus.tasks.host_catalog import (
    GalaxyHostCatalogConfig,
    GalaxyHostCatalogTask,
)

ALPHA = 1e-3
SIZE = 4000.0


def rotated_wcs(rotation: float = 30.0, parity: int = -1, dec: float = -30.0) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [0.0, dec], [-500.0, 3000.0]
    cosine, sine = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    wcs.wcs.cd = 0.2 / 3600 * np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([parity, 1])
    return wcs


def sources(n: int = 3000, *, wcs: WCS | None = None, seed: int = 1, **replace: Any) -> Table:
    """Return galaxies at random positions with axes of 2 to 6 pixels."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.0, SIZE, (2, n))
    ra, dec = (wcs or rotated_wcs()).all_pix2world(x, y, 0)
    a, angle = rng.uniform(2.0, 6.0, n), rng.uniform(0.0, np.pi, n)
    b = a * rng.uniform(0.3, 0.9, n)
    c, s = np.cos(angle), np.sin(angle)
    data: dict[str, Any] = {column.name: np.full(n, column.fill) for column in SOURCE.columns}
    data |= {
        "sourceId": np.arange(1, n + 1),
        "x": x,
        "y": y,
        "ra": ra,
        "dec": dec,
        "ixx": a**2 * c**2 + b**2 * s**2,
        "iyy": a**2 * s**2 + b**2 * c**2,
        "ixy": (a**2 - b**2) * s * c,
        "extendedness": np.ones(n),
        "ap12Flux": 10 ** rng.uniform(3.0, 5.0, n),
        "psfFlux": np.full(n, 250.0),
        "psfFluxErr": np.full(n, 25.0),
        "detect_isPrimary": np.ones(n, dtype=bool),
    }
    return SOURCE.build(data | replace)


def draw(table: Table, visit: int = 7, detector: int = 3, **settings: Any) -> Table:
    config = GalaxyHostCatalogConfig()
    config.update(**settings)
    config.validate()
    catalog = (
        GalaxyHostCatalogTask(config=config)
        .run(sources=table, visit=visit, detector=detector, band="r")
        .injection_catalog
    )
    INJECTION_CATALOG.check(catalog)
    return catalog


def hosted(catalog: Table) -> tuple[Table, np.ndarray]:
    """Return the hosted rows, and the row of the source table of each."""
    rows = catalog[~catalog["is_hostless"]]
    return rows, np.asarray(rows["host_id"]) - 1
