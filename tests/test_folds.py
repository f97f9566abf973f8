# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of cross-validation folds by sky tile."""

from __future__ import annotations

import subprocess
import sys

import hpgeom
import numpy as np
import pytest

from lsst.transient.bogus.folds import sky_tiles, tile_folds


def test_tiles_are_healpix_pixels() -> None:
    ra, dec = hpgeom.pixel_to_angle(64, np.arange(100, 200), nest=True)
    assert sky_tiles(ra, dec, nside=64).tolist() == list(range(100, 200))
    assert sky_tiles(ra - 360.0, dec, nside=64).tolist() == list(range(100, 200))
    assert sky_tiles([10.0, 20.0], [90.0, -90.0], nside=64).dtype == np.int64


def test_missing_positions_have_no_tile_and_no_fold() -> None:
    tiles = sky_tiles([np.nan, 10.0], [0.0, np.inf], nside=64)
    assert tiles.tolist() == [-1, -1]
    assert tile_folds(tiles, n_folds=3, seed=0).tolist() == [-1, -1]
    assert len(tile_folds(sky_tiles([], [], nside=8), n_folds=3, seed=0)) == 0


@pytest.mark.parametrize("n_folds", [2, 3, 5, 7])
def test_folds_are_balanced_even_in_a_small_field(n_folds: int) -> None:
    blocks = np.random.default_rng(n_folds).choice(hpgeom.nside_to_npixel(2048) // 16, 6, replace=False)
    tiles = (16 * blocks[:, np.newaxis] + np.arange(16)).ravel()
    counts = np.bincount(tile_folds(tiles, n_folds=n_folds, seed=1), minlength=n_folds)
    assert counts.min() >= 6 * (16 // n_folds)
    assert counts.max() <= 6 * (16 // n_folds + 1)


def test_folds_start_at_random() -> None:
    tiles = 16 * np.arange(5000)
    counts = np.bincount(tile_folds(tiles, n_folds=5, seed=3), minlength=5)
    assert np.all(np.abs(counts - 1000) < 5 * np.sqrt(800))
    other = tile_folds(tiles, n_folds=5, seed=4)
    assert np.mean(other == tile_folds(tiles, n_folds=5, seed=3)) == pytest.approx(0.2, abs=0.03)


def test_same_in_another_process() -> None:
    code = (
        "import numpy as np\nfrom lsst.transient.bogus.folds import tile_folds\n"
        "print(*tile_folds(np.arange(0, 10**6, 31337), n_folds=5, seed=7))"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    here = tile_folds(np.arange(0, 10**6, 31337), n_folds=5, seed=7)
    assert [int(fold) for fold in result.stdout.split()] == here.tolist()


def test_one_place_has_one_fold() -> None:
    rng = np.random.default_rng(5)
    ra, dec = rng.uniform(0, 360, 200), np.degrees(np.arcsin(rng.uniform(-1, 1, 200)))
    tiles = sky_tiles(ra, dec, nside=1024)
    again = sky_tiles(ra + 360.0, dec, nside=1024)
    assert np.mean(tiles == again) == 1.0
