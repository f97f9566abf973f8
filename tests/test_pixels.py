# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the boundary to `lsst.images`."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest

from lsst.images import Box, Image, Mask, MaskPlane, MaskSchema
from lsst.transient.bogus.pixels import condense, image_plane, mask_bytes, mask_plane, mask_table

BOX = Box.factory[20:24, 10:17]


def image(unit: u.UnitBase | None) -> Image:
    return Image(np.arange(28, dtype=np.float64).reshape(4, 7), bbox=BOX, unit=unit)


def mask(n_planes: int = 20) -> Mask:
    """Return a mask in which pixel (y, x) = (20 + i, 11) has plane i, and another all."""
    result = Mask(0, schema=MaskSchema([MaskPlane(f"P{i}", "plane") for i in range(n_planes)]), bbox=BOX)
    for i in range(n_planes):
        pixels = np.zeros((4, 7), dtype=bool)
        pixels[3, 6] = True
        if i < 4:
            pixels[i, 1] = True
        result.set(f"P{i}", pixels)
    return result


def test_origin_and_unit() -> None:
    plane = image_plane(image(u.nJy))
    assert (plane.x0, plane.y0, plane.unit) == (10, 20, "nJy")
    assert plane.array.dtype == np.float32
    assert plane.array[2, 3] == 17.0


@pytest.mark.parametrize(
    ("own", "wanted", "factor", "expected"),
    [
        (u.uJy, "nJy", 1e3, "nJy"),
        (u.uJy**2, "nJy2", 1e6, "nJy2"),
        (u.electron, "nJy", 1.0, "electron"),
        (None, "nJy", 1.0, ""),
        (u.nJy, None, 1.0, "nJy"),
    ],
)
def test_units(own: u.UnitBase | None, wanted: str | None, factor: float, expected: str) -> None:
    plane = image_plane(image(own), unit=wanted)
    assert plane.unit == expected
    np.testing.assert_allclose(plane.array.ravel(), factor * np.arange(28), rtol=1e-6)


def test_mask_bits_by_name() -> None:
    plane, absent = mask_plane(
        mask(), {"LOW": ["P0", "P2"], "HIGH": ["P17"], "NONE": ["Q"], "P3": ["P3", "R"]}
    )
    assert absent == {"Q", "R"}
    assert (plane.x0, plane.y0) == (10, 20)
    assert plane.array.dtype == np.uint8
    assert plane.array[:, 1].tolist() == [1, 0, 1, 8]
    assert plane.array[3, 6] == 1 | 2 | 8
    assert np.count_nonzero(plane.array) == 4


def test_condensing_a_part_equals_condensing_the_whole() -> None:
    bits = {"A": ["P1", "P9"], "B": ["P16"]}
    table, _ = mask_table(mask(), bits)
    part = condense(mask_bytes(mask())[1:3, 4:], table)
    np.testing.assert_array_equal(part, mask_plane(mask(), bits)[0].array[1:3, 4:])


def test_no_bits() -> None:
    plane, absent = mask_plane(mask(), {})
    assert not plane.array.any()
    assert absent == frozenset()


def test_more_bits_than_a_byte() -> None:
    with pytest.raises(ValueError, match="At most 8"):
        mask_plane(mask(), {str(i): ["P0"] for i in range(9)})
