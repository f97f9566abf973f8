# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurement of the point-spread function from the stars of an image."""

from __future__ import annotations

__all__ = ("measure_psf", "psf_star_positions", "wrap_pixel_psf")

import logging
from typing import TYPE_CHECKING

import numpy as np
import sep

from lsst.images import Box
from lsst.images.psfs import GaussianPointSpreadFunction, PiffWrapper

from ..errors import InsufficientDataError
from .psf_fit import PixelPsf, fit_pixel_psf
from .psf_stamps import kernel_fwhm
from .psf_stars import find_stars

if TYPE_CHECKING:
    from lsst.images.psfs import PointSpreadFunction

_LOG = logging.getLogger(__name__)
_SIGMA_PER_FWHM = 0.42466090014400953
_MIN_STAMP, _MAX_STAMP = 21, 61


def measure_psf(
    image: np.ndarray,
    variance: np.ndarray,
    bad_mask: np.ndarray,
    *,
    x0: int = 0,
    y0: int = 0,
    saturated: np.ndarray | None = None,
    fwhm_guess: float | None = None,
    stamp_size: int | None = None,
    min_stars: int = 3,
    max_stars: int = 150,
    min_snr: float = 20.0,
    max_order: int = 2,
    where: str = "",
) -> PointSpreadFunction:
    """Measure the PSF of an image from its stars.

    Parameters
    ----------
    image
        Pixels, shape (H, W); the sky need not be subtracted.
    variance
        Variance of the pixels, shape (H, W).
    bad_mask
        Pixels that must not be used (bad, saturated, no data), shape (H, W).
    x0
        Parent column of the first pixel.
    y0
        Parent row of the first pixel.
    saturated
        Saturated pixels, if known apart from ``bad_mask``: stars near them are not used.
    fwhm_guess
        Expected FWHM in pixels; needed only where no star can be found.
    stamp_size
        Odd side of the PSF images in pixels; about six times the FWHM by default.
    min_stars
        Fewest stars for a pixel model; with fewer, a circular Gaussian is returned.
    max_stars
        Most stars to use; those of highest signal-to-noise are taken.
    min_snr
        Lowest signal-to-noise of a star.
    max_order
        Highest degree of the polynomial in x and y with which the PSF varies;
        lower if there are few stars.
    where
        Text that says which image this is (its data ID), for messages.

    Returns
    -------
    psf : `lsst.images.psfs.PointSpreadFunction`
        A `~lsst.images.psfs.PiffWrapper` of a pixel grid, or a
        `~lsst.images.psfs.GaussianPointSpreadFunction` if there were fewer than
        ``min_stars`` stars (a warning says so).

    Raises
    ------
    InsufficientDataError
        Raised if there is neither a usable star nor a first guess of the FWHM.
    """
    bad = bad_mask | ~np.isfinite(image) | ~(variance > 0)
    if saturated is not None:
        bad = bad | saturated
    suffix = f" of {where}" if where else ""
    if bad.all():
        raise InsufficientDataError(f"No usable pixel{suffix} to measure a PSF from.", n_pixels=0)
    pixels = np.ascontiguousarray(np.where(bad, 0.0, image), dtype=np.float32)
    sky = sep.Background(pixels, mask=bad, bw=64, bh=64)
    pixels -= sky.back(dtype=np.float32)
    pixels[bad] = 0.0
    stars = find_stars(pixels, variance, bad, min_snr=min_snr, max_stars=max_stars, min_stars=min_stars)
    fwhm = stars.fwhm if len(stars) > 0 else fwhm_guess
    if fwhm is None:
        raise InsufficientDataError(f"No usable star{suffix} and no first guess of the FWHM.", n_stars=0)
    size = stamp_size or int(np.clip(2 * round(3.2 * fwhm) + 1, _MIN_STAMP, _MAX_STAMP))
    bounds = Box.factory[y0 : y0 + image.shape[0], x0 : x0 + image.shape[1]]
    if len(stars) >= min_stars:
        model = fit_pixel_psf(pixels, variance, bad, stars, size=size, max_order=max_order)
        if model.n_used >= min(2, min_stars):
            width = kernel_fwhm(model.coefficients[0])
            _LOG.info("PSF%s: %d of %d stars, FWHM %.2f pixels.", suffix, model.n_used, len(stars), width)
            return wrap_pixel_psf(model, bounds)
    _LOG.warning(
        "PSF%s: only %d usable stars (needs %d); using a Gaussian of FWHM %.2f pixels.",
        suffix,
        len(stars),
        min_stars,
        fwhm,
    )
    return GaussianPointSpreadFunction(_SIGMA_PER_FWHM * fwhm, bounds=bounds, stamp_size=size)


def psf_star_positions(psf: PointSpreadFunction) -> np.ndarray:
    """Return the positions of the stars that a PSF was measured from.

    Parameters
    ----------
    psf
        Any PSF model.

    Returns
    -------
    positions : `numpy.ndarray`
        Column and row of each star, shape (N, 2); no rows if the model does not know.
    """
    if not isinstance(psf, PiffWrapper):
        return np.zeros((0, 2))
    stars = [s for s in psf.piff_psf.stars if not (s.is_flagged or s.is_reserve)]
    return np.array([(s.image_pos.x, s.image_pos.y) for s in stars], dtype=float).reshape(-1, 2)


def wrap_pixel_psf(model: PixelPsf, box: Box) -> PiffWrapper:
    """Express a pixel model as a Piff PSF, which can be stored.

    Parameters
    ----------
    model
        Model in coordinates relative to the first pixel of the box.
    box
        Region in which the model is valid, in parent coordinates.

    Returns
    -------
    psf : `lsst.images.psfs.PiffWrapper`
        The same model in parent coordinates.
    """
    import galsim
    import piff

    wcs = galsim.PixelScale(1.0)
    x0, y0 = box.x.start, box.y.start
    interp = piff.BasisPolynomial(order=model.order)
    interp.q = model.coefficients_at(x0, y0)
    size = model.coefficients.shape[-1]
    impl = piff.SimplePSF(piff.PixelGrid(scale=1.0, size=size), interp)
    impl.wcs, impl.pointing = {0: wcs}, None
    impl.stars = [
        piff.Star.makeTarget(x=float(x) + x0, y=float(y) + y0, wcs=wcs, stamp_size=1)
        for x, y in zip(model.x[model.used], model.y[model.used], strict=True)
    ]
    return PiffWrapper(impl, bounds=box, stamp_size=size)
