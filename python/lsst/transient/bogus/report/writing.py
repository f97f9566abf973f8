# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write metrics.json, index.html and, if wanted, images of the candidates."""

from __future__ import annotations

__all__ = ("write_report",)

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lsst.daf.butler import Butler

from .figures import write_candidate_figures
from .page import render_page
from .reading import read_results
from .summary import summarise


def write_report(
    butler: Butler,
    collections: str | Iterable[str],
    folder: Path,
    *,
    instrument: str | None = None,
    candidates: str | Iterable[str] = (),
    figures: bool = False,
) -> dict[str, Any]:
    """Write the report of a collection.

    Parameters
    ----------
    butler
        Butler of the repository.
    collections
        Collection or collections that hold the results.
    folder
        Folder to write ``metrics.json`` and ``index.html`` to; made if it does not exist.
    instrument
        Instrument; only needed if the collections hold evaluations of several.
    candidates
        Collection or collections that hold the objects and their light curves; those of the
        results by default.
    figures
        Whether to write images of the candidates into ``folder`` too.

    Returns
    -------
    summary : `dict` [`str`, `~typing.Any`]
        What metrics.json holds.

    Raises
    ------
    LookupError
        Raised if there is no evaluation, or those of several instruments, or if a table was
        made by a version with other columns.
    """
    results = read_results(butler, collections, instrument=instrument, candidates=candidates)
    summary = summarise(results)
    page = render_page(results, summary)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
    for name, content in (("metrics.json", text), ("index.html", page)):
        # Whoever reads the folder meanwhile sees the old file or the new one, never half of it.
        partial = folder / f".{name}.partial"
        partial.write_text(content, encoding="utf-8")
        os.replace(partial, folder / name)
    if figures:
        write_candidate_figures(results, folder)
    return summary
