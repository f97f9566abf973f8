# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look for all figures: colours that the colour-blind can tell apart, light or dark."""

from __future__ import annotations

__all__ = ("Palette", "caption", "drawing", "empty_figure", "new_figure", "palette", "rc_parameters")

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class Palette:
    """Colours by meaning (after Okabe and Ito).

    Parameters
    ----------
    injected
        Injections.
    unlabelled
        Detections that are not injections.
    hidden
        Real detections of a simulation that nobody labelled.
    everything
        All detections together.
    good
        What is selected.
    reference
        Lines to compare with.
    text
        Text and axes.
    background
        Figure.
    series
        Any further series.
    """

    injected: str
    unlabelled: str
    hidden: str
    everything: str
    good: str
    reference: str
    text: str
    background: str
    series: tuple[str, ...]


_LIGHT = Palette(
    injected="#0072B2",
    unlabelled="#8A8F98",
    hidden="#D55E00",
    everything="#1F2430",
    good="#009E73",
    reference="#9AA0AA",
    text="#1F2430",
    background="#FFFFFF",
    series=("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#1F2430"),
)
_DARK = Palette(
    injected="#56B4E9",
    unlabelled="#8D95A3",
    hidden="#F0833A",
    everything="#E6E9EF",
    good="#2CC79A",
    reference="#6B7280",
    text="#D7DBE3",
    background="#171B24",
    series=("#56B4E9", "#F0833A", "#2CC79A", "#E29AC3", "#F0E442", "#8AB4F8", "#E6E9EF"),
)


def palette(*, dark: bool = False) -> Palette:
    """Return the colours.

    Parameters
    ----------
    dark
        For a dark page.

    Returns
    -------
    colours : `Palette`
        Colours by meaning.
    """
    return _DARK if dark else _LIGHT


def rc_parameters(*, dark: bool = False) -> dict[Any, Any]:
    """Return matplotlib's settings for these figures.

    Parameters
    ----------
    dark
        For a dark page.

    Returns
    -------
    settings : `dict` [`str`, `~typing.Any`]
        For `matplotlib.rc_context`.
    """
    colours = palette(dark=dark)
    text = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), colours.text)
    return text | {
        "figure.facecolor": colours.background,
        "savefig.facecolor": colours.background,
        "axes.facecolor": colours.background,
        "axes.edgecolor": colours.reference,
        "axes.titleweight": "bold",
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.labelsize": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": colours.reference,
        "grid.alpha": 0.25,
        "grid.linewidth": 0.6,
        "font.size": 9.0,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.8,
        "figure.dpi": 150,
        "savefig.dpi": 150,
        "svg.fonttype": "path",
    }


@contextlib.contextmanager
def drawing(*, dark: bool = False) -> Iterator[Palette]:
    """Draw in this style.

    Parameters
    ----------
    dark
        For a dark page.

    Yields
    ------
    colours : `Palette`
        Colours by meaning.
    """
    import matplotlib as mpl

    with mpl.rc_context(rc_parameters(dark=dark)):
        yield palette(dark=dark)


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure that needs no display.

    Parameters
    ----------
    width
        Width in inches.
    height
        Height in inches.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Figure with constrained layout.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def empty_figure(message: str, *, dark: bool = False) -> Figure:
    """Make a figure that says why there is nothing to see.

    Parameters
    ----------
    message
        What is missing.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        Figure with the message.
    """
    with drawing(dark=dark):
        figure = new_figure(6.0, 1.2)
        figure.text(0.5, 0.5, message, ha="center", va="center", fontsize=10)
    return figure


def caption(figure: Figure, text: str) -> None:
    """Write numbers and conditions below a figure.

    Parameters
    ----------
    figure
        Figure with constrained layout.
    text
        One line.
    """
    figure.supxlabel(text, fontsize=8, x=0.01, ha="left", alpha=0.8)
