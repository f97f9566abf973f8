# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named tensors as an Arrow table: a row each, JSON in the schema metadata, no pickle."""

from __future__ import annotations

__all__ = ("content_digest", "from_arrow", "read_meta", "to_arrow")

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow
import torch

from ..errors import ModelFormatError

_KEY = b"transient_bogus"
_DTYPES = {"float32": torch.float32, "float64": torch.float64, "int64": torch.int64}
_SCHEMA = pyarrow.schema(
    [
        ("name", pyarrow.string()),
        ("dtype", pyarrow.string()),
        ("shape", pyarrow.list_(pyarrow.int64())),
        ("data", pyarrow.large_binary()),
    ]
)


def to_arrow(tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> pyarrow.Table:
    """Store tensors in a table.

    Parameters
    ----------
    tensors
        Tensors by name: float32, float64 or int64.
    meta
        JSON types.

    Returns
    -------
    table : `pyarrow.Table`
        Columns name, dtype, shape and data (little-endian, row-major bytes).
    """
    rows = [
        {
            "name": name,
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "data": np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes(),
        }
        for name, tensor in tensors.items()
    ]
    table = pyarrow.Table.from_pylist(rows, schema=_SCHEMA)
    return table.replace_schema_metadata({_KEY: json.dumps(meta, sort_keys=True)})


def from_arrow(table: pyarrow.Table) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what `to_arrow` made.

    Parameters
    ----------
    table
        Table.

    Returns
    -------
    tensors : `dict` [`str`, `torch.Tensor`]
        Tensors by name.
    meta : `dict`
        The metadata.

    Raises
    ------
    ModelFormatError
        Raised if the table is not one of tensors, or is damaged.
    """
    meta = read_meta(table)
    try:
        table.validate(full=True)
    except pyarrow.ArrowInvalid as error:
        raise ModelFormatError(f"The table of the stored model is damaged: {error}") from error
    tensors: dict[str, torch.Tensor] = {}
    for row in table.select(_SCHEMA.names).to_pylist():
        if row["name"] in tensors:
            raise ModelFormatError(f"The stored model is damaged: it has tensor {row['name']!r} twice.")
        tensors[row["name"]] = _tensor(row)
    return tensors, meta


def read_meta(table: pyarrow.Table) -> dict[str, Any]:
    """Read the metadata that `to_arrow` stored, without the tensors.

    Parameters
    ----------
    table
        Table.

    Returns
    -------
    meta : `dict`
        The metadata.

    Raises
    ------
    ModelFormatError
        Raised if the table is not one of tensors, or its metadata is damaged.
    """
    if not isinstance(table, pyarrow.Table):
        raise ModelFormatError(f"A stored model is an Arrow table; got {type(table).__name__}.")
    columns = [(field.name, field.type) for field in table.schema]
    if any([kind for name, kind in columns if name == field.name] != [field.type] for field in _SCHEMA):
        found = ", ".join(f"{name} ({kind})" for name, kind in columns)
        raise ModelFormatError(f"The table is not a stored model: its columns are {found}.")
    text = (table.schema.metadata or {}).get(_KEY)
    if text is None:
        raise ModelFormatError("The table is not a stored model: it has no metadata of transient_bogus.")
    try:
        meta: dict[str, Any] | None = json.loads(text)
    except ValueError as error:
        raise ModelFormatError(f"The metadata of the stored model is not JSON: {error}") from error
    if not isinstance(meta, dict):
        raise ModelFormatError(f"The metadata of the stored model is no JSON object, but {meta!r}.")
    return meta


def content_digest(tensors: Mapping[str, torch.Tensor], text: str, *, size: int) -> str:
    """Hash a text, and names, types, shapes and bytes of tensors.

    Parameters
    ----------
    tensors
        Tensors by name, in any order.
    text
        What else is hashed.
    size
        Bytes of the hash.

    Returns
    -------
    digest : `str`
        Twice as many hexadecimal digits.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=size)
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name].detach().cpu().numpy())
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _tensor(row: Mapping[str, Any]) -> torch.Tensor:
    """Read the tensor of a row."""
    dtype, shape, data = _DTYPES.get(row["dtype"]), row["shape"], row["data"]
    if (
        dtype is None
        or None in (row["name"], data, shape, *(shape or ()))
        or min(shape, default=0) < 0
        or len(data) != math.prod(shape) * dtype.itemsize
    ):
        raise ModelFormatError(
            f"Tensor {row['name']!r} of the stored model is damaged: {row['dtype']} {shape} with "
            f"{len(data or b'')} bytes."
        )
    return torch.from_numpy(np.frombuffer(bytearray(data), dtype=row["dtype"])).reshape(shape)
