# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the candidates of a collection."""

from __future__ import annotations

__all__ = ("candidate_table", "list_candidates")

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from astropy.table import Table

_SHOWN = {
    "diaObjectId": "d",
    "ra": ".6f",
    "dec": "+.6f",
    "probability": ".4f",
    "detections_by_band": "s",
    "n_nights": "d",
    "peak_snr": ".1f",
    "peak_mjd": ".2f",
    "host_mag": ".2f",
    "host_offset": ".2f",
}


@click.command()
@click.argument("repo")
@click.argument("collection")
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="ECSV file for all columns, with their units and descriptions.",
)
@click.option("--all", "every", is_flag=True, help="List the objects that are not confirmed too.")
def list_candidates(repo: str | Path, collection: str, file: Path | None = None, every: bool = False) -> None:
    """List the confirmed candidates in COLLECTION of REPO, the most probable first."""
    from lsst.daf.butler import Butler, MissingCollectionError, MissingDatasetTypeError

    from ..errors import InputDataError
    from ..handles import table_parameters

    names = [name for name in collection.split(",") if name]
    with Butler.from_config(str(repo)) as butler:
        try:
            refs = butler.query_datasets("transient_objects", collections=names, limit=None, explain=False)
        except (MissingDatasetTypeError, MissingCollectionError):
            refs = []
        if not refs:
            raise InputDataError(f"Collections {names} hold no transient_objects.")
        table = candidate_table(
            (butler.get(ref, parameters=table_parameters()) for ref in sorted(refs)), every=every
        )
    shown = table[list(_SHOWN)]
    for name, form in _SHOWN.items():
        shown[name].info.format = form
    click.echo("\n".join(shown.pformat(max_lines=-1, max_width=-1)))
    click.echo(
        f"{len(table)} of {table.meta['N_OBJECTS']} objects: {table.meta.get('CONFIRMATION_RULE', '')}"
    )
    if file is not None:
        table.write(file, format="ascii.ecsv", overwrite=True)


def candidate_table(tables: Iterable[Table], *, every: bool = False) -> Table:
    """Put the candidates of all shards into one table.

    Parameters
    ----------
    tables
        ``transient_objects`` of the shards; at least one.
    every
        Whether to keep objects that are not confirmed.

    Returns
    -------
    candidates : `astropy.table.Table`
        Rows of ``transient_objects``, the most probable first.  The metadata are
        the rule (``CONFIRMATION_RULE``), the evidence (``EVIDENCE_MODEL``) and the
        number of all objects (``N_OBJECTS``).
    """
    import numpy as np
    from astropy.table import vstack

    from ..columns import OBJECTS

    parts = list(tables)
    objects = vstack(parts, metadata_conflicts="silent")
    meta = {
        name: objects.meta[name] for name in ("CONFIRMATION_RULE", "EVIDENCE_MODEL") if name in objects.meta
    }
    n_objects = len(objects)
    if not every:
        objects = objects[np.asarray(objects["is_confirmed"], dtype=bool)]
    order = np.lexsort((-np.asarray(objects["peak_snr"]), -np.nan_to_num(objects["probability"], nan=-1.0)))
    columns = {name: objects[name][order] for name in OBJECTS.names if name in objects.colnames}
    return OBJECTS.build(columns, meta=meta | {"N_OBJECTS": n_objects})
