# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of the survey: completeness, purity, recovery, subsets."""

from __future__ import annotations

__all__ = (
    "class_figure",
    "completeness_figure",
    "purity_figure",
    "recovery_figure",
    "subset_figure",
    "unit_figure",
)

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from .scores import subset_title
from .style import caption, drawing, new_figure
from .tables import EvaluationTables, metric_estimate, points, subsets_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MIN_IN_BIN = 4
_SNR_TICKS = (3, 5, 10, 20, 50, 100, 200)


def _band(axes: Axes, rows: Table, **style: Any) -> None:
    """Draw a curve with its interval; points without a value are left out."""
    rows = rows[np.isfinite(rows["y"]) & np.isfinite(rows["x"])]
    axes.plot(rows["x"], rows["y"], **style)
    axes.fill_between(rows["x"], rows["low"], rows["high"], color=style["color"], alpha=0.15, linewidth=0)


def _snr_axis(axes: Axes, label: str) -> None:
    axes.set(xscale="log", xlabel=label)
    low, high = axes.get_xlim()
    ticks = [t for t in _SNR_TICKS if low <= t <= high]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()


def completeness_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw completeness against magnitude and expected significance.

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
        figure = new_figure(9.0, 3.8)
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, curve in ((left, "completeness_mag"), (right, "completeness_snr")):
            for suffix, colour, label in (
                ("", colours.everything, "detected"),
                ("_selected", colours.injected, "detected and selected"),
            ):
                _band(
                    axes,
                    points(tables.curves, curve + suffix, "all"),
                    color=colour,
                    label=label,
                    marker="o",
                    markersize=3,
                )
            bands = subsets_of(tables.curves, prefix="band=", curve=curve)
            for name, colour in zip(bands, colours.series[1:], strict=False):
                rows = points(tables.curves, curve, name)
                axes.plot(
                    rows["x"], rows["y"], ":", color=colour, linewidth=1.1, label=f"detected, {name[5:]}"
                )
        left.set(xlabel="injected magnitude (AB)", ylabel="fraction of injections", ylim=(0, 1.03))
        _snr_axis(right, "expected S/N of the injection")
        left.legend(loc="lower left")
        n = metric_estimate(tables.metrics, "n_injected").value
        found = metric_estimate(tables.metrics, "completeness").value
        caption(figure, f"{n:,.0f} injections, {100 * found:.1f} % detected; 68 % Wilson intervals.")
    return figure


def purity_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw the label-free purity against threshold and completeness.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Two panels; in simulations with the true purity.
    """
    with drawing(dark=dark) as colours:
        figure = new_figure(9.0, 3.8)
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, curve in ((left, "purity"), (right, "purity_completeness")):
            _band(
                axes,
                points(tables.curves, curve, "unlabelled", "label_free"),
                color=colours.injected,
                label="estimated without labels",
            )
            truth = points(tables.curves, curve, "unlabelled", "truth")
            if len(truth):
                axes.plot(truth["x"], truth["y"], "--", color=colours.hidden, label="simulated truth")
        threshold = metric_estimate(tables.metrics, "threshold").value
        left.axvline(threshold, color=colours.good, linestyle=":", label=f"threshold {threshold:.3g}")
        left.set(xlabel="threshold on the score", ylabel="purity of the unlabelled selection", ylim=(0, 1.03))
        right.set(xlabel="fraction of the real detections selected")
        left.legend(loc="lower right")
        alpha = metric_estimate(tables.metrics, "contamination", reference="label_free")
        caption(
            figure,
            f"Real among the {alpha.n:,} unlabelled: {100 * alpha.value:.2f} % "
            f"({100 * alpha.low:.2f}–{100 * alpha.high:.2f} %), without labels.",
        )
    return figure


def recovery_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw the fraction selected against significance for injections and hidden sources.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        One panel.
    """
    with drawing(dark=dark) as colours:
        figure = new_figure(7.6, 3.8)
        axes = figure.subplots()
        _band(
            axes,
            points(tables.curves, "recovery_snr", "injected"),
            color=colours.injected,
            label="injections",
            marker="o",
            markersize=3,
        )
        kinds = subsets_of(tables.curves, curve="recovery_snr", reference="truth")
        for name, colour in zip(kinds, colours.series[1:], strict=False):
            rows = points(tables.curves, "recovery_snr", name, "truth")
            label = f"{name.replace('_', ' ')} ({int(np.sum(rows['n'])):,})"
            if name == "hidden":
                _band(axes, rows, color=colour, label=label, marker="s", markersize=3)
                continue
            rows = rows[np.asarray(rows["n"]) >= _MIN_IN_BIN]
            axes.plot(rows["x"], rows["y"], ":", color=colour, label=label, marker="d", markersize=3, lw=1.1)
        _snr_axis(axes, "S/N of the detection")
        axes.set(ylabel="fraction at or above the threshold", ylim=(0, 1.03))
        figure.legend(loc="outside right upper")
        caption(figure, f"68 % Wilson intervals; kinds where a bin has {_MIN_IN_BIN} or more.")
    return figure


