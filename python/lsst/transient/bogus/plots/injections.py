# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of injection catalogues: where, how far from the host, how bright."""

from __future__ import annotations

__all__ = ("injection_figure",)

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from .style import Palette, caption, drawing, empty_figure, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_OFFSET = 4.0
_ROOT_TWO_OVER_PI = np.sqrt(2.0 / np.pi)


def injection_figure(
    catalog: Table,
    note: str,
    *,
    image: npt.NDArray[np.floating] | None = None,
    origin: tuple[int, int] = (0, 0),
    dark: bool = False,
) -> Figure:
    """Draw an injection catalogue beside the laws it was drawn from.

    Parameters
    ----------
    catalog
        Injection catalogue of a detector, or of a survey.
    note
        Line below the figure.
    image
        Pixels of the detector to mark the injections on, shape (H, W).
    origin
        Parent column and row of the first pixel.
    dark
        For a dark page.

    Returns
    -------
    figure : `matplotlib.figure.Figure`
        The image with injections and hosts if there is one; the offsets in units of
        the host; the magnitudes against those of the hosts.
    """
    if len(catalog) == 0:
        return empty_figure("No injection to show", dark=dark)
    hosted = catalog[~np.asarray(catalog["is_hostless"])]
    with drawing(dark=dark) as colours:
        figure = new_figure(7.0 if image is None else 11.5, 3.6)
        panels = figure.subplots(1, 2 if image is None else 3, squeeze=False)[0]
        if image is not None:
            _draw_image(panels[0], catalog, image, origin, colours)
        _draw_offsets(panels[-2], hosted, str(catalog.meta.get("OFFSET_LAW", "")), colours)
        _draw_magnitudes(panels[-1], hosted, catalog, colours)
        caption(figure, f"{note}{len(hosted)} hosted and {len(catalog) - len(hosted)} host-less injections.")
    return figure


def _draw_image(
    axis: Axes,
    catalog: Table,
    image: npt.NDArray[np.floating],
    origin: tuple[int, int],
    colours: Palette,
) -> None:
    """Mark injections on the image, with the size of their hosts."""
    finite = image[np.isfinite(image)]
    low, middle, high = np.percentile(finite, (5, 50, 95)) if finite.size else (0.0, 0.0, 1.0)
    spread = max(float(high - low), 1e-12)
    extent = (
        origin[0] - 0.5,
        origin[0] + image.shape[1] - 0.5,
        origin[1] - 0.5,
        origin[1] + image.shape[0] - 0.5,
    )
    shown = np.arcsinh((image - middle) / (0.2 * spread))
    axis.imshow(shown, origin="lower", extent=extent, cmap="gray", vmin=-1.0, vmax=4.0)
    free = np.asarray(catalog["is_hostless"])
    for rows, marker, colour, name in (
        (~free, "o", colours.good, "beside a host"),
        (free, "s", colours.hidden, "host-less"),
    ):
        axis.scatter(
            catalog["x"][rows],
            catalog["y"][rows],
            s=60,
            marker=marker,
            facecolors="none",
            edgecolors=colour,
            linewidths=1.2,
            label=f"{name} ({np.count_nonzero(rows)})",
        )
    axis.set(title="Injections", xlabel="x [pixel]", ylabel="y [pixel]")
    axis.grid(visible=False)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)


def _draw_offsets(axis: Axes, hosted: Table, law: str, colours: Palette) -> None:
    """Draw a histogram of the offsets, and the published law."""
    ratio = np.asarray(hosted["offset_arcsec"]) / np.asarray(hosted["host_semi_major"])
    if len(ratio):
        bins = np.linspace(0.0, _MAX_OFFSET, 25).tolist()
        axis.hist(np.clip(ratio, 0.0, _MAX_OFFSET), bins, density=True, color=colours.injected, alpha=0.7)
    r = np.linspace(0.0, _MAX_OFFSET, 200)
    if law == "signed_normal":
        axis.plot(r, _ROOT_TWO_OVER_PI * np.exp(-(r**2) / 2), color=colours.text, label="|N(0, a)|")
        axis.legend()
    axis.set(title="Offsets", xlabel="offset / semi-major axis of the host", ylabel="density")


def _draw_magnitudes(axis: Axes, hosted: Table, catalog: Table, colours: Palette) -> None:
    """Draw magnitudes against those of the hosts."""
    axis.scatter(hosted["host_mag"], hosted["mag"], s=8, color=colours.injected, alpha=0.6, linewidths=0)
    if len(hosted):
        limits = np.array([np.min(hosted["host_mag"]), np.max(hosted["host_mag"])])
        axis.plot(limits, limits, color=colours.reference, linestyle="--", label="as bright as the host")
        axis.legend()
    free = np.asarray(catalog["mag"])[np.asarray(catalog["is_hostless"])]
    for magnitude in free[:200]:
        axis.axhline(magnitude, xmin=0.0, xmax=0.03, color=colours.hidden, linewidth=0.8)
    axis.set(title="Magnitudes", xlabel="host [mag]", ylabel="injection [mag]")
    axis.invert_xaxis()
    axis.invert_yaxis()
