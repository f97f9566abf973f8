# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections on the data, the injections and the training."""

from __future__ import annotations

__all__ = (
    "data_section",
    "injection_section",
    "training_section",
)

from typing import Any

from ..plots.injections import injection_figure
from .markup import count, html_figure, html_table, percent
from .reading import Results
from .sections import Section, figure_markup, text_markup


def data_section(results: Results, summary: dict[str, Any]) -> Section:
    """Tell what was processed, and how long it took.

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
    rows = [
        (
            label,
            count(time.n_quanta),
            f"{time.total:.1f}",
            f"{time.mean:.2f}",
            f"{time.longest:.1f}",
            f"{time.peak_memory:.0f}",
        )
        for label, time in sorted(results.timing.items(), key=lambda item: -item[1].total)
    ]
    header = ("task", "quanta", "total [s]", "mean [s]", "longest [s]", "peak memory [MiB]")
    timing = html_table("Wall-clock time of each task, summed over its quanta.", header, rows)
    text = text_markup(
        f"{count(summary['n_dia_sources'])} detections were labelled: "
        f"{count(summary['n_injected_detected'])} detected injections, "
        f"{count(summary['n_ambiguous'])} ambiguous ones that are used nowhere, and the rest. "
        f"{count(summary['n_unscored'])} have no score, because too much of their stamp is missing or they "
        "are in a row of flashes."
    )
    if rows:
        text += f"<details><summary>Time per task</summary>{timing}</details>"
    return Section("data", "Data", "Data", text)


def injection_section(results: Results, summary: dict[str, Any]) -> Section | None:
    """Tell how many injections were found.

    Parameters
    ----------
    results
        Results of a collection.
    summary
        Its key numbers.

    Returns
    -------
    section : `Section` or `None`
        `None` if nothing is known of the injections.
    """
    if not summary["n_injected"]:
        return None
    text = text_markup(
        f"{count(summary['n_injected'])} point sources were injected beside galaxies and on empty sky, "
        f"drawn anew for every visit; {percent(summary['completeness']['value'], 1)} were detected on the "
        f"difference image and {percent(summary['completeness_selected']['value'], 1)} also selected by the "
        "score. Undetected injections count: this is what the survey would find of such sources."
    )
    caption = "The expected S/N follows from the magnitude and the median flux error of the detector."
    body = text + figure_markup(results, "completeness", caption)
    if (catalog := results.injections) is not None:
        body += html_figure(
            lambda dark: injection_figure(catalog, "", dark=dark),
            "Offsets of the injections from their hosts, and magnitudes against those of the hosts",
            "What was injected, against the laws it was drawn from. Marks at the edge are host-less.",
        )
    return Section("injections", "Injections", "Injections and their recovery", body)


def training_section(results: Results, summary: dict[str, Any]) -> Section | None:  # noqa: ARG001
    """Tell how training went.

    Parameters
    ----------
    results
        Results of a collection.
    summary
        Its key numbers.

    Returns
    -------
    section : `Section` or `None`
        `None` if the model was not trained in this collection.
    """
    history = results.tables.history
    if history is None or len(history) == 0:
        return None
    text = text_markup(
        "Networks are trained on injections against the rest, each without one fold of the sky. The rest "
        "holds real transients too; samples that the networks find implausible lose weight."
    )
    return Section("training", "Training", "Training", text + figure_markup(results, "training"))
