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
    body = text + _classes(results, truth["classes"]) + table + figure_markup(results, "recovery")
    return Section("truth", "Truth", "Against the simulated truth", body)


def _classes(results: Results, classes: dict[str, Any]) -> str:
    """Show each class against bogus of its own sign, where a shortcut would be seen at once."""
    text = text_markup(
        "Each class of real detections against true bogus of the same sign. A network that knows "
        "injections by what they do not share with nature separates them well and the hidden ones badly; "
        "one that reads the sign separates positive ones alone. In matched pairs the bogus has the same "
        "significance and template flux."
    )
    header = (
        "class, sign",
        "detections",
        "AUC",
        "68 %",
        "AUC, matched",
        "selected",
        "bogus rejected",
        "FPR at TPR 90 %",
    )
    rows = [
        (
            name.replace(",sign=", ", ").replace("_", " "),
            count(int(values["n_detections"]["value"] or 0)),
            number(values["auc"]["value"]),
            interval(values["auc"], 1),
            number(classes.get(f"{name},matched", {}).get("auc", {}).get("value")),
            percent(values["sensitivity"]["value"], 1),
            percent(values["specificity"]["value"], 1),
            percent(values["fpr_at_tpr_90"]["value"], 1),
        )
        for name, values in classes.items()
        if not name.endswith(",matched")
    ]
    if not rows:
        return ""
    table = html_table("Every class against bogus of its own sign.", header, rows)
    return f"<h3>Is there a shortcut?</h3>{text}{figure_markup(results, 'classes')}{table}"
