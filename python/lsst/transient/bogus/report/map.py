# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section of the map of the detections and its clusters."""

from __future__ import annotations

__all__ = ("map_section",)

import html
from typing import Any

import numpy as np
from astropy.table import Row

from .markup import count, number, percent
from .reading import Results
from .sections import Section, figure_markup, text_markup
from .stamps import stamp_mosaic, to_data_uri

_MAX_CLUSTERS = 24


def map_section(results: Results, summary: dict[str, Any]) -> Section | None:  # noqa: ARG001
    """Show the map of the latent features, and typical stamps of its clusters.

    Parameters
    ----------
    results
        Results of a collection.
    summary
        Its key numbers.

    Returns
    -------
    section : `Section` or `None`
        `None` without an embedding.
    """
    embedding, clusters = results.tables.embedding, results.tables.clusters
    if embedding is None or len(embedding) == 0:
        return None
    body = text_markup(
        "Detections that look alike to the networks are neighbours; clumps are kinds of artefacts."
    )
    body += figure_markup(results, "embedding")
    if clusters is not None and len(clusters):
        cards = "".join(_card(results, row) for row in clusters[:_MAX_CLUSTERS])
        body += f'<h3>Clusters, the largest first</h3><div class="clusters">{cards}</div>'
    return Section("map", "Map", "Map of the detections", body)


def _card(results: Results, row: Row) -> str:
    """Describe one cluster beside its typical stamps."""
    known = [results.typical_stamps[int(i)] for i in row["typical_ids"] if int(i) in results.typical_stamps]
    picture = ""
    if known:
        channels = ", ".join(results.channels)
        picture = (
            f'<img class="stamps" src="{to_data_uri(stamp_mosaic(np.array(known), own_scale=True))}" '
            f'alt="Typical stamps of cluster {row["cluster"]}, rows: {html.escape(channels)}">'
        )
    facts = (
        f"{count(int(row['n']))} detections, {percent(float(row['injected_fraction']), 0)} injected, "
        f"{percent(float(row['negative_fraction']), 0)} negative; median S/N "
        f"{number(float(row['median_snr']), 3)}, median score {number(float(row['median_score']), 3)}"
    )
    return f"<figure><figcaption><b>{row['cluster']}</b>: {html.escape(facts)}</figcaption>{picture}</figure>"
