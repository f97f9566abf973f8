# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section of the confirmed objects."""

from __future__ import annotations

__all__ = ("candidates_section",)

import html
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Row, Table

from ..plots.light_curves import candidate_figure, light_curve_figure
from .markup import html_figure, html_table, number
from .reading import Results
from .sections import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_FIGURES = 12
_WIDTH = 6.4


def candidates_section(results: Results, summary: dict[str, Any]) -> Section:  # noqa: ARG001
    """Show the confirmed objects with their light curves and stamps.

    Parameters
    ----------
    results
        Results of a collection.
    summary
        Its key numbers.

    Returns
    -------
    section : `Section`
        The section.
    """
    candidates = results.candidates
    rule = candidates.meta.get("CONFIRMATION_RULE", results.objects.meta.get("CONFIRMATION_RULE", ""))
    body = f"<p>{len(candidates)} of {len(results.objects)} objects are confirmed.</p>"
    if rule:
        body += f"<p>Rule: <code>{html.escape(str(rule))}</code></p>"
    figures = []
    for row in candidates[:_MAX_FIGURES]:
        light_curve = results.light_curves[results.light_curves["diaObjectId"] == row["diaObjectId"]]
        if len(light_curve):
            light_curve.sort("midpointMjdTai")
            figures.append(html_figure(partial(_draw, results, light_curve, row), _alternative(row)))
    if figures:
        body += f'<div class="gallery">{"".join(figures)}</div>'
    if len(candidates):
        table = html_table(
            "Confirmed objects, the most probable first.", _HEADER, map(_cells, candidates[:500])
        )
        body += f"<details><summary>Table of the candidates</summary>{table}</details>"
    body += f"<h3>The same in Python</h3><pre><code>{html.escape(_query(results))}</code></pre>"
    return Section("candidates", "Candidates", "Candidates and their light curves", body)


_HEADER = (
    "diaObjectId",
    "RA [deg]",
    "Dec [deg]",
    "P",
    "nights",
    "detections",
    "bands",
    "peak S/N",
    "peak MJD",
)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row["diaObjectId"]),
        f"{row['ra']:.6f}",
        f"{row['dec']:+.6f}",
        number(float(row["probability"])),
        str(row["n_nights"]),
        str(row["n_detections"]),
        str(row["bands"]),
        f"{row['peak_snr']:.1f}",
        f"{row['peak_mjd']:.3f}",
    )


def _alternative(row: Row) -> str:
    return (
        f"Light curve and stamps of object {row['diaObjectId']} at {row['ra']:.5f} {row['dec']:+.5f}: "
        f"{row['n_detections']} detections in {row['n_nights']} nights, peak S/N {row['peak_snr']:.0f}."
    )


def _draw(results: Results, light_curve: Table, row: Row, dark: bool) -> Figure:
    """Draw the light curve, above the stamps where there are some."""
    first = next(iter(results.stamps.values()), None)
    if first is None or not results.channels:
        return light_curve_figure(light_curve, row, dark=dark)
    missing = np.full(first.shape, np.nan)
    stamps = np.array([results.stamps.get(int(i), missing) for i in light_curve["diaSourceId"]])
    figure = candidate_figure(light_curve, stamps, results.channels, row, max_epochs=8, dark=dark)
    # Two of them share a row of the page: smaller, with the same text size.
    width, height = figure.get_size_inches()
    figure.set_size_inches(_WIDTH, 1.05 * height * _WIDTH / width)
    return figure


def _query(results: Results) -> str:
    collections = ", ".join(f'"{name}"' for name in results.collections)
    return (
        "from astropy.table import vstack\n"
        "from lsst.daf.butler import Butler\n"
        f'butler = Butler.from_config("repo", collections=[{collections}])\n'
        'objects = vstack([butler.get(ref) for ref in butler.query_datasets("transient_objects")])\n'
        'candidates = objects[objects["is_confirmed"]]'
    )
