# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a page to look at everything in a collection."""

from __future__ import annotations

__all__ = ("inspect_transients",)

from pathlib import Path

import click

from ..errors import InputDataError


@click.command()
@click.argument("repo", type=click.Path(path_type=Path, exists=True))
@click.argument("collection")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--max-sources",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Sources on the page. Beyond it, all sources of confirmed objects stay and others are drawn.",
)
@click.option(
    "--candidates",
    default="",
    help="Collections with the objects to show, if not those of COLLECTION: a search without injections.",
)
@click.option("--title", help="Title of the page.")
@click.option(
    "--report",
    default="",
    help="Address of the report, seen from FILE, to link candidates to (index.html, if it lies beside FILE).",
)
def inspect_transients(
    repo: Path,
    collection: str,
    file: Path,
    max_sources: int,
    title: str | None,
    report: str,
    candidates: str = "",
) -> None:
    """Write a page to look at everything in COLLECTION of REPO into FILE.

    COLLECTION may be several, separated by commas.  The page is one HTML file
    that needs neither server nor network: a map of all sources, linked with their
    stamps, scores and light curves.
    """
    from lsst.daf.butler import Butler, MissingCollectionError

    from ..inspector import write_inspector

    names, searched = (
        [name.strip() for name in text.split(",") if name.strip()] for text in (collection, candidates)
    )
    try:
        with Butler.from_config(str(repo), writeable=False) as butler:
            inspection = write_inspector(
                butler,
                names,
                file,
                candidates=searched,
                max_sources=max_sources,
                title=title,
                report=report,
                progress=lambda text: click.echo(f"{text} …", err=True),
            )
    except (InputDataError, MissingCollectionError) as error:
        raise click.ClickException(str(error)) from error
    size = file.stat().st_size / 1e6
    click.echo(f"{file}: {len(inspection.sources)} of {inspection.n_total} DIA sources, {size:.1f} MB.")
