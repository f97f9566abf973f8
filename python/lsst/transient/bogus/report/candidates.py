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

from ..plots.light_curves import gallery_figure, light_curve_figure
from ..plots.object_text import evidence_text, host_text
from .markup import html_figure, html_table, number
from .reading import Results
from .sections import Section
from .stamps import stamp_mosaic, to_data_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_FIGURES = 12
_MAX_EPOCHS = 8
_MAX_GALLERY = 24
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
    where = ""
    if results.candidate_collections != results.collections:
        where = f" in {html.escape(', '.join(results.candidate_collections))}"
    body = f"<p>{len(candidates)} of {len(results.objects)} objects{where} are confirmed.</p>"
    if rule:
        body += f"<p>Rule: <code>{html.escape(str(rule))}</code></p>"
    figures = []
    for row in candidates[:_MAX_FIGURES]:
        light_curve = results.light_curves[results.light_curves["diaObjectId"] == row["diaObjectId"]]
        if len(light_curve):
            light_curve.sort("midpointMjdTai")
            figure = html_figure(
                partial(_draw, light_curve, row),
                _alternative(row),
                caption=f"{host_text(row).capitalize()}. {evidence_text(row).capitalize()}.",
                extra=_stamps(results, light_curve),
            )
            figures.append(f'<div id="candidate-{row["diaObjectId"]}">{figure}</div>')
    if figures:
        body += html_figure(
            partial(_draw_gallery, candidates, results.light_curves),
            f"Light curves of the {min(len(candidates), _MAX_GALLERY)} most probable candidates.",
        )
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
    "host mag",
    "host offset [arcsec]",
)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row["diaObjectId"]),
        f"{row['ra']:.6f}",
        f"{row['dec']:+.6f}",
        number(float(row["probability"])),
        str(row["n_nights"]),
        str(row["n_detections"]),
        str(row["detections_by_band"]),
        f"{row['peak_snr']:.1f}",
        f"{row['peak_mjd']:.3f}",
        f"{row['host_mag']:.1f}" if row["host_id"] else "-",
        f"{row['host_offset']:.2f}" if row["host_id"] else "-",
    )


def _alternative(row: Row) -> str:
    return (
        f"Light curve and stamps of object {row['diaObjectId']} at {row['ra']:.5f} {row['dec']:+.5f}: "
        f"{row['n_detections']} detections in {row['n_nights']} nights, peak S/N {row['peak_snr']:.0f}."
    )


def _draw_gallery(candidates: Table, light_curves: Table, dark: bool) -> Figure:
    return gallery_figure(candidates, light_curves, max_objects=_MAX_GALLERY, columns=4, dark=dark)


def _draw(light_curve: Table, row: Row, dark: bool) -> Figure:
    """Draw the light curve at the size of half the page."""
    figure = light_curve_figure(light_curve, row, dark=dark)
    width, height = figure.get_size_inches()
    figure.set_size_inches(_WIDTH, height * _WIDTH / width)
    return figure


def _stamps(results: Results, light_curve: Table) -> str:
    """Show the stamps of the most significant epochs, in order of time."""
    seen = [row for row in light_curve if int(row["diaSourceId"]) in results.epoch_stamps]
    strongest = sorted(seen, key=lambda row: -float(row["snr"]))[:_MAX_EPOCHS]
    shown = sorted(strongest, key=lambda row: float(row["midpointMjdTai"]))
    if not shown:
        return ""
    mosaic = stamp_mosaic(np.array([results.epoch_stamps[int(row["diaSourceId"])] for row in shown]))
    epochs = "MJD (band, score) " + ", ".join(
        f"{row['midpointMjdTai']:.1f} ({row['band']}, {row['score']:.2f})" for row in shown
    )
    channels = ", ".join(results.channels)
    alternative = f"Stamps of {len(shown)} epochs, rows: {channels}"
    return (
        f'<img class="stamps" style="width:{100 * len(shown) / _MAX_EPOCHS:.1f}%" '
        f'src="{to_data_uri(mosaic)}" alt="{html.escape(alternative)}">'
        f'<p class="note">Rows: {html.escape(channels)}. Columns: {html.escape(epochs)}.</p>'
    )


def _query(results: Results) -> str:
    collections = ", ".join(f'"{name}"' for name in results.candidate_collections)
    return (
        "from astropy.table import vstack\n"
        "from lsst.daf.butler import Butler\n"
        f'butler = Butler.from_config("repo", collections=[{collections}])\n'
        'objects = vstack([butler.get(ref) for ref in butler.query_datasets("transient_objects")])\n'
        'candidates = objects[objects["is_confirmed"]]'
    )
