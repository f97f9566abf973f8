# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""All tables of a collection, for people who script."""

from __future__ import annotations

__all__ = ("read_tables",)

from collections.abc import Iterable, Sequence

import numpy as np
from astropy.table import Table, vstack

from lsst.daf.butler import Butler, DatasetRef

from ..columns import ALL_SCHEMAS, CUTOUTS
from ..handles import table_parameters
from .reading import find_datasets

_KEYS = ("visit", "detector")


def read_tables(
    butler: Butler,
    collections: str | Iterable[str],
    *,
    instrument: str | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, Table]:
    """Read every table of the package that a collection holds.

    Parameters
    ----------
    butler
        Butler of the repository.
    collections
        Collection or collections to search, the first that has a dataset first.
    instrument
        Instrument; all by default.
    names
        Dataset types to read, such as ``transient_bogus_scores``; by default all but the stamps
        (``transient_cutouts``), which are large.

    Returns
    -------
    tables : `dict` [`str`, `astropy.table.Table`]
        By dataset type, in the order of the pipeline.  The tables of all visits, detectors or
        sky shards are one below the other, in the order of their data IDs, with the columns
        ``visit`` and ``detector`` added where a table of a detector lacks them.  Metadata are
        those of the first.  Types that the collection does not hold are missing.
    """
    searched = (collections,) if isinstance(collections, str) else tuple(collections)
    wanted = set(names) if names is not None else {s.dataset_type for s in ALL_SCHEMAS if s is not CUTOUTS}
    data_id = {} if instrument is None else {"instrument": instrument}
    tables = {}
    for schema in ALL_SCHEMAS:
        if schema.dataset_type not in wanted:
            continue
        refs = sorted(find_datasets(butler, schema.dataset_type, searched, **data_id))
        if refs:
            parts = [_with_keys(butler.get(ref, parameters=table_parameters()), ref) for ref in refs]
            meta = parts[0].meta
            tables[schema.dataset_type] = vstack(parts, metadata_conflicts="silent")
            tables[schema.dataset_type].meta = meta
    return tables


def _with_keys(table: Table, ref: DatasetRef) -> Table:
    """Add what the data ID knows and the table does not."""
    known = ref.dataId.mapping
    for name in _KEYS:
        if name in known and name not in table.colnames:
            table[name] = np.full(len(table), int(known[name]), dtype=np.int64)
    return table
