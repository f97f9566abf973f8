# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of injected events that all visits share."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.wcs import WCS
from scipy import stats

from lsst.transient.bogus.event_injections import Movers, draw_coherent, draw_moving
from lsst.transient.bogus.events import LightCurve
from lsst.transient.bogus.geometry import SkyMap, fit_sky_map
from lsst.transient.bogus.host_injections import HostSources
from lsst.transient.bogus.sphere import separation_arcsec

BOX = (0.0, 0.0, 2000.0, 2000.0)
N = 1500
CURVE = LightCurve(peak=(20.0, 24.0))


def visit_map(rotation: float, shift: float) -> SkyMap:
    """Return the map of a rotated, dithered visit."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = (
        ["RA---TAN", "DEC--TAN"],
        [0.0, -30.0],
        [1000.0, 1000.0 + shift],
    )
    cosine, sine = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    wcs.wcs.cd = 0.2 / 3600 * np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([-1, 1])
    x, y = np.random.default_rng(1).uniform(0, 2000, (2, 200))
    return fit_sky_map(x, y, *wcs.all_pix2world(x, y, 0))


def galaxies(sky_map: SkyMap, noise: float = 0.0) -> HostSources:
    """Return round galaxies at the same places on the sky, measured with noise."""
    rng = np.random.default_rng(2)
    ra, dec = visit_map(0.0, 0.0).pixel_to_sky(*rng.uniform(0, 2000, (2, N)))
    a = rng.uniform(3.0, 6.0, N)
    scatter = np.random.default_rng(int(1e6 * noise) + round(sky_map.pixel_to_sky(0.0, 0.0)[1] * 1e6) % 1000)
    x, y = sky_map.sky_to_pixel(ra, dec)
    size = a**2 * (1 + noise * scatter.normal(size=N))
    return HostSources(
        ids=np.arange(1, N + 1),
        ra=ra,
        dec=dec,
        x=x + noise * scatter.normal(size=N),
        y=y + noise * scatter.normal(size=N),
        ixx=size,
        iyy=size,
        ixy=np.zeros(N),
        magnitude=np.full(N, 21.0),
    )


def coherent(
    sky_map: SkyMap, table: HostSources, mjd: float = 60000.0, band: str = "r"
) -> dict[str, np.ndarray]:
    rows = np.flatnonzero(np.isfinite(table.x))
    return draw_coherent(table, rows, sky_map, BOX, CURVE, rate=0.5, faintest=26.0, mjd=mjd, band="r", seed=1)


def test_visits_draw_the_same_events() -> None:
    first_map, second_map = visit_map(0.0, 0.0), visit_map(120.0, 60.0)
    first = coherent(first_map, galaxies(first_map, noise=0.05))
    second = coherent(second_map, galaxies(second_map, noise=0.05))
    common, i, j = np.intersect1d(first["event_id"], second["event_id"], return_indices=True)
    assert len(common) > 100
    one = first_map.pixel_to_sky(first["x"][i], first["y"][i])
    other = second_map.pixel_to_sky(second["x"][j], second["y"][j])
    assert separation_arcsec(*one, *other).max() < 1e-3
    np.testing.assert_allclose(first["mag"][i], second["mag"][j])
    assert np.mean(first["host_id"][i] == second["host_id"][j]) > 0.97
    # Of the events on both detectors, noise of the hosts makes few be taken in one alone.
    x, y = second_map.sky_to_pixel(*first_map.pixel_to_sky(first["x"], first["y"]))
    on_both = (x > 20) & (x < 1980) & (y > 20) & (y < 1980)
    assert np.isin(first["event_id"][on_both], second["event_id"]).mean() > 0.93


def test_offsets_are_normal_with_the_moments_of_the_host() -> None:
    sky_map = visit_map(30.0, 0.0)
    table = galaxies(sky_map)
    # Isolated hosts alone: where two compete the nearer one wins.
    drawn = coherent(sky_map, table)
    host = drawn["host_id"] - 1
    separation = np.hypot(table.x[:, np.newaxis] - table.x, table.y[:, np.newaxis] - table.y)
    np.fill_diagonal(separation, np.inf)
    lonely = separation.min(axis=1)[host] > 45.0
    a = np.sqrt(table.ixx[host][lonely])
    for offset in ((drawn["x"] - table.x[host])[lonely] / a, (drawn["y"] - table.y[host])[lonely] / a):
        assert len(offset) > 50
        assert stats.kstest(offset, stats.norm.cdf).pvalue > 1e-3


def test_events_have_light_curves() -> None:
    sky_map = visit_map(0.0, 0.0)
    table = galaxies(sky_map)
    epochs = [coherent(sky_map, table, mjd=60000.0 + day) for day in (0.0, 3.0, 6.0)]
    common = set.intersection(*({*e["event_id"].tolist()} for e in epochs))
    assert len(common) > 50
    late = coherent(sky_map, table, mjd=60000.0 + 240.0)
    assert not set(late["event_id"].tolist()) & common
    assert len(late["event_id"]) == pytest.approx(len(epochs[0]["event_id"]), rel=0.35)
    assert np.all(late["mag"] <= 26.0)


def test_a_galaxy_has_one_supernova_at_a_time() -> None:
    sky_map = visit_map(0.0, 0.0)
    table = galaxies(sky_map)
    table.ixx[:], table.iyy[:] = 400.0, 400.0
    drawn = [coherent(sky_map, table, mjd=60000.0 + day) for day in (0.0, 20.0)]
    anchors = []
    for epoch in drawn:
        assert len(epoch["host_id"]) > 200
        assert len(np.unique(epoch["host_id"])) == len(epoch["host_id"])
        anchors.append(
            dict(zip(epoch["host_id"].tolist(), (epoch["event_id"] % (1 << 40)).tolist(), strict=True))
        )
    # It is the same anchor at both times.
    common = anchors[0].keys() & anchors[1].keys()
    assert len(common) > 100
    assert all(anchors[0][host] == anchors[1][host] for host in common)


def test_without_galaxies_there_are_no_events() -> None:
    sky_map = visit_map(0.0, 0.0)
    none = np.zeros(0, dtype=np.int64)
    drawn = draw_coherent(
        galaxies(sky_map), none, sky_map, BOX, CURVE, rate=0.5, faintest=26.0, mjd=6e4, band="r", seed=1
    )
    assert {len(column) for column in drawn.values()} == {0}


def test_objects_move_along_lines_at_their_speed() -> None:
    sky_map = visit_map(45.0, 0.0)
    movers = Movers(rate=0.01, speed=(5.0, 20.0), magnitude=(20.0, 22.0))
    epochs = [draw_moving(sky_map, BOX, movers, hours=h, night=60000, seed=1) for h in (-1.0, 0.0, 1.0)]
    ids = sorted(set.intersection(*({*e["event_id"].tolist()} for e in epochs)))
    assert len(ids) > 100
    rows = [np.searchsorted(e["event_id"], ids) for e in epochs]
    sky = [sky_map.pixel_to_sky(e["x"][r], e["y"][r]) for e, r in zip(epochs, rows, strict=True)]
    step = separation_arcsec(*sky[0], *sky[1])
    np.testing.assert_allclose(separation_arcsec(*sky[1], *sky[2]), step, rtol=1e-5)
    np.testing.assert_allclose(separation_arcsec(*sky[0], *sky[2]), 2 * step, rtol=1e-5)
    assert stats.kstest(step, stats.uniform(5.0, 15.0).cdf).pvalue > 1e-3
    np.testing.assert_array_equal(epochs[0]["mag"][rows[0]], epochs[2]["mag"][rows[2]])
    other_night = draw_moving(sky_map, BOX, movers, hours=0.0, night=60001, seed=1)
    assert not set(other_night["event_id"].tolist()) & set(ids)


def test_objects_stay_on_the_detector() -> None:
    sky_map = visit_map(0.0, 0.0)
    drawn = draw_moving(sky_map, BOX, Movers(rate=0.01, speed=(30.0, 40.0)), hours=5.0, night=3, seed=1)
    assert drawn["x"].min() >= 0.0
    assert drawn["x"].max() <= 2000.0
    expected = 0.01 * 0.3856 * 400.0**2
    assert len(drawn["x"]) == pytest.approx(expected, abs=5 * np.sqrt(expected))
