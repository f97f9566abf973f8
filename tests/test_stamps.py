# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of stamps: every pixel where it belongs, at any edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsst.transient.bogus.stamps import (
    FLAG_DOCS,
    CutoutFlag,
    flag_bits,
    gather_stamps,
    has_masked_center,
    is_all_missing,
    stamp_grid,
)

X0, Y0 = 1024, 2310


def coded_plane(height: int, width: int) -> np.ndarray:
    """Return a plane whose pixels tell their parent coordinates: 10⁴ y + x."""
    y, x = np.mgrid[Y0 : Y0 + height, X0 : X0 + width]
    return (1e4 * y + x).astype(np.float64)


def gather(plane: np.ndarray, x: object, y: object, size: int) -> np.ndarray:
    grid = stamp_grid(x, y, size)
    out = np.zeros((len(grid), size, size), dtype=plane.dtype)
    gather_stamps(plane, grid, x0=X0, y0=Y0, out=out, fill=np.nan)
    return out


@pytest.mark.parametrize(("size", "first", "last"), [(30, -15, 14), (31, -15, 15), (51, -25, 25), (3, -1, 1)])
def test_centring_of_odd_and_even_stamps(size: int, first: int, last: int) -> None:
    plane = coded_plane(90, 70)
    stamp = gather(plane, [X0 + 33.2], [Y0 + 40.7], size)[0]
    # The nearest pixel is (33, 41), at index size // 2 of both axes.
    assert stamp[size // 2, size // 2] == 1e4 * (Y0 + 41) + X0 + 33
    assert stamp[0, 0] == 1e4 * (Y0 + 41 + first) + X0 + 33 + first
    assert stamp[-1, -1] == 1e4 * (Y0 + 41 + last) + X0 + 33 + last


@pytest.mark.parametrize(("x", "nearest"), [(40.49, 40), (40.5, 41), (39.5, 40), (-0.5, 0), (-0.51, -1)])
def test_halves_go_up(x: float, nearest: int) -> None:
    assert stamp_grid([x], [x], 5).x0[0] == nearest - 2
    assert stamp_grid([x], [x], 5).y0[0] == nearest - 2


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-60, 130), st.floats(-60, 150)), max_size=12),
    st.integers(3, 34),
)
def test_every_pixel_is_right_or_nan(offsets: list[tuple[float, float]], size: int) -> None:
    height, width = 90, 70
    plane = coded_plane(height, width)
    dx, dy = np.array(offsets, dtype=float).reshape(-1, 2).T
    stamps = gather(plane, X0 + dx, Y0 + dy, size)
    steps = np.arange(size) - size // 2
    x = np.floor(X0 + dx + 0.5)[:, np.newaxis] + steps
    y = np.floor(Y0 + dy + 0.5)[:, np.newaxis] + steps
    expected = 1e4 * y[:, :, np.newaxis] + x[:, np.newaxis, :]
    off_x, off_y = (x < X0) | (x >= X0 + width), (y < Y0) | (y >= Y0 + height)
    expected[off_y[:, :, np.newaxis] | off_x[:, np.newaxis, :]] = np.nan
    np.testing.assert_array_equal(stamps, expected)


def test_plane_smaller_than_a_stamp() -> None:
    plane = coded_plane(4, 6)
    stamp = gather(plane, [X0 + 3], [Y0 + 2], 9)[0]
    np.testing.assert_array_equal(stamp[2:6, 1:7], plane)
    assert np.isnan(stamp).sum() == 81 - 24


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_positions_that_are_nowhere(bad: float) -> None:
    stamps = gather(coded_plane(40, 40), [bad, X0 + 20.0, X0 + 20.0], [Y0 + 20.0, bad, Y0 + 20.0], 5)
    assert np.isnan(stamps[:2]).all()
    assert np.isfinite(stamps[2]).all()


def test_more_stamps_than_a_chunk_keep_their_order() -> None:
    rng = np.random.default_rng(1)
    x, y = X0 + rng.integers(0, 70, 1500), Y0 + rng.integers(0, 90, 1500)
    stamps = gather(coded_plane(90, 70), x, y, 5)
    np.testing.assert_array_equal(stamps[:, 2, 2], 1e4 * y + x)


def test_bytes_of_masks() -> None:
    mask = np.random.default_rng(2).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    grid = stamp_grid([X0 + 20, X0, np.nan], [Y0 + 25, Y0 + 49, Y0], 6)
    out = np.full((3, 6, 6, 3), 99, dtype=np.uint8)
    gather_stamps(mask, grid, x0=X0, y0=Y0, out=out, fill=0)
    np.testing.assert_array_equal(out[0], mask[22:28, 17:23])
    np.testing.assert_array_equal(out[1, :4, 3:], mask[46:, :3])
    assert not out[1, 4:].any()
    assert not out[1, :, :3].any()
    assert not out[2].any()


def test_no_stamps() -> None:
    assert gather(coded_plane(40, 40), [], [], 5).shape == (0, 5, 5)


def test_all_missing_looks_beyond_the_centre() -> None:
    stamps = np.full((3, 2, 7, 7), np.nan, dtype=np.float32)
    stamps[1, 0, 0, 0] = 1.0
    stamps[2] = 1.0
    stamps[2, 1, 3, 3] = np.inf
    assert is_all_missing(stamps).tolist() == [[True, True], [False, True], [False, False]]


@pytest.mark.parametrize(("size", "inside"), [(30, (14, 16)), (5, (1, 3)), (3, (0, 2))])
def test_masked_center_is_three_by_three(size: int, inside: tuple[int, int]) -> None:
    for position in range(size):
        mask = np.zeros((1, 2, size, size), dtype=np.uint8)
        mask[0, 1, position, size // 2] = 4
        assert has_masked_center(mask, 4)[0] == (inside[0] <= position <= inside[1])
        assert not has_masked_center(mask, 3)[0]


def test_flags_are_distinct_and_documented() -> None:
    bits = flag_bits()
    assert len(set(bits.values())) == len(bits) == len(CutoutFlag)
    assert sum(bits.values()) == 2 ** len(bits) - 1
    assert set(FLAG_DOCS) == set(CutoutFlag)
