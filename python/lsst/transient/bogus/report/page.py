# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page that tells the results from top to bottom."""

from __future__ import annotations

__all__ = ("render_page",)

import html
import string
from pathlib import Path
from typing import Any

from ..version import __version__
from .candidates import candidates_section
from .map import map_section
from .markup import count, interval, number, percent, tiles
from .purity_sections import purity_section, truth_section
from .reading import Results
from .score_sections import calibration_section, classes_section, score_section, subset_section
from .sections import Section
from .survey_sections import data_section, injection_section, training_section

_HERE = Path(__file__).parent


def render_page(results: Results, summary: dict[str, Any]) -> str:
    """Write the results as one page without any outside file.

    Parameters
    ----------
    results
        Results of a collection.
    summary
        Its key numbers, as made by `summarise`.

    Returns
    -------
    page : `str`
        HTML.
    """
    makers = (
        data_section,
        injection_section,
        training_section,
        classes_section,
        subset_section,
        score_section,
        calibration_section,
        purity_section,
        truth_section,
        map_section,
        candidates_section,
    )
    sections = [section for maker in makers if (section := maker(results, summary)) is not None]
    collections = ", ".join(results.collections)
    page = string.Template(_HERE.joinpath("page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=html.escape(f"Transients and bogus: {results.instrument}"),
        style=_HERE.joinpath("page.css").read_text(encoding="utf-8"),
        lead=html.escape(_lead(summary)),
        tiles=_tiles(summary),
        links="".join(f'<li><a href="#{s.name}">{html.escape(s.link)}</a></li>' for s in sections),
        sections="\n".join(_markup(s) for s in sections),
        footer=html.escape(f"Made by transient_bogus {__version__} from collection {collections}."),
    )


def _markup(section: Section) -> str:
    return (
        f'<section id="{section.name}" aria-labelledby="{section.name}-title">'
        f'<h2 id="{section.name}-title">{html.escape(section.title)}</h2>{section.body}</section>'
    )


def _lead(summary: dict[str, Any]) -> str:
    injected, found = summary["n_injected"], summary["n_injected_detected"]
    return (
        f"{count(summary['n_dia_sources'])} detections on difference images. "
        f"{count(found)} of {count(injected)} injected sources are among them and were the positive "
        f"examples; everything else was the noisy negative class. Scores of training data are out-of-fold."
    )


def _tiles(summary: dict[str, Any]) -> str:
    spread = {name: interval(value) for name, value in summary["intervals"].items()}
    all_confusion = summary["confusion"].get("all", {})
    purity = summary["label_free"]["purity"]
    contamination = summary["label_free"]["contamination"]
    matched = summary["confusion"].get("matched", {})

    def beside(name: str) -> str:
        return f"{spread[name]}; matched {percent(matched.get(name), 1)}" if matched else spread[name]

    return tiles(
        [
            ("Candidates", count(summary["n_candidates"]), f"of {count(summary['n_objects'])} objects"),
            (
                "Area under ROC",
                number(summary["auc"], 4),
                f"injected against the rest; matched {number(matched.get('auc'), 4)}",
            ),
            ("Sensitivity", percent(all_confusion.get("sensitivity")), beside("sensitivity")),
            ("Specificity", percent(all_confusion.get("specificity")), beside("specificity")),
            ("Real among the rest", percent(contamination["value"]), f"{interval(contamination)}, no labels"),
            ("Purity of the selection", percent(purity["value"], 1), f"{interval(purity, 1)}, no labels"),
        ]
    )
