# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of what the networks did: their training, and the map of their features."""

from __future__ import annotations

__all__ = ("embedding_figure", "training_figure")

from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table

from .style import caption, drawing, empty_figure, new_figure
from .tables import EvaluationTables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
        panels[0].legend(markerscale=4 / np.sqrt(size), loc="best")
        panels[0].set_title("Class and number of the cluster")
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
        _number_clusters(panels[0], embedding, colours.background)
        for axes in panels:
            axes.set(xticks=[], yticks=[], xlabel="UMAP 1")
        panels[0].set_ylabel("UMAP 2")
    return figure


def _number_clusters(axes: Axes, embedding: Table, background: str, *, most: int = 30) -> None:
    """Write the number of each of the largest clusters at its median position."""
    cluster = np.asarray(embedding["cluster"])
    for number in range(min(int(cluster.max(initial=-1)) + 1, most)):
        members = embedding[cluster == number]
        axes.annotate(
            str(number),
            (np.median(members["umap_x"]), np.median(members["umap_y"])),
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": background, "edgecolor": "none", "alpha": 0.8},
        )
