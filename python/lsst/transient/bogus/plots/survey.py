# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of the survey: completeness, purity, recovery, subsets, training, embedding."""

from __future__ import annotations

__all__ = (
    "completeness_figure",
    "embedding_figure",
    "purity_figure",
    "recovery_figure",
    "subset_figure",
    "training_figure",
)

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from .scores import subset_title
from .style import caption, drawing, empty_figure, new_figure
from .tables import EvaluationTables, metric_estimate, points, subsets_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
        figure = new_figure(6.0, 3.8)
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
            _band(axes, rows, color=colour, label=label, marker="s", markersize=3)
        _snr_axis(axes, "S/N of the detection")
        axes.set(ylabel="fraction at or above the threshold", ylim=(0, 1.03))
        axes.legend(loc="lower right")
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


def training_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw loss and area under the ROC curve against the epoch.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Three panels: the mean over the networks and their range.
    """
    history = tables.history
    if history is None or len(history) == 0:
        return empty_figure("The model was not trained here: there is no training history.", dark=dark)
    with drawing(dark=dark) as colours:
        figure = new_figure(9.0, 3.2)
        loss, area, kept = figure.subplots(1, 3)
        for axes, column, colour, label in (
            (loss, "train_loss", colours.injected, "training"),
            (loss, "validation_loss", colours.hidden, "held-out fold"),
            (area, "validation_auc", colours.injected, "held-out fold"),
            (kept, "kept_positive", colours.injected, "injected"),
            (kept, "kept_negative", colours.hidden, "the rest"),
        ):
            epoch, members = np.unique(np.asarray(history["epoch"]), return_inverse=True)
            value = np.full((len(history), len(epoch)), np.nan)
            value[np.arange(len(history)), members] = np.asarray(history[column], dtype=float)
            filled = np.isfinite(value).any(axis=0)
            value = value[:, filled]
            axes.plot(epoch[filled], np.nanmean(value, axis=0), color=colour, label=label)
            axes.fill_between(
                epoch[filled],
                np.nanmin(value, axis=0),
                np.nanmax(value, axis=0),
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
        loss.set(xlabel="epoch", ylabel="loss")
        area.set(xlabel="epoch", ylabel="AUC, injected against the rest")
        kept.set(xlabel="epoch", ylabel="mean weight of the samples", ylim=(0, None))
        loss.legend()
        kept.legend()
        n_networks = len(np.unique(np.asarray(history["network"])))
        caption(figure, f"Mean and range over {n_networks} networks.")
    return figure


def embedding_figure(tables: EvaluationTables, *, dark: bool = False) -> Figure:
    """Draw the UMAP of the networks' latent features by class, by significance and by score.

    Parameters
    ----------
    tables
        Tables of the evaluation.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Three panels.
    """
    embedding = tables.embedding
    if embedding is None or len(embedding) == 0:
        return empty_figure("There is no embedding.", dark=dark)
    with drawing(dark=dark) as colours:
        figure = new_figure(11.0, 4.0)
        panels = figure.subplots(1, 3, sharex=True, sharey=True)
        x, y = np.asarray(embedding["umap_x"]), np.asarray(embedding["umap_y"])
        size = float(np.clip(6000 / max(len(x), 1), 0.5, 8))
        injected = np.asarray(embedding["label"]) == 1
        for mask, colour, label in (
            (~injected, colours.unlabelled, "the rest"),
            (injected, colours.injected, "injected"),
        ):
            panels[0].scatter(
                x[mask],
                y[mask],
                s=size,
                color=colour,
                linewidths=0,
                rasterized=True,
                label=f"{label} ({mask.sum():,})",
            )
        panels[0].legend(markerscale=3, loc="best")
        panels[0].set_title("Class")
        snr = np.log10(np.clip(np.asarray(embedding["snr"], dtype=float), 1, None))
        for axes, colour_value, title, limits in (
            (panels[1], snr, "S/N (log10)", np.nanpercentile(snr, [1, 99])),
            (panels[2], np.asarray(embedding["score"], dtype=float), "Score", (0.0, 1.0)),
        ):
            order = np.argsort(np.nan_to_num(colour_value))
            shown = axes.scatter(
                x[order],
                y[order],
                c=colour_value[order],
                s=size,
                cmap="cividis",
                vmin=limits[0],
                vmax=limits[1],
                linewidths=0,
                rasterized=True,
            )
            figure.colorbar(shown, ax=axes, shrink=0.85)
            axes.set_title(title)
        for axes in panels:
            axes.set(xticks=[], yticks=[], xlabel="UMAP 1")
        panels[0].set_ylabel("UMAP 2")
    return figure
