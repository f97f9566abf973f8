# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections on purity without labels and on the simulated truth."""

from __future__ import annotations

__all__ = (
    "purity_section",
    "truth_section",
)

from typing import Any

from .markup import count, html_table, interval, number, percent
from .reading import Results
from .sections import Section, figure_markup, text_markup


def purity_section(results: Results, summary: dict[str, Any]) -> Section:
    """Show contamination and purity without labels.

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
    alpha, purity = summary["label_free"]["contamination"], summary["label_free"]["purity"]
    text = text_markup(
        f"Without any label, {percent(alpha['value'])} ({interval(alpha)}) of the detections that are not "
        f"injections are real, and {percent(purity['value'], 1)} ({interval(purity, 1)}) of those at or "
        "above the working threshold. This rests on real detections scoring like injections of equal "
        "significance on an equally bright template."
    )
    rows = [
        (
            name,
            number(point["threshold"]),
            percent(point["sensitivity"]),
            percent(point["specificity"]),
            percent(point["precision"]),
            percent(point["purity"], 1),
        )
        for name, point in summary["operating_points"].items()
    ]
    header = (
        "operating point",
        "threshold",
        "sensitivity",
        "specificity",
        "precision",
        "purity (label-free)",
    )
    table = html_table("Other thresholds.", header, rows)
    return Section(
        "purity", "Purity", "Purity without labels", text + figure_markup(results, "purity") + table
    )


def truth_section(results: Results, summary: dict[str, Any]) -> Section | None:
    """Compare with the simulated truth.

    Parameters
    ----------
    results
        Results of a collection.
    summary
        Its key numbers.

    Returns
    -------
    section : `Section` or `None`
        `None` for real data.
    """
    if "truth" not in summary:
        return None
    truth = summary["truth"]
    text = text_markup(
        "This survey is simulated, and the networks never saw its truth. "
        f"{percent(truth['contamination']['value'])} of the unlabelled detections are real; of those at "
        f"or above the threshold {percent(truth['purity']['value'], 1)}. The area under the "
        f"ROC curve of hidden real sources against true bogus is {number(truth['auc_hidden'], 5)}."
    )
    columns = (
        "detection_completeness",
        "recovery",
        "recovery_injected_same_snr",
        "recovery_at_fpr_1",
        "recovery_at_fpr_1_injected_same_snr",
    )
    header = (
        "kind",
        "detections",
        "changes detected",
        "selected",
        "injections of equal S/N",
        "at FPR 1 %",
        "injections of equal S/N",
    )
    rows = [
        (
            kind.replace("_", " "),
            count(values.get("recovery", {}).get("n")),
            *(percent(values.get(name, {}).get("value"), 1) for name in columns),
        )
        for kind, values in truth["hidden"].items()
    ]
    table = html_table("Hidden real sources, by kind.", header, rows)
    return Section(
        "truth", "Truth", "Against the simulated truth", text + table + figure_markup(results, "recovery")
    )
