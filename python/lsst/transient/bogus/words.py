# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tensor columns as rows of 64-bit words, which Parquet writes and reads several times faster.

The time that a list column takes grows with its number of elements, whatever their size.
Eight bytes for each element are the most there are: two float32 pixels, or eight mask bytes.
Nothing is rounded.
"""

from __future__ import annotations

__all__ = ("pack_tensors", "unpack_tensors")

import math
from collections.abc import Iterable

import numpy as np
from astropy.table import Table

_KEY = "TENSORS"
_WORD = 8


def pack_tensors(table: Table, names: Iterable[str]) -> Table:
    """Replace tensor columns by rows of words.

    Parameters
    ----------
    table
        Table with N rows.
    names
        Tensor columns, shape (N, ...).

    Returns
    -------
    packed : `astropy.table.Table`
        The same table with ``ceil(bytes per row / 8)`` int64 words in each row of
        these columns, and their dtypes and shapes in the metadata (``TENSORS``).
        Units and descriptions stay.
    """
    packed = table.copy(copy_data=False)
    tensors = {}
    for name in names:
        values = np.asarray(table[name])
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        cell = values.shape[1:]
        n_bytes = math.prod(cell) * values.dtype.itemsize
        words = np.zeros((len(table), -(-n_bytes // _WORD)), dtype="<i8")
        words.view(np.uint8)[:, :n_bytes] = little.reshape(len(table), math.prod(cell)).view(np.uint8)
        packed.replace_column(name, type(table[name])(words, name=name))
        packed[name].unit, packed[name].description = table[name].unit, table[name].description
        tensors[name] = {"dtype": little.dtype.str, "shape": list(cell)}
    packed.meta[_KEY] = tensors
    return packed


def unpack_tensors(table: Table) -> Table:
    """Give tensor columns that are stored as words their dtype and shape again.

    Parameters
    ----------
    table
        Table as `pack_tensors` made it, or any other.

    Returns
    -------
    unpacked : `astropy.table.Table`
        The table of tensors, which share the memory of the words where these have
        no padding; ``table`` itself if nothing in it is packed.
    """
    tensors = table.meta.get(_KEY)
    if not tensors:
        return table
    unpacked = table.copy(copy_data=False)
    del unpacked.meta[_KEY]
    for name in set(tensors) & set(table.colnames):
        dtype, cell = np.dtype(tensors[name]["dtype"]), tensors[name]["shape"]
        words = np.ascontiguousarray(table[name], dtype="<i8")
        used = words.view(np.uint8)[:, : math.prod(cell) * dtype.itemsize]
        values = np.ascontiguousarray(used).view(dtype).reshape(len(table), *cell)
        column = type(table[name])(values, name=name, copy=False)
        column.unit, column.description = table[name].unit, table[name].description
        unpacked.replace_column(name, column, copy=False)
    return unpacked
