# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the fitted map between pixels and sky."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.wcs import WCS, Sip

from lsst.transient.bogus.errors import AstrometryFitError
from lsst.transient.bogus.geometry import SkyMap, fit_sky_map
from lsst.transient.bogus.sphere import position_angle, separation_arcsec

BOX = (1024.0, 2310.0, 5120.0, 6406.0)


def distorted_wcs(ra: float, dec: float, rotation: float, parity: int = -1) -> WCS:
    """Return a rotated projection, far off axis, with 20 pixels of cubic distortion."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [-3000.0, 9000.0]
    cosine, sine = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    wcs.wcs.cd = 0.2 / 3600 * np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([parity, 1])
    a, b, none = np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((4, 4))
    a[3, 0] = a[1, 2] = b[0, 3] = b[2, 1] = 4e-11
    a[2, 0] = 1e-7
    wcs.sip = Sip(a, b, none, none, wcs.wcs.crpix)
    return wcs


def catalogue(wcs: WCS, n: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(BOX[0], BOX[2], n), rng.uniform(BOX[1], BOX[3], n)
    return x, y, *wcs.all_pix2world(x, y, 0)


@pytest.mark.parametrize("n_sources", [40, 3000])
@pytest.mark.parametrize("parity", [-1, 1])
@pytest.mark.parametrize(
    ("ra", "dec", "rotation"),
    [(0.001, -32.0, 33.0), (359.9, 89.9, 120.0), (85.0, -89.99, 0.0), (180.0, 0.0, 271.0)],
)
def test_accuracy_against_the_exact_projection(
    ra: float, dec: float, rotation: float, parity: int, n_sources: int
) -> None:
    wcs = distorted_wcs(ra, dec, rotation, parity)
    sky_map = fit_sky_map(*catalogue(wcs, n_sources, seed=1))
    # New positions, corners included.
    x, y, ra_true, dec_true = catalogue(wcs, 500, seed=2)
    x[:4], y[:4] = [BOX[0], BOX[2], BOX[0], BOX[2]], [BOX[1], BOX[1], BOX[3], BOX[3]]
    ra_true, dec_true = wcs.all_pix2world(x, y, 0)
    assert separation_arcsec(*sky_map.pixel_to_sky(x, y), ra_true, dec_true).max() < 0.02 * 0.2
    x_back, y_back = sky_map.sky_to_pixel(ra_true, dec_true)
    assert np.hypot(x_back - x, y_back - y).max() < 0.02
    assert sky_map.rms_pixel < 0.02


def test_the_two_directions_are_inverse() -> None:
    sky_map = fit_sky_map(*catalogue(distorted_wcs(0.0, 70.0, 45.0), 200, seed=3))
    x, y, *_ = catalogue(distorted_wcs(0.0, 70.0, 45.0), 100, seed=4)
    x_back, y_back = sky_map.sky_to_pixel(*sky_map.pixel_to_sky(x, y))
    np.testing.assert_allclose([x_back, y_back], [x, y], atol=1e-6)


def test_scalars_and_far_side() -> None:
    sky_map = fit_sky_map(*catalogue(distorted_wcs(10.0, 20.0, 0.0), 100, seed=3))
    ra, dec = sky_map.pixel_to_sky(2000.0, 3000.0)
    assert np.ndim(ra) == np.ndim(dec) == 0
    assert np.isnan(sky_map.sky_to_pixel(np.array([190.0]), np.array([-20.0]))[0]).all()
    assert np.isnan(sky_map.sky_to_pixel(np.array([np.nan]), np.array([0.0]))[0]).all()


def test_jacobian_gives_local_directions_at_the_pole() -> None:
    wcs = distorted_wcs(0.0, 89.6, 77.0)
    sky_map = fit_sky_map(*catalogue(wcs, 400, seed=5))
    x, y, ra, dec = catalogue(wcs, 50, seed=6)
    for dx, dy in ((1.0, 0.0), (0.0, 1.0), (0.6, -0.8)):
        step = sky_map.jacobian(x, y) @ np.array([dx, dy])
        ra_next, dec_next = wcs.all_pix2world(x + 0.1 * dx, y + 0.1 * dy, 0)
        expected = position_angle(ra, dec, ra_next, dec_next)
        angle = np.degrees(np.arctan2(step[:, 0], step[:, 1]))
        np.testing.assert_allclose((angle - expected + 180) % 360 - 180, 0.0, atol=0.02)
        length = separation_arcsec(ra, dec, ra_next, dec_next) / 0.1
        np.testing.assert_allclose(np.hypot(*step.T), length, rtol=1e-4)


def test_pixel_scale_is_that_of_the_projection() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [10.0, 0.0], [3073.0, 4359.0]
    wcs.wcs.cdelt = [-0.31 / 3600, 0.31 / 3600]
    assert fit_sky_map(*catalogue(wcs, 100, seed=1)).pixel_scale == pytest.approx(0.31, rel=1e-6)


def test_outliers_and_missing_values_are_left_out() -> None:
    wcs = distorted_wcs(0.0, -20.0, 10.0)
    x, y, ra, dec = catalogue(wcs, 300, seed=7)
    rng = np.random.default_rng(8)
    ra[:15] += rng.uniform(-0.1, 0.1, 15)
    dec[15:20] = np.nan
    x[20:25] = np.inf
    sky_map = fit_sky_map(x, y, ra, dec)
    assert sky_map.n_used == 275
    assert separation_arcsec(*sky_map.pixel_to_sky(x[25:], y[25:]), ra[25:], dec[25:]).max() < 0.004


def test_large_residual_is_an_error_with_the_rms() -> None:
    x, y, ra, dec = catalogue(distorted_wcs(0.0, -20.0, 10.0), 300, seed=7)
    x += np.random.default_rng(9).normal(0.0, 0.5, 300)
    with pytest.raises(AstrometryFitError, match="visit 7, detector 3") as caught:
        fit_sky_map(x, y, ra, dec, max_rms_pixel=0.1, where="visit 7, detector 3")
    assert caught.value.metadata["rms_pixel"] == pytest.approx(0.5, rel=0.15)
    assert caught.value.metadata["limit_pixel"] == 0.1


def test_two_mixed_up_projections_are_an_error() -> None:
    one = catalogue(distorted_wcs(0.0, -20.0, 10.0), 200, seed=1)
    other = catalogue(distorted_wcs(0.02, -20.0, 10.0), 100, seed=2)
    with pytest.raises(AstrometryFitError):
        fit_sky_map(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))


@pytest.mark.parametrize("n_sources", [0, 5])
def test_too_few_sources_are_an_error(n_sources: int) -> None:
    with pytest.raises(AstrometryFitError, match=f"{n_sources} source"):
        fit_sky_map(*catalogue(distorted_wcs(0.0, 0.0, 0.0), n_sources, seed=1))


def test_order_falls_with_the_number_of_sources() -> None:
    def order(n: int) -> int:
        sky_map: SkyMap = fit_sky_map(*catalogue(distorted_wcs(0.0, 0.0, 0.0), n, seed=1), max_rms_pixel=50.0)
        return sky_map.order

    assert [order(n) for n in (6, 12, 20)] == [1, 2, 3]
