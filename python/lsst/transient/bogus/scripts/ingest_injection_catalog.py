# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the injection catalogues of many visits as the stock injection task wants them."""

from __future__ import annotations

__all__ = ("ingest_injection_catalog", "ingest_shards", "read_catalogs", "shard_catalog")

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import numpy as np
from astropy.table import Table, TableMergeError, vstack

from lsst.daf.butler import (
    Butler,
    ButlerUserError,
    DatasetRef,
    DatasetType,
    MissingCollectionError,
    MissingDatasetTypeError,
)

from ..columns import INJECTION_CATALOG
from ..errors import InputDataError
from ..shards import htm_index

DIMENSIONS = ("htm7", "band")
_LEVEL = 7
# With these columns the stock task injects at the pixels they give, also into a neighbouring
# detector that the position is near; without them it asks the WCS of the image.
_PIXEL_COLUMNS = ("x", "y", "host_x", "host_y")
type _Shard = tuple[int, str]


def read_catalogs(butler: Butler, refs: Sequence[DatasetRef]) -> Table:
    """Read the injection catalogues of many visits and detectors into one table.

    Parameters
    ----------
    butler
        Repository that holds them.
    refs
        The catalogues.

    Returns
    -------
    catalog : `astropy.table.Table`
        All their rows, by visit and detector.  Pixel positions are left out: they
        hold for one detector, and a table serves all.

    Raises
    ------
    TableSchemaError
        Raised if a catalogue lacks a column that is needed to ingest it.
    InputDataError
        Raised if the catalogues have different columns, as those of two modes have.
    """
    tables = []
    for ref in _track(refs, "Reading"):
        table = butler.get(ref)
        INJECTION_CATALOG.check(
            table, ("injection_id", "ra", "dec", "band", "visit"), where=str(ref.dataId.mapping)
        )
        table.meta.clear()
        table.remove_columns([name for name in _PIXEL_COLUMNS if name in table.colnames])
        tables.append(table)
    try:
        return vstack(tables, join_type="exact")
    except TableMergeError as error:
        raise InputDataError(
            f"The {len(tables)} catalogues have not all the same columns: {error}"
        ) from error


def shard_catalog(catalog: Table) -> dict[_Shard, Table]:
    """Divide a catalogue by trixel and band.

    Parameters
    ----------
    catalog
        Injections with ``ra``, ``dec`` (degrees) and ``band``.

    Returns
    -------
    shards : `dict` [`tuple` [`int`, `str`], `astropy.table.Table`]
        The rows of each trixel of level 7 and band, in the order of the catalogue.

    Raises
    ------
    InputDataError
        Raised if a row has no position.
    """
    trixels = htm_index(catalog["ra"], catalog["dec"], level=_LEVEL)
    if (n_lost := int(np.sum(trixels < 0))) > 0:
        raise InputDataError(f"{n_lost} of {len(catalog)} injections have no finite position.")
    bands = np.asarray(catalog["band"]).astype(str)
    keys, shard_of_row = np.unique(
        np.rec.fromarrays([trixels, bands], names="trixel,band"), return_inverse=True
    )
    rows = np.split(
        np.argsort(shard_of_row, kind="stable"), np.cumsum(np.bincount(shard_of_row, minlength=len(keys)))
    )
    return {
        (int(trixel), str(band)): catalog[index]
        for (trixel, band), index in zip(keys.tolist(), rows[:-1], strict=True)
    }


def ingest_shards(
    butler: Butler,
    shards: Mapping[_Shard, Table],
    *,
    run: str,
    dataset_type: str = "injection_catalog",
    extend: bool = False,
) -> int:
    """Write the shards of a catalogue into a RUN.

    Parameters
    ----------
    butler
        Writeable repository.
    shards
        Rows of each trixel and band.
    run
        RUN to write; must not exist unless ``extend``.
    dataset_type
        Dataset type to write, {htm7, band}.
    extend
        Add to a RUN that exists.  Rows whose injection_id is there already are
        left as they are.

    Returns
    -------
    n_rows : `int`
        Number of rows written.

    Raises
    ------
    InputDataError
        Raised if the RUN exists without ``extend``, or is not a RUN.
    """
    target = DatasetType(dataset_type, DIMENSIONS, "ArrowAstropy", universe=butler.dimensions)
    exists = _check_run(butler, run, extend)
    # Neither registration is possible within a transaction.
    butler.registry.registerDatasetType(target)
    butler.collections.register(run)
    if exists:
        return sum(_extend(butler, target, shard, table, run) for shard, table in _track_items(shards))
    try:
        with butler.transaction():
            for shard, table in _track_items(shards):
                _put(butler, target, shard, table, run)
    except BaseException:
        butler.collections.x_remove(run)
        raise
    return sum(map(len, shards.values()))


