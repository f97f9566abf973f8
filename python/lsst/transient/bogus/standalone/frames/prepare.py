# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame, calibrated and measured, and made into a visit image."""

from __future__ import annotations

__all__ = ("MeasuredFrame", "assemble", "measure")

import dataclasses
import math

from lsst.images import Box, VisitImage
from lsst.images.psfs import PointSpreadFunction

from ...errors import InputDataError, InsufficientDataError
from ..images import make_gaussian_psf, make_visit_image
from ..instrument import FrameCamera
from ..psf import measure_psf
from ..psf_stamps import PsfStamps
from .calibrate import CalibratedPixels, calibrate
from .crowding import measure_crowded_psf
from .fits_image import read_header, read_pixels
from .projection import read_wcs
from .read import Frame
from .settings import FrameSettings


@dataclasses.dataclass(frozen=True)
class MeasuredFrame:
    """A frame's calibrated pixels and its point-spread function.

    Parameters
    ----------
    pixels
        Calibrated pixels.
    psf
        Point-spread function.
    """

    pixels: CalibratedPixels
    psf: PointSpreadFunction

    @property
    def summary(self) -> dict[str, str | float | None]:
        """What was measured, as JSON types."""
        numbers = {
            "psf_fwhm": PsfStamps.sample(self.psf, Box.from_shape(self.pixels.image.shape)).fwhm,
            "sky": self.pixels.sky,
            "noise_ratio": self.pixels.noise_ratio,
            "fraction_saturated": float(self.pixels.masks["SATURATED"].mean()),
            "fraction_no_data": float(self.pixels.masks["NO_DATA"].mean()),
        }
        finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        return {"psf": type(self.psf).__name__, **finite}


def measure(frame: Frame, settings: FrameSettings) -> MeasuredFrame:
    """Calibrate the pixels of a frame and measure its point-spread function.

    Parameters
    ----------
    frame
        The frame.
    settings
        How to process it.

    Returns
    -------
    measured : `MeasuredFrame`
        Calibrated pixels and PSF.

    Raises
    ------
    InputDataError
        Raised if the frame has neither a star nor a FWHM in its header.
    """
    pixels, _ = read_pixels(frame.path, settings.hdu)
    calibrated = calibrate(pixels, frame, settings)
    return MeasuredFrame(calibrated, _psf(calibrated, frame, settings))


def assemble(frame: Frame, measured: MeasuredFrame, settings: FrameSettings) -> VisitImage:
    """Make a visit image of a frame.

    Parameters
    ----------
    frame
        The frame.
    measured
        Its calibrated pixels and PSF.
    settings
        How to read its projection.

    Returns
    -------
    visit_image : `lsst.images.VisitImage`
        The visit image.

    Notes
    -----
    Projections do not pickle, so this is apart from `measure`.
    """
    return make_visit_image(
        measured.pixels.image,
        measured.pixels.variance,
        measured.pixels.masks,
        wcs=read_wcs(read_header(frame.path, settings.hdu), frame.shape),
        psf=measured.psf,
        instrument=FrameCamera.name,
        visit=frame.visit,
        detector=frame.detector,
        band=frame.band,
        physical_filter=frame.physical_filter,
        mjd_begin=frame.mjd_begin,
        exposure_time=frame.exposure_time,
        day_obs=frame.day_obs,
        metadata={"file": frame.path.name, "target": frame.target},
    )


def _psf(pixels: CalibratedPixels, frame: Frame, settings: FrameSettings) -> PointSpreadFunction:
    box = Box.from_shape(frame.shape)
    guess = None if math.isnan(frame.fwhm) else frame.fwhm
    if settings.psf == "header" and guess is not None:
        return make_gaussian_psf(fwhm=guess, box=box)
    if settings.crowded and guess is not None:
        return measure_crowded_psf(
            pixels.image,
            pixels.variance,
            pixels.masks["BAD"],
            pixels.masks["SATURATED"],
            fwhm=guess,
            where=frame.where,
        )
    try:
        return measure_psf(
            pixels.image,
            pixels.variance,
            pixels.masks["BAD"],
            saturated=pixels.masks["SATURATED"],
            fwhm_guess=guess,
            where=frame.where,
        )
    except InsufficientDataError as error:
        raise InputDataError(f"psf: cannot be measured ({error}) and the header has no FWHM") from error
