# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of light curves: one object, one candidate with its stamps, a gallery."""

from __future__ import annotations

__all__ = ("candidate_figure", "gallery_figure", "light_curve_figure")

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from astropy.table import Row, Table

from .object_text import host_text
from .style import caption, drawing, empty_figure, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_SCORE_MAP = "cividis"
_CHANNEL_NAMES = {"difference": "Difference", "science": "Science", "template": "Template"}


def light_curve_figure(light_curve: Table, summary: Row | None = None, *, dark: bool = False) -> Figure:
    """Draw the light curve of one object, a panel for each band.

    Parameters
    ----------
    light_curve
        Rows of ``transient_light_curves`` of one object.
    summary
        Its row of ``transient_objects``, for title and caption.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Detections are filled and coloured by score, forced photometry is
        hollow, injections are squares.
    """
    if not len(light_curve):
        return empty_figure("No epochs.", dark=dark)
    with drawing(dark=dark):
        figure = new_figure(7.0, 1.0 + 1.6 * len(set(light_curve["band"])))
        _draw_bands(figure, light_curve, _title(light_curve, summary))
        caption(figure, _caption(light_curve, summary))
    return figure


def candidate_figure(
    light_curve: Table,
    stamps: npt.NDArray[np.floating[Any]],
    channels: Sequence[str],
    summary: Row | None = None,
    *,
    max_epochs: int = 12,
    dark: bool = False,
) -> Figure:
    """Draw the page of a candidate: its light curve and host above the stamps of its epochs.

    Parameters
    ----------
    light_curve
        Rows of ``transient_light_curves`` of one object.
    stamps
        Stamps of these rows, shape (N, C, size, size); NaN where there is
        none (forced epochs).
    channels
        Names of the channels, length C.
    summary
        Its row of ``transient_objects``.
    max_epochs
        Epochs with stamps beyond this number are left out, the ones of lowest
        significance first.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Stamps in order of time, each channel on one scale for all epochs.  The host
        is the mean of the templates.
    """
    if not len(light_curve):
        return empty_figure("No epochs.", dark=dark)
    present = np.flatnonzero(np.isfinite(stamps).any(axis=(1, 2, 3)))
    strongest = present[np.argsort(-np.nan_to_num(np.asarray(light_curve["snr"], float)[present]))][
        :max_epochs
    ]
    shown = strongest[np.argsort(np.asarray(light_curve["midpointMjdTai"])[strongest], kind="stable")]
    n_bands = len(set(light_curve["band"]))
    heights = [1.0 + 1.4 * n_bands, 0.4 + 0.75 * len(channels)]
    with drawing(dark=dark):
        figure = new_figure(9.0, sum(heights) if len(shown) else heights[0])
        if not len(shown):
            _draw_bands(figure, light_curve, _title(light_curve, summary))
            return figure
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
        left, right = upper.subfigures(1, 2, squeeze=False, width_ratios=[4.0, 1.0])[0]
        _draw_bands(left, light_curve, _title(light_curve, summary))
        _draw_host(right, stamps[shown], channels, summary)
        _draw_stamps(lower, light_curve[shown], stamps[shown], channels)
        caption(lower, _caption(light_curve, summary))
    return figure


