# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading of tables through deferred handles: some columns, all metadata."""

from __future__ import annotations

__all__ = ("read_table", "table_parameters")

from collections.abc import Iterable
from typing import Any, Protocol

from astropy.table import Table


class _Handle(Protocol):
    def get(self, *, parameters: dict[str, Any] | None = None) -> Any: ...


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
        The table.
    """
    return handle.get(parameters=table_parameters(columns))
