# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets: stamps of every class side by side, as the networks see them."""

from __future__ import annotations

__all__ = ("CLASSES", "SheetRow", "choose_rows", "class_of", "contact_sheet_figure")

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from .style import caption, drawing, empty_figure, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASSES = ("injected", "unlabelled, positive", "unlabelled, negative", "ambiguous")
"""Classes in the order of the sheet."""
_GAP = 2


@dataclasses.dataclass(frozen=True)
class SheetRow:
    """The stamps of one class.

    Parameters
    ----------
    title
        Name of the class.
    total
        Number of sources of the class, shown or not.
    ids
        DIA sources shown, shape (N,).
    snr
        Their signal-to-noise, shape (N,).
    pixels
        Their stamps as the networks are given them, shape (N, C, size, size); blank
        where not finite.
    """

    title: str
    total: int
    ids: npt.NDArray[np.int64]
    snr: npt.NDArray[np.floating]
    pixels: npt.NDArray[np.floating]


def class_of(labels: Table) -> npt.NDArray[np.int64]:
    """Return the class of each labelled source.

    Parameters
    ----------
    labels
        Labels, N rows.

    Returns
    -------
    classes : `numpy.ndarray`
        Index into `CLASSES`, shape (N,), int64.
    """
    classes = np.where(np.asarray(labels["sign"]) < 0, 2, 1)
    classes = np.where(np.asarray(labels["label"]) == 1, 0, classes)
    return np.where(np.asarray(labels["is_ambiguous"]), 3, classes).astype(np.int64)


def choose_rows(snr: npt.NDArray[np.floating], n: int) -> npt.NDArray[np.int64]:
    """Choose sources that cover the range of signal-to-noise evenly.

    Parameters
    ----------
    snr
        Signal-to-noise, shape (N,).
    n
        Number to choose.

    Returns
    -------
    rows : `numpy.ndarray`
        At most ``n`` rows in ascending order of signal-to-noise, int64.
    """
    order = np.argsort(snr, kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, min(n, len(order))).round().astype(np.int64))]


def contact_sheet_figure(
    rows: Sequence[SheetRow], channels: Sequence[str], note: str, *, dark: bool = False
) -> Figure:
    """Draw a contact sheet: a strip for each class, the channels below each other.

    Parameters
    ----------
    rows
        Classes to show; those without stamps are left out.
    channels
        Names of the channels.
    note
        Line below the figure.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        The sheet.

    Notes
    -----
    Black and white are the same for all stamps of a channel: the range that holds
    99 % of the pixels of the sheet.
    """
    shown = [row for row in rows if len(row.ids)]
    if not shown:
        return empty_figure("No DIA source to show", dark=dark)
    longest = max(len(row.ids) for row in shown)
    with drawing(dark=dark) as colours:
        height = 0.55 + 0.55 * len(channels)
        figure = new_figure(max(0.75 * longest + 1.0, 5.0), height * len(shown) + 0.3)
        colour = dict(
            zip(CLASSES, (colours.injected, colours.text, colours.unlabelled, colours.hidden), strict=True)
        )
        axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
        limits = _limits(np.concatenate([row.pixels for row in shown]))
        for axis, row in zip(axes, shown, strict=True):
            _draw_row(axis, row, channels, longest, limits)
            axis.set_title(f"{row.title}: {len(row.ids)} of {row.total}", color=colour.get(row.title), pad=19)
        caption(figure, note)
    return figure


def _limits(pixels: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the values of each channel, shape (C, 2), that are black and white."""
    limits = []
    for channel in np.moveaxis(pixels, 1, 0):
        finite = channel[np.isfinite(channel)]
        low, high = np.percentile(finite, [0.5, 99.5]) if len(finite) else (0.0, 1.0)
        limits.append((low, high) if high > low else (low - 0.5, low + 0.5))
    return np.array(limits)


def _draw_row(
    axis: Axes, row: SheetRow, channels: Sequence[str], longest: int, limits: npt.NDArray[np.float64]
) -> None:
    """Draw the stamps of one class."""
    size = row.pixels.shape[-1]
    pitch = size + _GAP
    low, high = (limits[:, i, np.newaxis, np.newaxis] for i in (0, 1))
    grey = np.full((longest, len(channels), pitch, pitch), np.nan)
    grey[: len(row.ids), :, :size, :size] = (row.pixels - low) / (high - low)
    # (source, channel, y, x) to (channel, y, source, x); y goes up in each stamp.
    canvas = grey[:, :, ::-1].transpose(1, 2, 0, 3).reshape(len(channels) * pitch, longest * pitch)
    axis.imshow(np.ma.masked_invalid(canvas), cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    for number, (source, snr) in enumerate(zip(row.ids, row.snr, strict=True)):
        # Identifiers of 19 digits do not fit above a stamp in one line.
        text = f"{str(source)[:10]}\n{str(source)[10:]}\nS/N {snr:.1f}"
        axis.text((number + 0.5) * pitch, -1, text, ha="center", va="bottom", fontsize=4)
    axis.set_yticks([(number + 0.5) * pitch for number in range(len(channels))], channels, fontsize=6)
    axis.set_xticks([])
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)
