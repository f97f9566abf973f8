# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the report of a collection."""

from __future__ import annotations

__all__ = ("report",)

from pathlib import Path

import click


@click.command()
@click.argument("repo")
@click.argument("collection")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--instrument", help="Only needed if COLLECTION holds evaluations of several instruments.")
@click.option(
    "--candidates",
    default="",
    help="Collections with the objects to show, if not those of COLLECTION: a search without injections.",
)
@click.option("--figures", is_flag=True, help="Write images of the candidates into FOLDER too.")
def report(
    repo: str | Path,
    collection: str,
    folder: Path,
    instrument: str | None = None,
    candidates: str = "",
    figures: bool = False,
) -> None:
    """Write metrics.json and index.html for COLLECTION of REPO into FOLDER."""
    from lsst.daf.butler import Butler

    from ..report import write_report

    names, searched = (tuple(name for name in text.split(",") if name) for text in (collection, candidates))
    with Butler.from_config(str(repo)) as butler:
        try:
            summary = write_report(
                butler, names, folder, instrument=instrument, candidates=searched, figures=figures
            )
        except LookupError as error:
            raise click.ClickException(str(error)) from error
    click.echo(
        f"{summary['n_dia_sources']} DIA sources, {summary['n_candidates']} confirmed candidates: "
        f"{folder / 'index.html'}"
    )
