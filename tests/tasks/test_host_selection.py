# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the selection of hosts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from lsst.transient.bogus.errors import TableSchemaError
from lsst.transient.bogus.tasks.host_catalog_config import GalaxyHostCatalogConfig
from lsst.transient.bogus.tasks.host_selection import can_host, pick_columns, select_flags


def selected(**settings: Any) -> list[bool]:
    """Select from: a galaxy, a star, a faint one, a large one, one without moments, one without flux."""
    columns = {
        "ra": np.zeros(6),
        "dec": np.zeros(6),
        "extendedness": np.array([1.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
        "point_flux": np.array([50.0, 50.0, 9.0, 50.0, 50.0, 50.0]),
        "point_flux_error": np.ones(6),
        "flux": np.array([9.0, 9.0, 9.0, 9.0, 9.0, -1.0]),
    }
    xx = np.array([4.0, 4.0, 4.0, 1e4, np.nan, 4.0])
    return can_host(columns, (xx, np.full(6, 2.0), np.zeros(6)), GalaxyHostCatalogConfig(**settings)).tolist()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [True, False, False, False, False, False]),
        ({"doSelectExtended": False}, [True, True, False, False, False, False]),
        ({"minExtendedness": 0.0, "maxExtendedness": 0.5}, [False, True, False, False, False, False]),
        ({"minSnr": 5.0, "maxSemiMajor": 200.0}, [True, False, True, True, False, False]),
        # On the host itself, its shape does not matter.
        ({"offsetLaw": "none"}, [True, False, False, True, True, False]),
        ({"offsetLaw": "none", "mode": "coherent"}, [True, False, False, False, False, False]),
    ],
)
def test_selection(settings: dict[str, Any], expected: list[bool]) -> None:
    assert selected(**settings) == expected


def test_hosts_must_be_wider_than_the_psf_along_both_axes() -> None:
    """Select from: a round galaxy, a pair of stars, a galaxy where the PSF is unknown."""
    size = np.array([6.0, 12.0, 6.0])
    columns = {
        **{name: np.full(3, 50.0) for name in ("ra", "dec", "point_flux", "flux")},
        **{name: np.ones(3) for name in ("extendedness", "point_flux_error")},
        "psf_ixx": np.array([4.0, 4.0, np.nan]),
        "psf_iyy": np.full(3, 4.0),
        "psf_ixy": np.zeros(3),
    }
    moments = (size, np.array([6.0, 4.1, 6.0]), np.zeros(3))
    selected = can_host(columns, moments, GalaxyHostCatalogConfig(minSizeRatio=1.1))
    assert selected.tolist() == [True, False, False]


def test_moments_of_the_psf_are_read_only_if_needed() -> None:
    assert "psf_ixx" not in GalaxyHostCatalogConfig().source_quantities()
    assert "psf_ixx" in GalaxyHostCatalogConfig(minSizeRatio=1.1).source_quantities()
    assert "psf_ixx" not in GalaxyHostCatalogConfig(minSizeRatio=1.1, doObjectHosts=True).source_quantities()
    assert "extendedness" not in GalaxyHostCatalogConfig(doSelectExtended=False).source_quantities()


def test_columns_by_configured_names() -> None:
    table = Table({"number": [2**62 + 1], "alpha": np.array([1], dtype="f4")})
    columns = pick_columns(table, {"id": "number", "ra": "alpha"}, "table")
    assert columns["id"].tolist() == [2**62 + 1]
    assert columns["ra"].dtype == np.float64
    with pytest.raises(TableSchemaError, match=r"source table of visit 3 has no columns \['delta', 'x'\]"):
        pick_columns(table, {"dec": "delta", "ra": "alpha", "x": "x"}, "source table of visit 3")


def test_flags() -> None:
    table = Table({"bad": [True, False, False], "good": [True, True, False]})
    passes, absent = select_flags(table, ["bad", "worse"], ["good", "best"])
    assert passes.tolist() == [False, True, False]
    assert absent == ["worse", "best"]
