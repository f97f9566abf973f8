# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawing of synthetic sources into the pixels of an image with GalSim."""

from __future__ import annotations

__all__ = ("SOURCE_TYPES", "InjectionFlag", "Painted", "make_profile", "paint", "variance_slope")

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

import galsim
import numpy as np

_MIN_BRIGHT_PIXELS = 30
_BRIGHT_SIGMA = 10.0
_INTERPOLANT_REACH = 4  # pixels beyond the stamp in which the interpolated PSF is not zero
_TRAIL_WIDTH = 1e-6

SOURCE_TYPES: Mapping[str, tuple[str, ...]] = {
    "Star": (),
    "DeltaFunction": (),
    "Exponential": ("half_light_radius",),
    "DeVaucouleurs": ("half_light_radius",),
    "Gaussian": ("half_light_radius",),
    "Sersic": ("n", "half_light_radius"),
    "Trail": ("trail_length",),
}
"""Kinds of source that can be drawn, with the catalogue columns that each needs."""


class InjectionFlag(enum.IntFlag):
    """Why a source was not injected as asked.

    The first six bits are those of the stack's injection tasks.
    """

    MAG_BAD = 1 << 0
    TYPE_UNKNOWN = 1 << 1
    SERSIC_EXTREME = 1 << 2
    NO_OVERLAP = 1 << 3
    FFT_SIZE_ERROR = 1 << 4
    PSF_COMPUTE_ERROR = 1 << 5
    CENTER_OFF_IMAGE = 1 << 6
    CENTER_SATURATED = 1 << 7
    CENTER_NO_DATA = 1 << 8


@dataclasses.dataclass(frozen=True)
class Painted:
    """One source as drawn, before noise.

    Parameters
    ----------
    pixels
        Flux in each pixel, shape (h, w).
    rows
        Rows of the image that they cover.
    columns
        Columns of the image that they cover.
    draw_size
        Side of the stamp, part of which may be off the image.
    """

    pixels: np.ndarray
    rows: slice
    columns: slice
    draw_size: int


def variance_slope(image: np.ndarray, variance: np.ndarray, bad: np.ndarray) -> float:
    """Infer how much variance comes with each unit of flux.

    Parameters
    ----------
    image
        Sky-subtracted pixels, shape (H, W).
    variance
        Variance, shape (H, W).
    bad
        Pixels to ignore, shape (H, W).

    Returns
    -------
    slope : `float`
        Variance per flux: the inverse of the gain, in the unit of the pixels;
        zero if the variance plane does not rise with flux.

    Notes
    -----
    The median of (variance − sky variance) / (flux − sky) over bright pixels:
    unlike a straight-line fit it is not drawn down by the noise of the sky pixels.
    """
    good = ~bad & np.isfinite(image) & np.isfinite(variance)
    if good.sum() < _MIN_BRIGHT_PIXELS:
        return 0.0
    flux, noise2 = image[good].astype(float), variance[good].astype(float)
    sky, sky_noise2 = np.median(flux), np.median(noise2)
    bright = flux - sky > _BRIGHT_SIGMA * np.sqrt(max(sky_noise2, 0.0))
    if bright.sum() < _MIN_BRIGHT_PIXELS:
        return 0.0
    slope = float(np.median((noise2[bright] - sky_noise2) / (flux[bright] - sky)))
    # A slope that explains less than a thousandth of the variance is round-off.
    explained = slope * float(np.median(flux[bright] - sky))
    return slope if explained > 1e-3 * sky_noise2 else 0.0


def make_profile(source_type: str, values: Mapping[str, Any], jacobian: np.ndarray) -> galsim.GSObject | None:
    """Make the profile of an extended source in pixel coordinates, of unit flux.

    Parameters
    ----------
    source_type
        A key of `SOURCE_TYPES`.
    values
        Catalogue row: sizes in arcseconds (``trail_length`` in pixels), axis
        ratio ``q`` and position angle ``beta`` in degrees.
    jacobian
        Derivatives of sky offsets (arcseconds) by pixel, shape (2, 2).

    Returns
    -------
    profile : `galsim.GSObject` or `None`
        The profile; `None` for a point source.
    """
    angle = float(values.get("beta", 0.0)) * galsim.degrees
    if source_type in ("Star", "DeltaFunction"):
        return None
    if source_type == "Trail":
        return galsim.Box(float(values["trail_length"]), _TRAIL_WIDTH).rotate(angle)
    parameters = {name: float(values[name]) for name in SOURCE_TYPES[source_type]}
    profile = getattr(galsim, source_type)(**parameters)
    if "q" in values and np.isfinite(float(values["q"])):
        profile = profile.shear(q=float(values["q"]), beta=angle)
    return galsim.JacobianWCS(*jacobian.ravel()).toImage(profile).withFlux(1.0)


def paint(
    kernel: np.ndarray,
    x: float,
    y: float,
    flux: float,
    shape: tuple[int, int],
    *,
    profile: galsim.GSObject | None = None,
    max_size: int = 512,
) -> Painted | None:
    """Draw a source seen through a PSF.

    Parameters
    ----------
    kernel
        Centred PSF of unit sum, shape (S, S), which includes the pixel.
    x
        Column relative to the image's first pixel.
    y
        Row relative to the image's first pixel.
    flux
        Total flux.
    shape
        Shape (H, W) of the image.
    profile
        Profile in pixel coordinates; `None` for a point source.
    max_size
        Largest side of the stamp.

    Returns
    -------
    painted : `Painted` or `None`
        The pixels; `None` if the stamp does not touch the image.

    Raises
    ------
    galsim.GalSimFFTSizeError
        Raised if the source is too large to be convolved.
    """
    point = profile is None
    psf = galsim.InterpolatedImage(
        galsim.Image(np.ascontiguousarray(kernel, dtype=float), scale=1.0),
        x_interpolant=galsim.Lanczos(7),
        flux=1.0,
        calculate_stepk=not point,
        calculate_maxk=not point,
    )
    source = psf if point else galsim.Convolve(profile, psf)
    size = kernel.shape[0] + 2 * _INTERPOLANT_REACH
    if not point:
        size = min(max(size, int(source.getGoodImageSize(1.0)) | 1), max_size | 1)
    column, row, half = int(np.floor(x + 0.5)), int(np.floor(y + 0.5)), size // 2
    whole = galsim.BoundsI(column - half, column + half, row - half, row + half)
    common = whole & galsim.BoundsI(0, shape[1] - 1, 0, shape[0] - 1)
    if common.area() == 0:
        return None
    stamp = galsim.Image(common, dtype=float, scale=1.0)
    source.withFlux(flux).drawImage(stamp, method="no_pixel", center=galsim.PositionD(x, y))
    return Painted(
        stamp.array,
        slice(common.ymin, common.ymax + 1),
        slice(common.xmin, common.xmax + 1),
        size,
    )
