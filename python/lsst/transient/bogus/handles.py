# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading of tables through deferred handles: some columns, all metadata, at the speed of the decoder."""

from __future__ import annotations

__all__ = ("arrow_to_table", "read_table", "table_parameters", "table_reader")

import functools
import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from astropy.table import Table

from .errors import TableSchemaError
from .words import unpack_tensors

_PARQUET = (".parq", ".parquet")
_HEADER = b"table_meta_yaml"
_PANDAS_INDEX = b"lsst::arrow::astropy_pandas_index"


class _Handle(Protocol):
    def get(self, *, parameters: dict[str, Any] | None = None, storageClass: str | None = None) -> Any: ...


def table_parameters(columns: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the read parameters that keep the metadata of a table.

    Parameters
    ----------
    columns
        Names of the columns to read; all by default.

    Returns
    -------
    parameters : `dict` [`str`, `~typing.Any`]
        For ``get`` of a butler or of a deferred handle.

    Notes
    -----
    Unless it is told otherwise, the butler drops the metadata of every table
    that it has written as ``ArrowAstropy``.
    """
    keep: dict[str, Any] = {"strip_astropy_meta_yaml": False}
    return keep if columns is None else keep | {"columns": list(columns)}


def read_table(handle: _Handle, columns: Iterable[str] | None = None) -> Table:
    """Read a table with its metadata.

    Parameters
    ----------
    handle
        Deferred handle of a dataset of storage class ``ArrowAstropy``.
    columns
        Names of the columns to read; all by default.

    Returns
    -------
    table : `astropy.table.Table`
        The table, equal to what ``handle.get`` returns with `table_parameters`; but
        tensors that are stored as words are tensors again.

    Notes
    -----
    The butler's own conversion makes an object of each cell of a tensor column,
    copies them twice, and parses the header in Python; together that takes longer
    than decoding the file.  So the table is read as an Arrow table and converted by
    `arrow_to_table`, where that can be done.
    """
    parameters = table_parameters(columns)
    found = handle.get(parameters=parameters, storageClass="ArrowTable")
    table = found if isinstance(found, Table) else arrow_to_table(found)
    return unpack_tensors(handle.get(parameters=parameters) if table is None else table)


def table_reader(handle: Any) -> Callable[[], Table]:
    """Prepare to read a table on another thread.

    Parameters
    ----------
    handle
        Deferred handle of a dataset of storage class ``ArrowAstropy``.

    Returns
    -------
    read : `~collections.abc.Callable`
        Returns what `read_table` would, on any thread.

    Notes
    -----
    A butler belongs to the thread that made it, so it is only asked where the file is, which the
    system begins to bring from the disk.  A
    dataset that is not a local Parquet file of an astropy table is read here and now.  Reading
    raises `~lsst.transient.bogus.errors.TableSchemaError` if the table has nulls.
    """
    path = _local_parquet(handle)
    if path is None:
        return functools.partial(_identity, read_table(handle))
    _announce(path)

    def read() -> Table:
        table = arrow_to_table(pq.read_table(path, use_threads=False, memory_map=True))
        if table is None:
            raise TableSchemaError(f"Not a table of numbers and text without nulls: {path}.")
        return unpack_tensors(table)

    return read


def _announce(path: str) -> None:
    """Tell the system that a file will be read, where it can be told."""
    if hasattr(os, "posix_fadvise"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


def _identity(table: Table) -> Table:
    return table


def _local_parquet(handle: Any) -> str | None:
    """Return the path of the Parquet file that a handle would read; `None` if it would do something else."""
    butler, ref = getattr(handle, "butler", None), getattr(handle, "ref", None)
    if butler is None or ref is None or ref.isComponent():
        return None
    try:
        uri = butler.getURI(ref)
    except (LookupError, OSError, RuntimeError):  # the reading itself tells what is wrong
        return None
    if not uri.isLocal or uri.getExtension() not in _PARQUET or not uri.exists():
        return None
    metadata = pq.read_schema(uri.ospath).metadata or {}
    return uri.ospath if _HEADER in metadata and _PANDAS_INDEX not in metadata else None


def arrow_to_table(arrow: pa.Table) -> Table | None:
    """Convert an Arrow table to an astropy table, tensor columns without a copy.

    Parameters
    ----------
    arrow
        Table as the butler reads it with storage class ``ArrowTable``.

    Returns
    -------
    table : `astropy.table.Table` or `None`
        The table, whose tensor columns share the memory of ``arrow``; `None` if it
        has nulls, or was not an astropy table when it was written.
    """
    metadata = arrow.schema.metadata or {}
    if _HEADER not in metadata or _PANDAS_INDEX in metadata:
        return None
    arrays = {field.name: _array(arrow[field.name], field, metadata) for field in arrow.schema}
    if any(array is None for array in arrays.values()):
        return None
    table = Table(arrays, copy=False)
    header = _parse_header(metadata[_HEADER])
    for column in header["datatype"]:
        if column["name"] in table.colnames:
            for attribute in ("description", "format", "unit", "meta"):
                if attribute in column:
                    setattr(table[column["name"]], attribute, column[attribute])
    table.meta.update(header.get("meta", {}))
    return table


def _array(column: pa.ChunkedArray, field: pa.Field, metadata: Mapping[bytes, bytes]) -> np.ndarray | None:
    """Return a column as an array; `None` if it has nulls or values that are no numbers nor text."""
    is_list = pa.types.is_fixed_size_list(field.type)
    value = field.type.value_type if is_list else field.type
    chunks = [chunk.flatten() for chunk in column.chunks] if is_list else column.chunks
    if column.null_count or any(chunk.null_count for chunk in chunks):
        return None
    if pa.types.is_integer(value) or pa.types.is_floating(value):
        flat = _joined([_numbers(chunk) for chunk in chunks], np.dtype(value.to_pandas_dtype()))
    elif pa.types.is_boolean(value):
        flat = _joined([chunk.to_numpy(zero_copy_only=False) for chunk in chunks], np.dtype(bool))
    elif pa.types.is_string(value) and not is_list:
        length = metadata.get(f"lsst::arrow::len::{field.name}".encode())
        if length is None:
            return None
        return np.array(column.to_pylist(), dtype=f"U{int(length)}")
    else:
        return None
    if not is_list:
        return flat.copy()  # a short column must not keep a whole file in memory
    shape = metadata.get(f"lsst::arrow::shape::{field.name}".encode())
    cell = json.loads(f"[{shape.decode().strip('(), ')}]") if shape else [field.type.list_size]
    return flat.reshape(len(column), *cell)


def _numbers(values: pa.Array) -> np.ndarray:
    """Return the numbers of an array; not by its own way, which forbids to change even our own memory."""
    buffer = np.frombuffer(values.buffers()[1] or b"", dtype=values.type.to_pandas_dtype())
    return buffer[values.offset : values.offset + len(values)]


def _joined(pieces: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """Join pieces, without a copy of a single one."""
    return pieces[0] if len(pieces) == 1 else np.concatenate([np.zeros(0, dtype), *pieces])


def _parse_header(header: bytes) -> Mapping[str, Any]:
    """Parse the header of a table, as astropy does, in a tenth of its time."""
    parsed: Mapping[str, Any] = yaml.load(header.decode(), Loader=_header_loader())
    return parsed


@functools.cache
def _header_loader() -> type:
    """Return the safe loader of libyaml, where there is one, with astropy's tags."""
    from astropy.io.misc.yaml import AstropyLoader  # which imports all units and coordinates

    class HeaderLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    for tag, constructor in (AstropyLoader.yaml_constructors | {"tag:yaml.org,2002:omap": _ordered}).items():
        HeaderLoader.add_constructor(tag, constructor)
    return HeaderLoader


def _ordered(loader: yaml.constructor.SafeConstructor, node: yaml.SequenceNode) -> dict[Any, Any]:
    """Make a dictionary of an ordered map, as astropy writes metadata."""
    pairs = (loader.construct_mapping(item, deep=True) for item in node.value)
    return {key: value for pair in pairs for key, value in pair.items()}
