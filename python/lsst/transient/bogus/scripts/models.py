# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the one model that collections select, and reading it."""

from __future__ import annotations

__all__ = ("MODEL", "find_model", "read_model")

from typing import Any

from lsst.daf.butler import (
    Butler,
    DatasetRef,
    FileIntegrityError,
    MissingCollectionError,
    MissingDatasetTypeError,
)

from ..errors import ModelFormatError

MODEL = "transient_bogus_model"


def find_model(butler: Butler, collections: str, instrument: str | None = None) -> DatasetRef:
    """Find the model that a list of collections selects.

    Parameters
    ----------
    butler
        Repository.
    collections
        Names separated by commas, or the name of a chain: the first that has a model decides.
    instrument
        Instrument of the model; not needed if the collections hold models of one.

    Returns
    -------
    ref : `lsst.daf.butler.DatasetRef`
        The model.

    Raises
    ------
    LookupError
        Raised if there is no such collection, no model in it, or one of each of several
        instruments.
    """
    where: dict[str, Any] = {"instrument": instrument} if instrument else {}
    try:
        found = butler.query_datasets(
            MODEL, collections=collections.split(","), find_first=True, explain=False, **where
        )
    except MissingDatasetTypeError:
        found = []
    except MissingCollectionError as error:
        raise LookupError(f"There is no collection {collections!r} to take a model from.") from error
    if len(found) != 1:
        names = ", ".join(sorted(str(ref.dataId["instrument"]) for ref in found))
        hint = f", of {names}: name the instrument" if found else ""
        raise LookupError(f"Expected one {MODEL} in collection {collections!r}; found {len(found)}{hint}.")
    return found[0]


def read_model(butler: Butler, ref: DatasetRef) -> Any:
    """Read a stored model, and check that it is one.

    Parameters
    ----------
    butler
        Repository.
    ref
        The model.

    Returns
    -------
    table : `pyarrow.Table`
        The stored model, as it is: a copy of it keeps its version.

    Raises
    ------
    ModelFormatError
        Raised if the file is damaged, or is not a model that this code can read.
    """
    from ..nn.io import latest_model

    try:
        table = butler.get(ref)
        latest_model(table)
    except (FileIntegrityError, ValueError) as error:  # the butler's of a file that its formatter cannot read
        raise ModelFormatError(f"The model in {ref.run!r} cannot be read: {error}") from error
    return table
