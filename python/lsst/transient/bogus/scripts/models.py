# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the one model that collections select."""

from __future__ import annotations

__all__ = ("MODEL", "find_model")

from typing import Any

from lsst.daf.butler import Butler, DatasetRef, MissingCollectionError, MissingDatasetTypeError

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