def class_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw how well each class of real detections is told from bogus of its own sign.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Two panels with one row per class; empty for a survey without truth.
    """
    subsets = subsets_of(tables.metrics, prefix="class=", metric="auc", reference="truth")
    names = list(dict.fromkeys(s.split(",")[0] for s in subsets))
    with drawing(dark=dark) as colours:
        figure = new_figure(9.0, 1.5 + 0.34 * max(len(names), 1))
        panels = figure.subplots(1, 2, sharey=True)
        titles = ("Area under the ROC curve", "Selected at the working threshold")
        styles = (("positive", "o", colours.injected, -0.12), ("negative", "s", colours.hidden, 0.12))
        for axes, metric, title in zip(panels, ("auc", "sensitivity"), titles, strict=True):
            for (sign, marker, colour, shift), matched in itertools.product(styles, (False, True)):
                ending = f",sign={sign}" + (",matched" if matched else "")
                rows = [k for k, name in enumerate(names) if name + ending in subsets]
                found = [metric_estimate(tables.metrics, metric, names[k] + ending, "truth") for k in rows]
                value, low, high = (
                    np.array([getattr(e, k) for e in found]) for k in ("value", "low", "high")
                )
                axes.errorbar(
                    value,
                    np.array(rows) + shift * (0.5 if matched else 1.0),
                    xerr=np.nan_to_num(np.abs([value - low, high - value])),
                    fmt=marker,
                    ms=5,
                    color=colour,
                    mfc=colours.background if matched else colour,
                    alpha=0.75 if matched else 1.0,
                    label=f"{sign}{', matched' if matched else ''}",
                )
            axes.set_title(title)
        panels[0].set_yticks(range(len(names)), [n.removeprefix("class=").replace("_", " ") for n in names])
        panels[0].invert_yaxis()
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def subset_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw sensitivity, specificity and area under the ROC curve of every subset.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Three panels with one row per subset.
    """
    units = ("visit=", "detector=")
    names = [
        name
        for name in subsets_of(tables.metrics, metric="auc", reference="injected")
        if not name.startswith(units)
    ]
    with drawing(dark=dark) as colours:
        figure = new_figure(9.0, 1.2 + 0.26 * len(names))
        panels = figure.subplots(1, 3, sharey=True)
        rows = np.arange(len(names))
        for axes, metric, title in zip(
            panels, ("sensitivity", "specificity", "auc"), ("Sensitivity", "Specificity", "AUC"), strict=True
        ):
            found = [metric_estimate(tables.metrics, metric, name) for name in names]
            value = np.array([e.value for e in found])
            spread = np.array([[e.value - e.low, e.high - e.value] for e in found]).reshape(-1, 2).T
            axes.errorbar(
                value, rows, xerr=np.nan_to_num(np.abs(spread)), fmt="o", ms=4, color=colours.injected
            )
            axes.set_title(title)
        panels[0].set_yticks(rows, [subset_title(name) for name in names])
        panels[0].invert_yaxis()
        caption(figure, "Injections against the rest; 68 % intervals by bootstrap over visits.")
    return figure


def unit_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw sensitivity and specificity of every visit and detector.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        One panel for visits in their order, one for detectors.
    """
    with drawing(dark=dark) as colours:
        figure = new_figure(9.0, 3.2)
        panels = figure.subplots(1, 2, sharey=True)
        for axes, unit in zip(panels, ("visit", "detector"), strict=True):
            names = subsets_of(tables.metrics, prefix=f"{unit}=", metric="sensitivity")
            for metric, colour, shift in (
                ("sensitivity", colours.injected, -0.12),
                ("specificity", colours.hidden, 0.12),
            ):
                found = [metric_estimate(tables.metrics, metric, name) for name in names]
                value = np.array([e.value for e in found])
                spread = np.array([[e.value - e.low, e.high - e.value] for e in found]).reshape(-1, 2).T
                axes.errorbar(
                    np.arange(len(names)) + shift,
                    value,
                    yerr=np.nan_to_num(np.abs(spread)),
                    fmt="o",
                    ms=3.5,
                    color=colour,
                    label=metric,
                )
            axes.set_xlabel(f"{len(names)} {unit}s, in their order")
            axes.set_xticks([])
        panels[0].legend(loc="lower left")
        caption(figure, "Injections against the rest at the working threshold; 68 % intervals.")
    return figure
