# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of injections drawn for a whole detector."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lsst.transient.bogus.geometry import SkyMap, fit_sky_map
from lsst.transient.bogus.host_injections import HostSources, InjectionLaws, draw_hosted, draw_hostless

N = 500


def sky_map() -> SkyMap:
    x, y = np.random.default_rng(1).uniform(0, 1000, (2, 100))
    return fit_sky_map(x, y, 10.0 - x * 1e-4, 1e-4 * y)


def sources() -> HostSources:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(100, 900, (2, N))
    ra, dec = sky_map().pixel_to_sky(x, y)
    return HostSources(
        ids=np.arange(1, N + 1),
        ra=ra,
        dec=dec,
        x=x,
        y=y,
        ixx=np.full(N, 16.0),
        iyy=np.full(N, 4.0),
        ixy=np.zeros(N),
        magnitude=rng.uniform(18, 24, N),
        point_flux_error=100.0,
    )


def test_hosted_injections_lie_along_the_major_axis() -> None:
    table, hosts = sources(), np.arange(0, N, 2)
    drawn = draw_hosted(
        table, hosts, sky_map(), InjectionLaws(offset="elliptical_normal"), np.random.default_rng(3)
    )
    assert stats.kstest((drawn["x"] - table.x[hosts]) / 4.0, stats.norm.cdf).pvalue > 1e-3
    assert stats.kstest((drawn["y"] - table.y[hosts]) / 2.0, stats.norm.cdf).pvalue > 1e-3
    np.testing.assert_array_equal(drawn["host_id"], table.ids[hosts])
    # x runs west: the major axis lies east–west.
    np.testing.assert_allclose(drawn["host_pa"], 90.0, atol=0.01)
    np.testing.assert_allclose(drawn["host_semi_major"], 4 * 0.36, rtol=1e-3)
    np.testing.assert_allclose(drawn["host_semi_minor"], 2 * 0.36, rtol=1e-3)


def test_magnitudes_follow_the_law() -> None:
    laws = InjectionLaws(magnitude="snr_uniform", snr=(5.0, 10.0))
    drawn = draw_hosted(sources(), np.arange(N), sky_map(), laws, np.random.default_rng(4))
    snr = 10 ** (-0.4 * (drawn["mag"] - 31.4)) / 100.0
    assert stats.kstest(snr, stats.uniform(5.0, 5.0).cdf).pvalue > 1e-3


def test_pooled_magnitudes_are_those_of_hosted_injections() -> None:
    table, everything = sources(), np.arange(N)
    box = (0.0, 0.0, 999.0, 999.0)
    laws = InjectionLaws()
    hosted = draw_hosted(table, everything, sky_map(), laws, np.random.default_rng(5))
    free = draw_hostless(table, everything, 2000, box, 20.0, laws, np.random.default_rng(6))
    assert stats.ks_2samp(hosted["mag"], free["mag"]).pvalue > 1e-3
    assert np.isnan(free["host_pa"]).all()
    assert set(hosted) == set(free)


@pytest.mark.parametrize("law", ["pooled", "uniform"])
def test_without_galaxies_magnitudes_are_uniform(law: str) -> None:
    laws = InjectionLaws(hostless_magnitude=law, hostless_range=(20.0, 22.0))
    none = np.zeros(0, dtype=np.int64)
    free = draw_hostless(sources(), none, 800, (0.0, 0.0, 9.0, 9.0), 0.0, laws, np.random.default_rng(7))
    assert stats.kstest(free["mag"], stats.uniform(20.0, 2.0).cdf).pvalue > 1e-3


def test_box_smaller_than_its_margins() -> None:
    none = np.zeros(0, dtype=np.int64)
    rng = np.random.default_rng(8)
    free = draw_hostless(sources(), none, 50, (10.0, 20.0, 30.0, 100.0), 25.0, InjectionLaws(), rng)
    np.testing.assert_allclose(free["x"], 20.0)
    assert free["y"].min() >= 45.0
    assert free["y"].max() <= 75.0
