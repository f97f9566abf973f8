# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables declared as data: what the writers, the checkers and the documentation all read."""

from __future__ import annotations

__all__ = ("Column", "TableSchema")

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from ..errors import TableSchemaError


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name
        Column name, the stack's own wherever the stack has one.
    dtype
        NumPy dtype; ``"str"`` for text.
    doc
        What the values are.
    unit
        Astropy unit string, or `None` for a dimensionless column.
    shape
        Shape of one cell.  Sizes known only at run time are named by a string,
        e.g. ``("channel", "size", "size")``.
    optional
        Whether a table without this column is still valid.
    """

    name: str
    dtype: str
    doc: str
    unit: str | None = None
    shape: tuple[int | str, ...] = ()
    optional: bool = False

    @property
    def fill(self) -> Any:
        """Value that stands for "unknown" (NaN, 0, `False` or empty text)."""
        if self.dtype == "str":
            return ""
        return np.nan if np.dtype(self.dtype).kind == "f" else np.dtype(self.dtype).type(0)

    def cell_shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape of one cell with every named size replaced.

        Parameters
        ----------
        sizes
            Value of each named size.

        Returns
        -------
        shape : `tuple` [`int`, ...]
            Shape of one cell.

        Raises
        ------
        TableSchemaError
            Raised if a named size has no value.
        """
        missing = [s for s in self.shape if isinstance(s, str) and s not in sizes]
        if missing:
            raise TableSchemaError(f"Column {self.name!r} needs the sizes {missing}; got {dict(sizes)}.")
        return tuple(sizes[s] if isinstance(s, str) else s for s in self.shape)

    def cast(self, values: npt.ArrayLike, n_rows: int) -> np.ndarray:
        """Convert values to this column's dtype and check their shape.

        Parameters
        ----------
        values
            Values, shape ``(n_rows, *cell)`` or a scalar to repeat.
        n_rows
            Number of rows of the table.

        Returns
        -------
        array : `numpy.ndarray`
            Array of shape ``(n_rows, *cell)``.

        Raises
        ------
        TableSchemaError
            Raised if the shape does not fit.
        """
        array = np.asarray(values)
        array = array.astype(str) if self.dtype == "str" else array.astype(self.dtype, copy=False)
        if array.ndim == 0:
            array = np.full(n_rows, array[()])
        fixed = all(s == a for s, a in zip(self.shape, array.shape[1:], strict=False) if isinstance(s, int))
        if array.ndim != 1 + len(self.shape) or len(array) != n_rows or not fixed:
            raise TableSchemaError(
                f"Column {self.name!r} must have shape ({n_rows}, {', '.join(map(str, self.shape))}); "
                f"got {array.shape}."
            )
        return array


@dataclasses.dataclass(frozen=True)
class TableSchema:
    """The declaration of one table dataset type.

    Parameters
    ----------
    dataset_type
        Default Butler dataset type name.
    dimensions
        Butler dimensions of that dataset type.
    doc
        What a row is.
    columns
        The columns, in the order in which they are written.
    """

    dataset_type: str
    dimensions: tuple[str, ...]
    doc: str
    columns: tuple[Column, ...]

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(c.name for c in self.columns)

    def build(self, data: Mapping[str, Any], *, meta: Mapping[str, Any] | None = None) -> Table:
        """Make a table of this schema.

        Parameters
        ----------
        data
            Values of every column that is not optional; scalars are repeated.
            The first array decides the number of rows.
        meta
            Table metadata (JSON types only).

        Returns
        -------
        table : `astropy.table.Table`
            Table with the declared order, dtypes, units and descriptions.  Its tensor
            columns share the memory of arrays that have their dtype; others are copies.

        Raises
        ------
        TableSchemaError
            Raised if a column is missing, undeclared or of the wrong shape.
        """
        unknown = [name for name in data if name not in self.names]
        missing = [c.name for c in self.columns if not c.optional and c.name not in data]
        if unknown or missing:
            raise TableSchemaError(f"Table {self.dataset_type!r}: missing {missing}, undeclared {unknown}.")
        n_rows = next((len(v) for v in data.values() if np.ndim(v) > 0), 0)
        declared = [column for column in self.columns if column.name in data]
        arrays = {column.name: column.cast(data[column.name], n_rows) for column in declared}
        own = {column.name: np.array(arrays[column.name]) for column in declared if not column.shape}
        table = Table(arrays | own, meta=dict(meta or {}), copy=False)
        for column in declared:
            table[column.name].description = column.doc
            if column.unit is not None:
                table[column.name].unit = column.unit
        return table

    def empty(self, *, meta: Mapping[str, Any] | None = None, **sizes: int) -> Table:
        """Make a table of this schema with no rows.

        Parameters
        ----------
        meta
            Table metadata (JSON types only).
        **sizes
            Value of each named cell size.

        Returns
        -------
        table : `astropy.table.Table`
            Typed table with zero rows.
        """
        data = {
            c.name: np.zeros((0, *c.cell_shape(sizes)), dtype="U1" if c.dtype == "str" else c.dtype)
            for c in self.columns
            if not c.optional
        }
        return self.build(data, meta=meta)

    def check(self, table: Table, names: Iterable[str] | None = None, *, where: str = "") -> None:
        """Check that a table has the declared columns with compatible dtypes.

        Parameters
        ----------
        table
            Table to check.
        names
            Columns to check; all that are not optional by default.
        where
            Text that says which table this is (its data ID), for the message.

        Raises
        ------
        TableSchemaError
            Raised with every problem in one message.
        """
        wanted = tuple(names) if names is not None else tuple(c.name for c in self.columns if not c.optional)
        problems = [f"no column {name!r}" for name in wanted if name not in table.colnames]
        for name in wanted:
            if name in table.colnames:
                kind = table[name].dtype.kind
                declared = self[name].dtype
                expected = (
                    "UOST"
                    if declared == "str"
                    else {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}.get(np.dtype(declared).kind, "")
                )
                if kind not in expected:
                    problems.append(f"column {name!r} is {table[name].dtype}, expected {declared}")
        if problems:
            suffix = f" of {where}" if where else ""
            raise TableSchemaError(f"Table {self.dataset_type!r}{suffix}: {'; '.join(problems)}.")
