# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy a trained model into another repository, or to another instrument."""

from __future__ import annotations

__all__ = ("copy_model", "import_model")

import click

from lsst.daf.butler import Butler, DatasetType

from ..errors import InputDataError, ModelFormatError
from .models import MODEL, find_model, read_model


def copy_model(
    source: Butler,
    source_collections: str,
    target: Butler,
    *,
    run: str,
    instrument: str,
    source_instrument: str | None = None,
) -> tuple[str, str, bool]:
    """Copy the model of a collection into a RUN of another repository.

    Parameters
    ----------
    source
        Repository that holds the model.
    source_collections
        Collections to look in, separated by commas; the first that has a model decides.
    target
        Writeable repository to copy to.
    run
        RUN to write.
    instrument
        Instrument under whose name the model is stored: it must be registered.
    source_instrument
        Instrument of the model in the source; not needed if there are models of one only.

    Returns
    -------
    origin : `str`
        Instrument the model was trained on.
    version : `str`
        Version of the model.
    copied : `bool`
        `False` if the RUN held this model already.

    Raises
    ------
    LookupError
        Raised if the collection does not hold exactly one model.
    ModelFormatError
        Raised if that model cannot be read, or the one that the RUN holds already.
    InputDataError
        Raised if the RUN holds another model of this instrument.
    """
    from ..nn.io import stored_version

    ref = find_model(source, source_collections, source_instrument)
    table = read_model(source, ref)
    version = stored_version(table)
    target.registry.registerDatasetType(
        DatasetType(MODEL, ("instrument",), "ArrowTable", universe=target.dimensions)
    )
    target.collections.register(run)
    there = target.find_dataset(MODEL, instrument=instrument, collections=run)
    if there is None:
        target.put(table, MODEL, instrument=instrument, run=run)
    elif (other := stored_version(read_model(target, there))) != version:
        raise InputDataError(
            f"RUN {run!r} holds model {other} of {instrument}, not {version} of {source_collections!r}: name "
            "another RUN."
        )
    return str(ref.dataId["instrument"]), version, there is None


@click.command()
@click.argument("source_repo")
@click.argument("source_collection")
@click.argument("repo")
@click.argument("run")
@click.option("--instrument", required=True, help="Instrument under whose name the model is stored.")
@click.option(
    "--source-instrument", help="Instrument of the model in SOURCE_REPO; needed if there are several."
)
def import_model(
    source_repo: str,
    source_collection: str,
    repo: str,
    run: str,
    instrument: str,
    source_instrument: str | None,
) -> None:
    """Copy the model of SOURCE_COLLECTION in SOURCE_REPO into RUN of REPO."""
    with Butler.from_config(source_repo) as source, Butler.from_config(repo, writeable=True) as target:
        try:
            origin, version, copied = copy_model(
                source,
                source_collection,
                target,
                run=run,
                instrument=instrument,
                source_instrument=source_instrument,
            )
        except (LookupError, ModelFormatError, InputDataError) as error:
            raise click.ClickException(str(error)) from error
    state = "copied" if copied else "there already"
    click.echo(f"{MODEL} {version} trained on {origin}: {state}, as {instrument} in {run}.")
