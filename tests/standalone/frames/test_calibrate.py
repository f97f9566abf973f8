# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the calibration of pixels, against what was put in."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from lsst.transient.bogus.standalone.frames.calibrate import calibrate, crowded_sky
from lsst.transient.bogus.standalone.frames.read import Frame
from lsst.transient.bogus.standalone.frames.settings import FrameSettings

FRAME = Frame(
    path=Path("a.fits"),
    visit=1,
    day_obs=20130727,
    detector=0,
    physical_filter="r",
    band="r",
    mjd_begin=56500.9,
    exposure_time=60.0,
    zero_point=28.9,
    gain=2.0,
    read_noise=6.0,
    saturation=1000.0,
    sky_level=100.0,
    fwhm=3.5,
    target="field",
    shape=(64, 80),
    pixel_scale=0.36,
    corners=(),
    pixel_hash="",
)
SETTINGS = FrameSettings(sky_subtract=False, saturation_grow=0)


def test_flux_and_variance() -> None:
    pixels = np.zeros(FRAME.shape, dtype=np.float32)
    pixels[10, 20] = 50.0
    calibrated = calibrate(pixels, FRAME, SETTINGS)
    # 28.9 is 2.5 mag below 31.4: one unit is 10 nJy.
    assert calibrated.image[10, 20] == pytest.approx(500.0)
    # Electrons: sky 200, read noise squared 36, star 100; 1 unit² is 4 e² and 100 nJy².
    assert calibrated.variance[0, 0] == pytest.approx((200 + 36) / 4 * 100)
    assert calibrated.variance[10, 20] == pytest.approx((200 + 36 + 100) / 4 * 100)


def test_noise_is_as_expected() -> None:
    rng = np.random.default_rng(3)
    electrons = rng.poisson(700 * FRAME.gain, (200, 300)) + rng.normal(0, FRAME.read_noise, (200, 300))
    frame = dataclasses.replace(FRAME, sky_level=0.0)
    settings = dataclasses.replace(SETTINGS, sky_subtract=True)
    calibrated = calibrate(electrons / FRAME.gain, frame, settings)
    assert calibrated.sky == pytest.approx(700.0, abs=1.0)
    assert calibrated.noise_ratio == pytest.approx(1.0, abs=0.03)
    assert np.std(calibrated.image / np.sqrt(calibrated.variance)) == pytest.approx(1.0, abs=0.03)


def test_masks() -> None:
    pixels = np.ones(FRAME.shape, dtype=np.float32)
    pixels[5, 6] = np.nan
    pixels[30, 40] = 2000.0
    pixels[50, :] = -99.0
    settings = dataclasses.replace(SETTINGS, no_data_value=-99.0, saturation_grow=1)
    calibrated = calibrate(pixels, FRAME, settings)
    no_data = np.isnan(pixels) | (pixels == -99.0)
    assert np.array_equal(calibrated.masks["NO_DATA"], no_data)
    assert np.array_equal(calibrated.masks["BAD"], no_data)
    assert np.argwhere(calibrated.masks["SATURATED"]).tolist() == [
        [29, 40],
        [30, 39],
        [30, 40],
        [30, 41],
        [31, 40],
    ]
    assert np.all(calibrated.image[no_data] == 0)
    assert np.all(calibrated.variance > 0)


def test_integer_pixels_do_not_wrap() -> None:
    pixels = np.full(FRAME.shape, 500, dtype=np.uint16)
    pixels[3, 3] = 400
    settings = dataclasses.replace(SETTINGS, sky_subtract=True)
    assert calibrate(pixels, FRAME, settings).image[3, 3] == pytest.approx(-1000.0)


def test_frame_without_noise_has_variance() -> None:
    frame = dataclasses.replace(FRAME, sky_level=0.0, read_noise=0.0)
    assert np.all(calibrate(np.zeros(FRAME.shape), frame, SETTINGS).variance > 0)


def test_sky_below_overlapping_stars() -> None:
    rng = np.random.default_rng(5)
    sky = np.broadcast_to(500.0 + 0.2 * np.arange(256), (256, 256))
    points = np.zeros(sky.shape)
    rows, columns = rng.integers(0, 256, (2, 2500))
    np.add.at(points, (rows, columns), 2000.0 * rng.pareto(1.2, 2500))
    image = sky + gaussian_filter(points, 2.0)
    pixels = image + rng.normal(0, 1, image.shape) * np.sqrt(image / 2.0)
    sigma = np.sqrt(600.0 / 2.0)
    median_error = np.median(pixels - sky) / sigma
    assert median_error > 2.0
    found = crowded_sky(pixels, np.zeros(pixels.shape, dtype=bool), mesh=64, gain=2.0, read_noise=0.0)
    error = (found - sky)[32:-32, 32:-32] / sigma
    # In a few pixels only does nothing but the sky shine.
    assert 0.0 < np.median(error) < 0.3 * median_error
    assert np.std(error) < 0.3


def test_crowded_sky_without_stars_is_the_median() -> None:
    pixels = np.random.default_rng(7).normal(1000.0, np.sqrt(500.0), (128, 128))
    found = crowded_sky(pixels, np.zeros(pixels.shape, dtype=bool), mesh=64, gain=2.0, read_noise=0.0)
    assert np.abs(np.median(found) - 1000.0) < 3.0


def test_crowded_sky_where_nothing_is_usable() -> None:
    unusable = np.ones((64, 64), dtype=bool)
    unusable[0, :5] = False
    assert np.all(crowded_sky(np.full((64, 64), 7.0), unusable, mesh=32, gain=1.0, read_noise=1.0) == 7.0)