def _check_run(butler: Butler, run: str, extend: bool) -> bool:
    """Tell whether a RUN exists, and refuse it unless it is to be extended."""
    try:
        info = butler.collections.get_info(run)
    except MissingCollectionError:
        return False
    if info.type.name != "RUN":
        raise InputDataError(f"Collection {run!r} exists and is not a RUN but {info.type.name}.")
    if not extend:
        raise InputDataError(
            f"RUN {run!r} exists. Name another, or add to it with --extend; nothing was written."
        )
    return True


def _put(butler: Butler, target: DatasetType, shard: _Shard, table: Table, run: str) -> None:
    """Write one shard, and read it back."""
    trixel, band = shard
    ref = butler.put(table, target, htm7=trixel, band=band, run=run)
    if not _is_same(butler.get(ref), table):
        raise OSError(f"{ref} does not read back as it was written.")


def _extend(butler: Butler, target: DatasetType, shard: _Shard, table: Table, run: str) -> int:
    """Add the rows of one shard that the RUN does not hold, and count them."""
    trixel, band = shard
    ref = butler.find_dataset(target, htm7=trixel, band=band, collections=run)
    if ref is None:
        with butler.transaction():
            _put(butler, target, shard, table, run)
        return len(table)
    there = butler.get(ref)
    there.meta.clear()
    new = table[~np.isin(table["injection_id"], there["injection_id"])]
    if len(new) == 0:
        return 0
    merged = vstack([there, new], join_type="exact")
    # Pruning deletes the file at once, whatever becomes of a transaction around it.
    butler.pruneDatasets([ref], disassociate=True, unstore=True, purge=True)
    try:
        with butler.transaction():
            _put(butler, target, shard, merged, run)
    except BaseException:
        butler.put(there, target, htm7=trixel, band=band, run=run)
        raise
    return len(new)


def _is_same(one: Table, other: Table) -> bool:
    """Tell whether two tables have the same columns, rows and order."""
    if one.colnames != other.colnames or len(one) != len(other):
        return False
    for name in one.colnames:
        a, b = np.asarray(one[name]), np.asarray(other[name])
        if not np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f"):
            return False
    return True


def _track[T](items: Sequence[T], description: str) -> Iterable[T]:
    """Show a progress bar while items are worked through."""
    from rich.console import Console
    from rich.progress import track

    return track(items, description=f"{description:<8}", console=Console(stderr=True))


def _track_items(shards: Mapping[_Shard, Table]) -> Iterable[tuple[_Shard, Table]]:
    return _track(list(shards.items()), "Writing")


def _find(butler: Butler, collections: Sequence[str], dataset_type: str, where: str) -> list[DatasetRef]:
    """Find the catalogues, in the order of visit and detector."""
    try:
        refs = butler.query_datasets(
            dataset_type, collections=collections, where=where, find_first=True, explain=False, limit=None
        )
    except (MissingDatasetTypeError, MissingCollectionError) as error:
        raise InputDataError(str(error)) from error
    if not refs:
        raise InputDataError(
            f"No {dataset_type} in {', '.join(collections)}{f' where {where}' if where else ''}."
        )

    def order(ref: DatasetRef) -> Any:
        return (str(ref.dataId["instrument"]), ref.dataId["visit"], ref.dataId["detector"])

    return sorted(refs, key=order)


@click.command()
@click.argument("repo")
@click.option(
    "-i",
    "--input",
    "collections",
    required=True,
    help="Collections with the catalogues of visits and detectors, separated by commas.",
)
@click.option("-o", "--output", "run", required=True, help="RUN to write; must not exist.")
@click.option("--where", help="Expression that chooses visits of an instrument, as in butler query-datasets.")
@click.option("--extend", is_flag=True, help="Add to a RUN that exists; rows that it holds stay as they are.")
@click.option(
    "--input-type",
    default=INJECTION_CATALOG.dataset_type,
    show_default=True,
    help="Dataset type to read, by instrument, visit and detector.",
)
@click.option(
    "--output-type",
    default="injection_catalog",
    show_default=True,
    help="Dataset type to write, by htm7 and band.",
)
def ingest_injection_catalog(
    repo: str, collections: str, run: str, where: str | None, extend: bool, input_type: str, output_type: str
) -> None:
    """Write the injection catalogues of all visits in REPO as the stock VisitInjectTask wants them."""
    try:
        with Butler.from_config(repo, writeable=True) as butler:
            _check_run(butler, run, extend)
            refs = _find(butler, collections.split(","), input_type, where or "")
            catalog = read_catalogs(butler, refs)
            shards = shard_catalog(catalog)
            n_rows = ingest_shards(butler, shards, run=run, dataset_type=output_type, extend=extend)
    except (ButlerUserError, FileNotFoundError, InputDataError) as error:
        raise click.ClickException(str(error)) from error
    n_bands = len({band for _, band in shards})
    click.echo(
        f"{run}: {n_rows} of {len(catalog)} injections written, from {len(refs)} detectors of "
        f"{len(np.unique(catalog['visit']))} visits, to {len(shards)} tables of {n_bands} bands."
    )
