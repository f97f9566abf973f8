# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resampling of one image onto the pixel grid of another."""

from __future__ import annotations

__all__ = ("PixelMap", "map_pixels", "warp_image", "warp_weight")

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.interpolate import RectBivariateSpline

if TYPE_CHECKING:
    from lsst.images import Box, SkyProjection

_STEP = 32
_MIN_KNOTS = 6
_FILL_SIGMA = 2.0


@dataclasses.dataclass(frozen=True)
class PixelMap:
    """Where every pixel of a target grid lies in a source image.

    Parameters
    ----------
    x
        Source column of each target pixel, in parent coordinates, shape (H, W).
    y
        Source row of each target pixel, shape (H, W).
    area
        Source pixels per target pixel, shape (H, W).
    """

    x: np.ndarray
    y: np.ndarray
    area: np.ndarray

    def source_box(self, source: Box, *, margin: int) -> Box | None:
        """Return the part of a source image that the target needs.

        Parameters
        ----------
        source
            Box of the source image.
        margin
            Pixels to add on each side, for the interpolation.

        Returns
        -------
        box : `lsst.images.Box` or `None`
            Part of ``source``; `None` if there is no overlap.
        """
        from lsst.images import Box

        inside = self.inside(source)
        if not inside.any():
            return None
        x, y = self.x[inside], self.y[inside]
        return Box.factory[
            max(source.y.start, int(np.floor(y.min())) - margin) : min(
                source.y.stop, int(np.ceil(y.max())) + margin + 1
            ),
            max(source.x.start, int(np.floor(x.min())) - margin) : min(
                source.x.stop, int(np.ceil(x.max())) + margin + 1
            ),
        ]

    def inside(self, source: Box) -> np.ndarray:
        """Return which target pixels lie within a source box.

        Parameters
        ----------
        source
            Box of the source image.

        Returns
        -------
        inside : `numpy.ndarray`
            Boolean, shape (H, W).
        """
        columns = (self.x >= source.x.min) & (self.x <= source.x.max)
        return columns & (self.y >= source.y.min) & (self.y <= source.y.max)


def map_pixels(
    target: SkyProjection[Any], box: Box, source: SkyProjection[Any], *, step: int = _STEP
) -> PixelMap:
    """Map a pixel grid to another image through the sky.

    Parameters
    ----------
    target
        Projection of the target grid.
    box
        Box of the target grid.
    source
        Projection of the source image.
    step
        Distance of the points, in pixels, at which the projections are
        evaluated; cubic splines lie between.

    Returns
    -------
    pixel_map : `PixelMap`
        The map.
    """
    knots_x, knots_y = (
        np.linspace(axis.min, axis.max, max(_MIN_KNOTS, 1 + -(-axis.size // step))) for axis in (box.x, box.y)
    )
    grid_x, grid_y = np.meshgrid(knots_x, knots_y)
    pixel = source.sky_to_pixel(target.pixel_to_sky(x=grid_x.ravel(), y=grid_y.ravel()))
    spline_x = RectBivariateSpline(knots_y, knots_x, np.reshape(pixel.x, grid_x.shape))
    spline_y = RectBivariateSpline(knots_y, knots_x, np.reshape(pixel.y, grid_x.shape))
    rows, columns = box.y.arange.astype(float), box.x.arange.astype(float)
    area = np.abs(
        spline_x(rows, columns, dy=1) * spline_y(rows, columns, dx=1)
        - spline_x(rows, columns, dx=1) * spline_y(rows, columns, dy=1)
    )
    return PixelMap(spline_x(rows, columns), spline_y(rows, columns), area)


def warp_image(image: np.ndarray, bad: np.ndarray, pixel_map: PixelMap, *, x0: int, y0: int) -> np.ndarray:
    """Resample pixel fluxes with cubic splines.

    Parameters
    ----------
    image
        Source pixels, shape (h, w).
    bad
        Source pixels that are not usable, shape (h, w): they are replaced by a
        smooth interpolation of their surroundings so that they do not ring.
    pixel_map
        Where the target pixels lie.
    x0
        Parent column of the first source pixel.
    y0
        Parent row of the first source pixel.

    Returns
    -------
    warped : `numpy.ndarray`
        Flux per target pixel, float32, shape (H, W).
    """
    filled = _fill(image, bad)
    coordinates = [pixel_map.y - y0, pixel_map.x - x0]
    warped = ndimage.map_coordinates(filled, coordinates, order=3, mode="nearest", output=np.float64)
    return (warped * pixel_map.area).astype(np.float32)


def warp_weight(plane: np.ndarray, pixel_map: PixelMap, *, x0: int, y0: int, fill: float) -> np.ndarray:
    """Resample a mask or a variance linearly.

    Parameters
    ----------
    plane
        Source plane, shape (h, w).
    pixel_map
        Where the target pixels lie.
    x0
        Parent column of the first source pixel.
    y0
        Parent row of the first source pixel.
    fill
        Value beyond the source.

    Returns
    -------
    warped : `numpy.ndarray`
        Interpolated plane, float32, shape (H, W).
    """
    coordinates = [pixel_map.y - y0, pixel_map.x - x0]
    return ndimage.map_coordinates(
        np.asarray(plane, dtype=np.float32),
        coordinates,
        order=1,
        mode="constant",
        cval=fill,
        output=np.float32,
    )


def _fill(image: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Replace bad pixels by a Gaussian mean of the good ones around them."""
    if not bad.any():
        return image
    good = (~bad).astype(np.float32)
    total = ndimage.gaussian_filter(np.where(bad, 0.0, image).astype(np.float32), _FILL_SIGMA)
    weight = ndimage.gaussian_filter(good, _FILL_SIGMA)
    return np.where(bad, np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), 0.0), image)
