# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all sections of the page are made of."""

from __future__ import annotations

__all__ = ("Section", "figure_markup", "text_markup")

import dataclasses
import html

from ..plots.catalogue import EVALUATION_FIGURES
from .markup import html_figure
from .reading import Results


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page.

    Parameters
    ----------
    name
        Anchor.
    link
        Name in the navigation.
    title
        Heading.
    body
        HTML.
    """

    name: str
    link: str
    title: str
    body: str


def text_markup(*paragraphs: str) -> str:
    """Make paragraphs of text.

    Parameters
    ----------
    *paragraphs
        Text.

    Returns
    -------
    markup : `str`
        HTML; all text is escaped.
    """
    return "".join(f"<p>{html.escape(p)}</p>" for p in paragraphs)


def figure_markup(results: Results, name: str, caption: str = "") -> str:
    """Draw a figure of the evaluation.

    Parameters
    ----------
    results
        Results of a collection.
    name
        Name in the catalogue of figures.
    caption
        Text below it.

    Returns
    -------
    markup : `str`
        HTML with the images inside.
    """
    entry = EVALUATION_FIGURES[name]
    return html_figure(lambda dark: entry(results.tables, dark=dark), entry.title, caption)
