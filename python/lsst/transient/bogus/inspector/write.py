# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inspector's page for a collection."""

from __future__ import annotations

__all__ = ("write_inspector",)

from collections.abc import Callable, Sequence
from pathlib import Path

from lsst.daf.butler import Butler

from .gather import Inspection, gather_inspection
from .page import render_page


def write_inspector(
    butler: Butler,
    collections: Sequence[str],
    path: Path,
    *,
    candidates: Sequence[str] = (),
    max_sources: int = 20_000,
    title: str | None = None,
    report: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Inspection:
    """Write the page of a collection.

    Parameters
    ----------
    butler
        Repository.
    collections
        Collections to search, the first first.
    path
        File to write.
    candidates
        Collections that hold the objects; the same by default.
    max_sources
        Largest number of sources on the page.
    title
        Title of the page; the collections by default.
    report
        Address of the report, seen from the page, to whose candidates it links; empty
        for no links.
    progress
        Called with a line of text at each stage.

    Returns
    -------
    inspection : `Inspection`
        What the page shows.

    Raises
    ------
    InputDataError
        Raised if the collection has no scored DIA sources.
    """
    inspection = gather_inspection(
        butler, collections, candidates=candidates, max_sources=max_sources, progress=progress
    )
    progress("Writing the page")
    title = title or f"Transients of {', '.join(collections)}"
    text = render_page(inspection, title=title, report=report)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A page is whole or not there.
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return inspection