def gallery_figure(
    objects: Table, light_curves: Table, *, max_objects: int = 12, columns: int = 3, dark: bool = False
) -> Figure:
    """Draw the light curves of several objects, the most probable first.

    Parameters
    ----------
    objects
        Rows of ``transient_objects``.
    light_curves
        Rows of ``transient_light_curves`` that hold them.
    max_objects
        Largest number of panels.
    columns
        Panels in a row.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        A panel for each object, a colour for each band.
    """
    if not len(objects):
        return empty_figure("No candidates.", dark=dark)
    order = np.lexsort((-np.asarray(objects["peak_snr"]), -np.asarray(objects["probability"])))[:max_objects]
    bands = sorted(set(np.asarray(light_curves["band"], dtype=str)))
    owners = np.asarray(light_curves["diaObjectId"])
    n_columns = min(columns, len(order))
    n_rows = -(-len(order) // n_columns)
    with drawing(dark=dark) as colours:
        figure = new_figure(3.2 * n_columns, 2.0 * n_rows + 0.4)
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axis, row in zip(axes, order, strict=False):
            _draw_small(
                axis, objects[row], light_curves[owners == objects["diaObjectId"][row]], bands, colours
            )
        for axis in axes[len(order) :]:
            axis.set_axis_off()
        handles = [
            axes[0].plot([], [], "o", color=colours.series[i % len(colours.series)], label=band)[0]
            for i, band in enumerate(bands)
        ]
        figure.legend(handles=handles, loc="outside upper right", ncols=len(bands))
        caption(
            figure, f"{len(order)} of {len(objects)} objects; filled: detected, hollow: forced; flux in nJy"
        )
    return figure


def _draw_bands(figure: Figure | SubFigure, light_curve: Table, title: str) -> None:
    """Draw one panel for each band and one colour bar for the score."""
    bands = sorted(set(np.asarray(light_curve["band"], dtype=str)))
    axes = figure.subplots(len(bands), 1, sharex=True, squeeze=False).ravel()
    reference = np.floor(np.min(light_curve["midpointMjdTai"]))
    points = None
    for axis, band in zip(axes, bands, strict=True):
        rows = light_curve[np.asarray(light_curve["band"], dtype=str) == band]
        points = _draw_points(axis, rows, reference)
        axis.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
        axis.set_ylabel(f"{band} flux [nJy]")
    axes[0].set_title(title)
    axes[-1].set_xlabel(f"MJD (TAI) − {reference:.0f} [d]")
    if points is not None:
        figure.colorbar(points, ax=list(axes), label="Score", fraction=0.04, pad=0.01)


def _draw_points(axis: Axes, rows: Table, reference: float) -> Any:
    """Draw the epochs of a band and return what the colour bar is of."""
    time = np.asarray(rows["midpointMjdTai"]) - reference
    flux, error = (np.asarray(rows[name], dtype=float) for name in ("psfFlux", "psfFluxErr"))
    forced, injected = (np.asarray(rows[name], dtype=bool) for name in ("is_forced", "is_injected"))
    axis.errorbar(time, flux, yerr=error, fmt="none", ecolor="0.6", elinewidth=1.0, zorder=1)
    axis.scatter(time[forced], flux[forced], s=22, facecolors="none", edgecolors="0.5", zorder=2)
    points = None
    for chosen, marker in ((~forced & ~injected, "o"), (~forced & injected, "s")):
        points = axis.scatter(
            time[chosen],
            flux[chosen],
            c=np.asarray(rows["score"], dtype=float)[chosen],
            vmin=0.0,
            vmax=1.0,
            cmap=_SCORE_MAP,
            marker=marker,
            s=34,
            edgecolors="0.4",
            linewidths=0.6,
            plotnonfinite=True,
            zorder=3,
        )
    return points


def _draw_stamps(
    figure: Figure | SubFigure, rows: Table, stamps: npt.NDArray[np.floating[Any]], channels: Sequence[str]
) -> None:
    """Draw a row of stamps for each channel, a column for each epoch."""
    axes = figure.subplots(len(channels), len(rows), squeeze=False)
    for c, name in enumerate(channels):
        low, high = np.nanpercentile(stamps[:, c], [1.0, 99.5]) if np.isfinite(stamps[:, c]).any() else (0, 1)
        for column, axis in enumerate(axes[c]):
            axis.imshow(stamps[column, c], origin="lower", cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
            axis.set(xticks=[], yticks=[])
            axis.grid(visible=False)
        axes[c, 0].set_ylabel(_CHANNEL_NAMES.get(name, name), fontsize=8)
    for axis, row in zip(axes[0], rows, strict=True):
        axis.set_title(
            f"{row['midpointMjdTai']:.1f} {row['band']}\n{row['score']:.2f}", fontsize=7, loc="center"
        )


def _draw_host(
    figure: Figure | SubFigure,
    stamps: npt.NDArray[np.floating[Any]],
    channels: Sequence[str],
    summary: Row | None,
) -> None:
    """Draw what is there when the transient is not, and say which galaxy it is."""
    axis = figure.subplots()
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    axis.set_title("Template", fontsize=8, loc="center")
    if "template" in channels:
        templates = stamps[:, channels.index("template")]
        known = np.isfinite(templates)
        mean = np.where(known, templates, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        low, high = np.percentile(mean, [1.0, 99.5])
        axis.imshow(mean, origin="lower", cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
        axis.plot((mean.shape[1] - 1) / 2, (mean.shape[0] - 1) / 2, "+", color="tab:red", markersize=10)
    axis.set_xlabel("" if summary is None else host_text(summary).replace(", ", "\n"), fontsize=7)


def _draw_small(axis: Axes, summary: Row, rows: Table, bands: Sequence[str], colours: Any) -> None:
    """Draw one panel of the gallery."""
    time = np.asarray(rows["midpointMjdTai"]) - np.floor(summary["first_mjd"])
    forced = np.asarray(rows["is_forced"], dtype=bool)
    for i, band in enumerate(bands):
        colour = colours.series[i % len(colours.series)]
        for hidden in (False, True):
            chosen = (np.asarray(rows["band"], dtype=str) == band) & (forced == hidden)
            axis.errorbar(
                time[chosen],
                np.asarray(rows["psfFlux"])[chosen],
                yerr=np.asarray(rows["psfFluxErr"])[chosen],
                fmt="o",
                color=colour,
                markersize=3.5,
                markerfacecolor="none" if hidden else colour,
                elinewidth=0.8,
            )
    axis.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    axis.set_title(f"P = {summary['probability']:.2f}, S/N {summary['peak_snr']:.0f}", fontsize=8)
    axis.text(0.02, 0.02, f"{summary['diaObjectId']}", transform=axis.transAxes, fontsize=6, alpha=0.7)
    axis.tick_params(labelsize=7)


def _title(light_curve: Table, summary: Row | None) -> str:
    return f"Object {light_curve['diaObjectId'][0]}" + (
        "" if summary is None else f"   {summary['ra']:.5f} {summary['dec']:+.5f}"
    )


def _caption(light_curve: Table, summary: Row | Mapping[str, Any] | None) -> str:
    forced = int(np.count_nonzero(light_curve["is_forced"]))
    text = f"{len(light_curve) - forced} detections, {forced} forced (hollow)"
    if summary is None:
        return text
    return (
        f"{text}; detected in {summary['n_nights']} nights, supported by {summary['n_nights_supporting']}; "
        f"P = {summary['probability']:.3f}; "
        f"{'confirmed' if summary['is_confirmed'] else 'not confirmed'}"
    )
