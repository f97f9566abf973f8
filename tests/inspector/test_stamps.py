# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of grey stamps and their compressed images."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lsst.transient.bogus.inspector.stamps import display_stamps, make_atlases


def test_grey_levels_follow_signal_to_noise():
    image = np.zeros((1, 1, 5, 5))
    image[0, 0, 0] = [-80.0, -10.0, 0.0, 10.0, 600.0]
    image[0, 0, 1, 0] = np.nan
    grey = display_stamps(image + 1000.0, np.full(image.shape, 100.0))[0, 0]
    # -8 sigma is the lowest level, 60 sigma the highest, 0 is for no data.
    assert grey[0, 0] == 1
    assert grey[0, 4] == 255
    assert grey[1, 0] == 0
    zero = 1 + round(254 * np.arcsinh(8 / 3) / (np.arcsinh(8 / 3) + np.arcsinh(20)))
    assert grey[0, 2] == pytest.approx(zero, abs=1)
    assert (np.diff(grey[0].astype(int)) > 0).all()


def test_noise_is_measured_without_a_variance():
    image = np.random.default_rng(0).normal(50.0, 7.0, (2, 1, 30, 30))
    np.testing.assert_allclose(
        display_stamps(image, None).astype(int),
        display_stamps(image, np.full(image.shape, 49.0)).astype(int),
        atol=4,
    )


def test_stamps_without_data_are_black():
    assert not display_stamps(np.full((2, 3, 4, 4), np.nan), None).any()
    assert display_stamps(np.zeros((0, 3, 4, 4)), None).shape == (0, 3, 4, 4)


def test_atlas_holds_each_stamp_at_its_place():
    stamps = np.random.default_rng(1).integers(0, 256, (100, 2, 20, 20)).astype(np.uint8)
    # Smooth stamps survive the compression.
    stamps = np.broadcast_to(stamps.mean(axis=(2, 3), keepdims=True), stamps.shape).astype(np.uint8)
    stamps = (stamps + np.arange(100)[:, None, None, None]).astype(np.uint8)
    (atlas,) = make_atlases(stamps, max_bytes=10**7)
    picture = np.asarray(Image.open(io.BytesIO(atlas.webp)).convert("L"))
    for i in (0, 57, 99):
        row, column = divmod(i, atlas.columns)
        for channel in range(2):
            x = (column * 2 + channel) * atlas.pitch
            found = picture[row * atlas.pitch :, x:][:20, :20]
            np.testing.assert_allclose(found.astype(int), stamps[i, channel].astype(int), atol=6)


def test_quality_gives_way_to_size():
    stamps = np.random.default_rng(2).integers(0, 256, (2000, 1, 16, 16)).astype(np.uint8)
    sizes = [sum(len(a.webp) for a in make_atlases(stamps, max_bytes=limit)) for limit in (10**7, 200_000)]
    assert sizes[1] < 0.6 * sizes[0]
    assert make_atlases(stamps[:0], max_bytes=1) == []
