# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections of the page."""

from __future__ import annotations

__all__ = (
    "Section",
    "calibration_section",
    "classes_section",
    "data_section",
    "injection_section",
    "map_section",
    "purity_section",
    "score_section",
    "subset_section",
    "training_section",
    "truth_section",
)

import dataclasses
import html
from typing import Any

from ..plots.catalogue import EVALUATION_FIGURES
from ..plots.scores import subset_title
from .markup import count, html_figure, html_table, interval, number, percent
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


def _text(*paragraphs: str) -> str:
    return "".join(f"<p>{html.escape(p)}</p>" for p in paragraphs)


def _figure(results: Results, name: str, caption: str = "") -> str:
    entry = EVALUATION_FIGURES[name]
    return html_figure(lambda dark: entry(results.tables, dark=dark), entry.title, caption)


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
    text = _text(
        f"{count(summary['n_dia_sources'])} detections were labelled: "
        f"{count(summary['n_injected_detected'])} detected injections, "
        f"{count(summary['n_ambiguous'])} ambiguous ones that are used nowhere, and the rest. "
        f"{count(summary['n_unscored'])} have no score, because too much of their stamp is missing."
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
    text = _text(
        f"{count(summary['n_injected'])} point sources were injected beside galaxies and on empty sky, "
        f"drawn anew for every visit; {percent(summary['completeness']['value'], 1)} were detected on the "
        f"difference image and {percent(summary['completeness_selected']['value'], 1)} also selected by the "
        "score. Undetected injections count: this is what the survey would find of such sources."
    )
    caption = "The expected S/N follows from the magnitude and the median flux error of the detector."
    return Section(
        "injections",
        "Injections",
        "Injections and their recovery",
        text + _figure(results, "completeness", caption),
    )


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
    text = _text(
        "Networks are trained on injections against the rest, each without one fold of the sky. The rest "
        "holds real transients too; samples that the networks find implausible lose weight."
    )
    return Section("training", "Training", "Training", text + _figure(results, "training"))


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
    text = _text(
        f"The working threshold is {number(summary['threshold'])} (rule: {summary['threshold_rule']}). "
        "False positives are detections that look like injections: bogus, or the real transients we want."
    )
    figures = _figure(results, "confusion") + _figure(results, "ranking")
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
    text = _text(
        "In the matched subset injections and others have the same sign, significance and template flux: "
        "a network that only reads one of these would score an AUC of 0.5 there."
    )
    table = html_table("All measures at the working threshold.", header, rows)
    body = text + _figure(results, "subsets") + f"<details><summary>All numbers</summary>{table}</details>"
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
    text = _text(
        "Left, what the networks say: injected or not. Right, the probability that a detection is real, "
        "which also knows that real detections are rare among the unlabelled."
    )
    return Section(
        "scores", "Scores", "Output for the full data set", text + _figure(results, "score_histogram")
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
    text = _text("A calibrated probability lies on the diagonal: of the detections at 30 %, 30 % are real.")
    return Section("calibration", "Calibration", "Calibration", text + _figure(results, "reliability"))


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
    text = _text(
        f"Without any label, {percent(alpha['value'])} ({interval(alpha)}) of the detections that are not "
        f"injections are real, and {percent(purity['value'], 1)} ({interval(purity, 1)}) of those at or "
        "above the working threshold. This rests on real detections scoring like injections of the same "
        "significance."
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
    return Section("purity", "Purity", "Purity without labels", text + _figure(results, "purity") + table)


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
    text = _text(
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
        "injections of that S/N",
        "selected at FPR 1 %",
        "injections of that S/N",
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
        "truth", "Truth", "Against the simulated truth", text + table + _figure(results, "recovery")
    )


def map_section(results: Results, summary: dict[str, Any]) -> Section | None:  # noqa: ARG001
    """Show the map of the latent features.

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
    embedding = results.tables.embedding
    if embedding is None or len(embedding) == 0:
        return None
    text = _text("Detections that look alike to the networks are neighbours; clumps are kinds of artefacts.")
    return Section("map", "Map", "Map of the detections", text + _figure(results, "embedding"))
