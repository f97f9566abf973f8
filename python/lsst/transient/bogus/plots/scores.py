# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of the scores themselves: confusion, ranking, histograms, calibration."""

from __future__ import annotations

__all__ = ("confusion_figure", "ranking_figure", "reliability_figure", "score_histogram_figure")

from typing import TYPE_CHECKING, Any

import numpy as np

from .style import Palette, caption, drawing, new_figure
from .tables import EvaluationTables, metric_estimate, points, subsets_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES = {"all": "All detections", "matched": "Matched in sign, S/N and host"}


def subset_title(name: str) -> str:
    """Return the name of a subset for people.

    Parameters
    ----------
    name
        Name in the tables.

    Returns
    -------
    title : `str`
        Name in a figure.
    """
    if name.startswith("snr_gt_"):
        return f"S/N > {name.removeprefix('snr_gt_')}"
    return _TITLES.get(name, name.replace("snr=", "S/N ").replace("snr>=", "S/N ≥ ").replace("=", ": "))


def headline_subsets(tables: EvaluationTables) -> list[str]:
    """List the headline subsets that were measured.

    Parameters
    ----------
    tables
        Tables of the evaluation.

    Returns
    -------
    names : `list` [`str`]
        ``all``, ``snr_gt_…`` and ``matched``, where present.
    """
    names = subsets_of(tables.metrics, metric="auc", reference="injected")
    return [n for n in names if n in ("all", "matched") or n.startswith("snr_gt_")]


def confusion_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw the confusion matrices of all, of bright and of matched detections.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        One panel per subset.
    """
    subsets = headline_subsets(tables)
    with drawing(dark=dark) as colours:
        figure = new_figure(3.7 * max(len(subsets), 1), 4.0)
        for axes, subset in zip(np.ravel(figure.subplots(1, max(len(subsets), 1))), subsets, strict=False):
            _confusion_panel(axes, tables, subset, colours)
        threshold = metric_estimate(tables.metrics, "threshold").value
        caption(
            figure, f"Working threshold {threshold:.3g} on out-of-fold scores; 68 % intervals over visits."
        )
    return figure


def _confusion_panel(axes: Axes, tables: EvaluationTables, subset: str, colours: Palette) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    value = {
        name: metric_estimate(tables.metrics, name, subset)
        for name in ("tp", "fn", "fp", "tn", "sensitivity", "specificity", "precision", "npv", "accuracy")
    }
    counts = np.array([[value["tp"].value, value["fn"].value], [value["fp"].value, value["tn"].value]])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ramp = LinearSegmentedColormap.from_list("share", [colours.background, colours.injected])
    axes.imshow(share, cmap=ramp, vmin=0, vmax=1.25, aspect="auto")
    for (row, column), number in np.ndenumerate(counts):
        strong = share[row, column] > 0.6
        axes.text(
            column,
            row,
            f"{number:,.0f}\n{100 * share[row, column]:.1f} %",
            ha="center",
            va="center",
            fontsize=13,
            color="#FFFFFF" if strong and colours.background == "#FFFFFF" else colours.text,
            fontweight="bold",
        )
    axes.set_xticks([0, 1], ["selected", "rejected"])
    axes.set_yticks([0, 1], ["injected", "the rest"], rotation=90, va="center")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_title(f"{subset_title(subset)} (n = {value['tp'].n:,})")
    lines = (("sensitivity", "specificity"), ("precision", "npv"), ("accuracy",))
    names = {"npv": "NPV"}
    axes.set_xlabel(
        "\n".join(
            "    ".join(f"{names.get(n, n)} {100 * value[n].value:.2f} {_spread(value[n])}%" for n in line)
            for line in lines
        ),
        fontsize=8.5,
    )


def _spread(estimate: Any) -> str:
    half = 50 * (estimate.high - estimate.low)
    return f"± {half:.2f} " if np.isfinite(half) else ""


def ranking_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw the ROC and precision–recall curves.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Two panels.
    """
    with drawing(dark=dark) as colours:
        figure = new_figure(9.0, 4.5)
        left, right = figure.subplots(1, 2)
        curves = [(s, "injected", subset_title(s)) for s in headline_subsets(tables)]
        curves.append(("unlabelled", "truth", "Hidden real sources (simulated truth)"))
        smallest = 1e-3
        for (subset, reference, title), colour in zip(curves, colours.series, strict=False):
            roc = points(tables.curves, "roc", subset, reference)
            if len(roc) == 0:
                continue
            area = metric_estimate(tables.metrics, "auc", subset, reference).value
            dash = "--" if reference == "truth" else "-"
            left.plot(roc["x"], roc["y"], dash, color=colour, label=f"{title}: AUC {area:.4f}")
            positive = np.asarray(roc["x"])[np.asarray(roc["x"]) > 0]
            smallest = min(smallest, positive.min()) if len(positive) else smallest
            recall = points(tables.curves, "precision_recall", subset, reference)
            right.plot(recall["x"], recall["y"], dash, color=colour)
        left.set(xscale="log", xlim=(max(smallest, 1e-5), 1), ylim=(0, 1.01))
        left.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
        right.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
        right.set_title("Precision and recall")
        if left.get_legend_handles_labels()[0]:
            figure.legend(loc="outside lower center", ncols=2)
    return figure


