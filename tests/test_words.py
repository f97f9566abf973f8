# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of tensor columns stored as words."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from lsst.transient.bogus.words import pack_tensors, unpack_tensors


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 4),
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.sampled_from(["f4", "u1", "i2", "f8", ">f4"]),
)
def test_every_bit_comes_back(n: int, cell: list[int], dtype: str) -> None:
    rng = np.random.default_rng(n)
    size = int(np.prod(cell)) * np.dtype(dtype).itemsize
    values = rng.integers(0, 256, (n, size), dtype=np.uint8).view(dtype).reshape(n, *cell)
    packed = pack_tensors(Table({"id": np.arange(n), "t": values}), ["t"])
    assert packed["t"].dtype == np.int64
    assert packed["t"].shape == (n, (size + 7) // 8)
    back = unpack_tensors(packed)
    assert back["t"].shape == values.shape
    little = values.astype(values.dtype.newbyteorder("<"))
    assert np.asarray(back["t"]).tobytes() == little.tobytes()


def test_two_pixels_are_a_word() -> None:
    """The layout on disk: little-endian, in the order of memory."""
    table = Table({"t": np.array([[[1.0, -2.0]]], dtype=np.float32)})
    (word,) = np.asarray(pack_tensors(table, ["t"])["t"][0])
    assert word == (0xC0000000 << 32 | 0x3F800000) - 2**64


def test_the_rest_of_the_table_stays() -> None:
    table = Table({"id": [3, 4], "image": np.ones((2, 3)), "x": [1.0, 2.0]}, meta={"CHANNELS": ["a"]})
    table["image"].unit, table["image"].description = "nJy", "Pixels."
    packed = pack_tensors(table, ["image"])
    back = unpack_tensors(packed)
    assert "TENSORS" not in table.meta
    for other in (packed, back):
        assert other.colnames == table.colnames
        assert (other["image"].unit, other["image"].description) == (u.nJy, "Pixels.")
        assert other.meta["CHANNELS"] == ["a"]
        assert other["id"].tolist() == [3, 4]
    assert back.meta == table.meta
    assert unpack_tensors(back) is back


def test_a_part_of_the_columns() -> None:
    table = Table({"id": [3, 4], "image": np.ones((2, 3)), "mask": np.ones((2, 3), dtype=np.uint8)})
    packed = pack_tensors(table, ["image", "mask"])
    packed.remove_column("image")
    back = unpack_tensors(packed)
    assert back.colnames == ["id", "mask"]
    np.testing.assert_array_equal(back["mask"], table["mask"])


def test_tensors_share_the_memory_of_words_without_padding() -> None:
    packed = pack_tensors(Table({"t": np.ones((2, 4), dtype=np.float32)}), ["t"])
    assert np.shares_memory(np.asarray(unpack_tensors(packed)["t"]), np.asarray(packed["t"]))


@pytest.mark.parametrize("name", ["id", "t"])
def test_no_rows(name: str) -> None:
    table = Table({"id": np.zeros(0, dtype=np.int64), "t": np.zeros((0, 2, 3), dtype=np.float32)})
    back = unpack_tensors(pack_tensors(table, ["t"]))
    assert back[name].shape == table[name].shape
    assert back[name].dtype == table[name].dtype
