# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of injection catalogues: where, how far from the host, how bright."""

from __future__ import annotations

__all__ = ("injection_figure", "survey_catalog")

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from astropy.table import Table, vstack

from ..injection_laws import offset_density, scaled_offsets
from ..sphere import position_angle
from .style import Palette, caption, drawing, empty_figure, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_OFFSET = 4.0
_HOST_RADIUS = 3.0
"""Circles around hosts, in units of the semi-major axis."""
_MAX_SIDE = 1024
"""Pixels of a side that can be told apart in a panel."""


def survey_catalog(catalogs: Sequence[Table]) -> Table:
    """Stack injection catalogues.

    Parameters
    ----------
    catalogs
        Catalogues of visits and detectors, at least one, with their metadata; they
        are not changed.

    Returns
    -------
    catalog : `astropy.table.Table`
        All rows, with the metadata that all have in common: a law of the survey is
        one that all its catalogues were drawn from.
    """
    first = catalogs[0].meta
    common = {key: value for key, value in first.items() if all(c.meta.get(key) == value for c in catalogs)}
    stacked = vstack(list(catalogs), metadata_conflicts="silent")
    stacked.meta.clear()
    stacked.meta |= common
    return stacked


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
        Injection catalogue of a detector, or of a survey.  The laws are in its
        metadata; a law that is not there is not drawn.
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
        The image with hosts circled and injections marked if there is one; the
        offsets in units of the host; the magnitudes against those of the hosts.
    """
    if len(catalog) == 0:
        return empty_figure("No injection to show", dark=dark)
    hosted = catalog[~np.asarray(catalog["is_hostless"])]
    with drawing(dark=dark) as colours:
        figure = new_figure(7.0 if image is None else 11.5, 3.6)
        panels = figure.subplots(1, 2 if image is None else 3, squeeze=False)[0]
        if image is not None:
            _draw_image(panels[0], catalog, image, origin, colours)
        _draw_offsets(panels[-2], hosted, colours)
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
    """Mark injections on the image, and circle their hosts."""
    pixels, step = _binned(image)
    finite = pixels[np.isfinite(pixels)]
    low, middle, high = np.percentile(finite, (5, 50, 95)) if finite.size else (0.0, 0.0, 1.0)
    spread = max(float(high - low), 1e-12)
    left, bottom = origin[0] - 0.5, origin[1] - 0.5
    extent = (left, left + step * pixels.shape[1], bottom, bottom + step * pixels.shape[0])
    shown = np.arcsinh((pixels - middle) / (0.2 * spread))
    axis.imshow(shown, origin="lower", extent=extent, cmap="gray", vmin=-1.0, vmax=4.0)
    free = np.asarray(catalog["is_hostless"])
    for rows, marker, colour, name in (
        (~free, "+", colours.good, "beside a host"),
        (free, "x", colours.hidden, "host-less"),
    ):
        axis.scatter(
            catalog["x"][rows],
            catalog["y"][rows],
            s=30,
            marker=marker,
            color=colour,
            linewidths=0.9,
            label=f"{name} ({np.count_nonzero(rows)})",
        )
    _circle_hosts(axis, catalog[~free], colours)
    axis.set(title="Injections", xlabel="x [pixel]", ylabel="y [pixel]")
    axis.grid(visible=False)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)


def _circle_hosts(axis: Axes, hosted: Table, colours: Palette) -> None:
    """Circle the hosts, if the catalogue has their pixels."""
    from matplotlib.collections import EllipseCollection

    scale = float(hosted.meta.get("PIXEL_SCALE", 0.0))
    if not scale > 0.0 or "host_x" not in hosted.colnames:
        return
    diameter = 2.0 * _HOST_RADIUS * np.asarray(hosted["host_semi_major"]) / scale
    circles = EllipseCollection(
        diameter,
        diameter,
        np.zeros(len(hosted)),
        units="xy",
        offsets=np.stack([hosted["host_x"], hosted["host_y"]], axis=1),
        offset_transform=axis.transData,
        facecolors="none",
        edgecolors=colours.good,
        linewidths=0.8,
    )
    axis.add_collection(circles)


def _binned(image: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.floating], int]:
    """Average square blocks of pixels until the image is no larger than a panel can show."""
    step = -(-max(image.shape) // _MAX_SIDE)
    height, width = (step * (side // step) for side in image.shape)
    blocks = image[:height, :width].reshape(height // step, step, width // step, step)
    known = np.isfinite(blocks)
    with np.errstate(invalid="ignore"):
        return np.where(known, blocks, 0.0).sum(axis=(1, 3)) / known.sum(axis=(1, 3)), step


def _draw_offsets(axis: Axes, hosted: Table, colours: Palette) -> None:
    """Draw a histogram of the offsets, and their law."""
    law = str(hosted.meta.get("OFFSET_LAW", ""))
    angle = np.radians(
        position_angle(hosted["host_ra"], hosted["host_dec"], hosted["ra"], hosted["dec"]) - hosted["host_pa"]
    )
    offset, major, minor = (
        np.asarray(hosted[name]) for name in ("offset_arcsec", "host_semi_major", "host_semi_minor")
    )
    scaled = scaled_offsets(law, offset, np.asarray(angle), major, minor)
    # A host that was injected on, not beside, needs no shape.
    scaled = scaled[np.isfinite(scaled)]
    if len(scaled):
        bins = np.linspace(0.0, _MAX_OFFSET, 25).tolist()
        axis.hist(np.clip(scaled, 0.0, _MAX_OFFSET), bins, density=True, color=colours.injected, alpha=0.7)
    radius = np.linspace(0.0, _MAX_OFFSET, 200)
    density = offset_density(law, radius, sersic_index=float(hosted.meta.get("SERSIC_INDEX", 1.0)))
    if density is not None:
        axis.plot(radius, density, color=colours.text, label=f"law {law}")
        axis.legend()
    unit = "elliptical radius" if law in ("elliptical_normal", "light") else "offset / semi-major axis"
    axis.set(title="Offsets", xlabel=f"{unit} of the host", ylabel="density")


def _draw_magnitudes(axis: Axes, hosted: Table, catalog: Table, colours: Palette) -> None:
    """Draw magnitudes against those of the hosts, and their law."""
    axis.scatter(hosted["host_mag"], hosted["mag"], s=8, color=colours.injected, alpha=0.6, linewidths=0)
    host = np.asarray(hosted["host_mag"])
    if np.isfinite(host).any():
        limits = np.array([np.nanmin(host), np.nanmax(host)])
        axis.plot(limits, limits, color=colours.reference, linestyle="--", label="as bright as the host")
        for shift in catalog.meta.get("MAGNITUDE_RANGE", ()):
            axis.plot(limits, limits + shift, color=colours.text, linewidth=0.9, label=f"host {shift:+g} mag")
        axis.legend()
    free = np.asarray(catalog["mag"])[np.asarray(catalog["is_hostless"])]
    at_edge = np.zeros(len(free))
    axis.plot(
        at_edge,
        free,
        transform=axis.get_yaxis_transform(),
        color=colours.hidden,
        linestyle="none",
        marker="_",
        markersize=8,
    )
    axis.set(title="Magnitudes", xlabel="host [mag]", ylabel="injection [mag]")
    axis.invert_xaxis()
    axis.invert_yaxis()