def score_histogram_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw the scores of the full data set against those of the injections.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Two panels: the networks' output and the calibrated probability.
    """
    names = {"all": "all DIA sources", "injected": "injections", "hidden": "hidden real (truth)"}
    with drawing(dark=dark) as colours:
        figure = new_figure(9.0, 3.8)
        panels = (("score_raw", "output of the networks"), ("score", "calibrated probability of being real"))
        for axes, (column, label) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
            for kind, colour in (
                ("all", colours.everything),
                ("injected", colours.injected),
                ("hidden", colours.hidden),
            ):
                rows = points(
                    tables.curves, f"{column}_histogram", kind, "truth" if kind == "hidden" else "injected"
                )
                if len(rows) == 0:
                    continue
                edges = np.linspace(0.0, 1.0, len(rows) + 1)
                axes.stairs(
                    rows["y"],
                    edges,
                    color=colour,
                    fill=kind == "injected",
                    alpha=0.45 if kind == "injected" else 1.0,
                    linewidth=1.6,
                    label=f"{names[kind]} ({int(np.sum(rows['n'])):,})",
                )
            most = points(tables.curves, f"{column}_histogram", "all")["n"]
            axes.set(yscale="log", xlim=(0, 1), xlabel=label)
            axes.set_ylim(0.5, 10.0 * max(most.max(initial=1), 1))
            if column == "score":
                threshold = metric_estimate(tables.metrics, "threshold").value
                axes.axvline(threshold, color=colours.good, linestyle=":", label=f"threshold {threshold:.3g}")
                axes.legend(loc="upper center")
            else:
                axes.set_ylabel("DIA sources per bin")
    return figure


def reliability_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw predicted against observed frequencies.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Two panels: the networks' output and the calibrated probability.
    """
    with drawing(dark=dark) as colours:
        figure = new_figure(9.0, 4.2)
        left, right = figure.subplots(1, 2)
        for axes, curve, subset, reference, colour, label in (
            (left, "reliability_raw", "all", "injected", colours.injected, "share of injections"),
            (right, "reliability", "unlabelled", "label_free", colours.injected, "without labels"),
            (right, "reliability", "unlabelled", "truth", colours.hidden, "simulated truth"),
        ):
            rows = points(tables.curves, curve, subset, reference)
            rows = rows[np.isfinite(rows["y"]) & np.isfinite(rows["x"])]
            if len(rows) == 0:
                continue
            y = np.asarray(rows["y"])
            spread = np.nan_to_num(np.abs([y - rows["low"], rows["high"] - y]))
            axes.errorbar(rows["x"], y, yerr=spread, fmt="o-", ms=4, capsize=2, color=colour, label=label)
        for axes in (left, right):
            axes.plot([0, 1], [0, 1], "--", color=colours.reference, linewidth=1)
            axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="observed fraction")
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="upper left")
        left.set(xlabel="mean output of the networks", title="Injections against the rest")
        right.set(xlabel="calibrated probability", title="Unlabelled detections that are real")
    return figure
