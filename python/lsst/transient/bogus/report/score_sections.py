# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections on the scores, injections against the rest."""

from __future__ import annotations

__all__ = (
    "calibration_section",
    "classes_section",
    "score_section",
    "subset_section",
)

from typing import Any

from ..plots.scores import subset_title
from .markup import count, html_table, number, percent
from .reading import Results
from .sections import Section, figure_markup, text_markup


def classes_section(results: Results, summary: dict[str, Any]) -> Section:
    """Show the confusion matrices and curves.

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
    text = text_markup(
        f"The working threshold is {number(summary['threshold'])} (rule: {summary['threshold_rule']}). "
        "False positives are detections that look like injections: bogus, or the real transients we want."
    )
    figures = figure_markup(results, "confusion") + figure_markup(results, "ranking")
    return Section("classes", "Confusion", "Injected against the rest", text + figures)


def subset_section(results: Results, summary: dict[str, Any]) -> Section:
    """Show the measures of every subset.

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
    names = ("sensitivity", "specificity", "precision", "npv", "accuracy")
    rows = [
        (
            subset_title(subset),
            count(int(sum(values[k] or 0 for k in ("tp", "fn")))),
            count(int(sum(values[k] or 0 for k in ("fp", "tn")))),
            *(percent(values[name]) for name in names),
            number(values["auc"]),
        )
        for subset, values in summary["confusion"].items()
    ]
    header = (
        "subset",
        "injected",
        "rest",
        "sensitivity",
        "specificity",
        "precision",
        "NPV",
        "accuracy",
        "AUC",
    )
    text = text_markup(
        "In the matched subset injections and others have the same sign, significance and template flux: "
        "a network that only reads one of these would score an AUC of 0.5 there."
    )
    table = html_table("All measures at the working threshold.", header, rows)
    body = (
        text
        + figure_markup(results, "subsets")
        + figure_markup(results, "units")
        + f"<details><summary>All numbers</summary>{table}</details>"
    )
    return Section("subsets", "Subsets", "No shortcut hides: subsets", body)


def score_section(results: Results, summary: dict[str, Any]) -> Section:  # noqa: ARG001
    """Show the scores of the full data set.

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
    text = text_markup(
        "Left, what the networks say: injected or not. Right, the probability that a detection is real, "
        "which also knows that real detections are rare among the unlabelled."
    )
    return Section(
        "scores", "Scores", "Output for the full data set", text + figure_markup(results, "score_histogram")
    )


def calibration_section(results: Results, summary: dict[str, Any]) -> Section:  # noqa: ARG001
    """Show whether probabilities are honest.

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
    text = text_markup(
        "A calibrated probability lies on the diagonal: of the detections at 30 %, 30 % are real."
    )
    return Section("calibration", "Calibration", "Calibration", text + figure_markup(results, "reliability"))
