# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibrated visit images from plain arrays, and plain arrays from them."""

from __future__ import annotations

__all__ = (
    "MASK_PLANES",
    "any_mask",
    "empty_mask",
    "make_detector",
    "make_gaussian_psf",
    "make_visit_image",
    "mask_array",
    "midpoint_mjd_tai",
    "with_planes",
)

import math
from collections.abc import Mapping
from typing import Any

import astropy.units as u
import astropy.wcs
import numpy as np
import numpy.typing as npt
from astro_metadata_translator import ObservationInfo
from astropy.time import Time, TimeDelta

from lsst.images import (
    Box,
    DetectorFrame,
    Image,
    MaskPlane,
    ObservationSummaryStats,
    SkyProjection,
    VisitImage,
)
from lsst.images.psfs import GaussianPointSpreadFunction, PointSpreadFunction

from .detector import make_detector
from .mask_planes import MASK_PLANES, any_mask, empty_mask, mask_array, mask_schema, set_planes


def make_gaussian_psf(*, fwhm: float, box: Box, stamp_size: int | None = None) -> GaussianPointSpreadFunction:
    """Make a round Gaussian PSF of a given seeing.

    Parameters
    ----------
    fwhm
        Full width at half maximum, pixels.
    box
        Region in which the PSF is valid.
    stamp_size
        Odd side of its stamps, pixels; about six FWHM by default.

    Returns
    -------
    psf : `lsst.images.psfs.GaussianPointSpreadFunction`
        The PSF.
    """
    size = stamp_size if stamp_size is not None else max(11, 2 * math.ceil(3.0 * fwhm) + 1)
    return GaussianPointSpreadFunction(fwhm / math.sqrt(8.0 * math.log(2.0)), bounds=box, stamp_size=size)


def make_visit_image(
    array: npt.ArrayLike,
    variance: npt.ArrayLike,
    mask_bits: Mapping[str, npt.ArrayLike],
    *,
    wcs: astropy.wcs.WCS,
    psf: PointSpreadFunction,
    instrument: str,
    visit: int,
    detector: int,
    band: str,
    physical_filter: str,
    mjd_begin: float,
    exposure_time: float,
    x0: int = 0,
    y0: int = 0,
    day_obs: int | None = None,
    detector_name: str | None = None,
    summary_stats: ObservationSummaryStats | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> VisitImage:
    """Make a calibrated visit image from plain arrays.

    Parameters
    ----------
    array
        Sky-subtracted pixels in nJy, shape (H, W).
    variance
        Variance of each pixel in nJy², shape (H, W).
    mask_bits
        Boolean array of shape (H, W) for each mask plane to set, by a name of
        `MASK_PLANES`.
    wcs
        FITS WCS (ICRS) of the array, i.e. for an array whose first pixel is
        (0, 0) whatever ``x0`` and ``y0``.
    psf
        Point-spread function, in parent pixel coordinates.
    instrument
        Butler name of the instrument.
    visit
        Visit number; the exposure has the same.
    detector
        Detector number.
    band
        Band.
    physical_filter
        Physical filter.
    mjd_begin
        TAI MJD at which the shutter opened.
    exposure_time
        Exposure time, seconds.
    x0
        Parent column of the first pixel.
    y0
        Parent row of the first pixel.
    day_obs
        Observing day, YYYYMMDD, if known.
    detector_name
        Full name of the detector; ``det<number>`` by default.
    summary_stats
        Summary statistics to attach.
    metadata
        Further metadata to attach (JSON types only).

    Returns
    -------
    visit_image : `lsst.images.VisitImage`
        Image in nJy with variance, mask, projection, PSF and observation.

    Raises
    ------
    ValueError
        Raised if shapes disagree or a mask plane is unknown.
    """
    image_array = np.ascontiguousarray(array, dtype=np.float32)
    variance_array = np.ascontiguousarray(variance, dtype=np.float32)
    if image_array.ndim != 2 or variance_array.shape != image_array.shape:
        raise ValueError(
            f"Image {image_array.shape} and variance {variance_array.shape} must be equal 2-d shapes "
            f"(visit {visit}, detector {detector})."
        )
    box = Box.from_shape(image_array.shape, start=(y0, x0))
    mask = empty_mask(box)
    set_planes(mask, mask_bits)
    frame = DetectorFrame(instrument=instrument, visit=visit, detector=detector, bbox=box)
    begin = Time(mjd_begin, format="mjd", scale="tai")
    name = detector_name or f"det{detector}"
    obs_info = ObservationInfo(
        instrument=instrument,
        telescope=instrument,
        exposure_id=visit,
        visit_id=visit,
        observation_id=str(visit),
        physical_filter=physical_filter,
        datetime_begin=begin,
        datetime_end=begin + TimeDelta(exposure_time, format="sec"),
        exposure_time=exposure_time * u.s,
        detector_num=detector,
        detector_name=name,
        detector_unique_name=name,
        observing_day=day_obs,
        observation_type="science",
    )
    return VisitImage(
        Image(image_array, bbox=box, unit=u.nJy),
        mask=mask,
        variance=Image(variance_array, bbox=box, unit=u.nJy**2),
        sky_projection=SkyProjection.from_fits_wcs(wcs, frame, pixel_bounds=None, x0=x0, y0=y0),
        obs_info=obs_info,
        summary_stats=summary_stats,
        psf=psf,
        detector=make_detector(instrument=instrument, detector=detector, box=box, name=name),
        band=band,
        metadata=dict(metadata or {}),
    )


def with_planes(
    visit_image: VisitImage,
    *,
    image: npt.ArrayLike | None = None,
    variance: npt.ArrayLike | None = None,
    mask_bits: Mapping[str, npt.ArrayLike] | None = None,
) -> VisitImage:
    """Copy a visit image with some of its pixels replaced.

    Parameters
    ----------
    visit_image
        Image to copy; left as it is.
    image
        New pixels, nJy; copied from ``visit_image`` if `None`.
    variance
        New variance, nJy²; copied from ``visit_image`` if `None`.
    mask_bits
        Boolean array for each mask plane in which bits are to be set, in
        addition to those that are set.  Planes that the mask lacks are added
        if they are among `MASK_PLANES`.

    Returns
    -------
    visit_image : `lsst.images.VisitImage`
        Copy of the same type with the same projection, PSF and observation.

    Raises
    ------
    ValueError
        Raised if shapes disagree or a mask plane is unknown.
    """
    shape = visit_image.image.array.shape
    for name, values in (("image", image), ("variance", variance)):
        if values is not None and np.shape(values) != shape:
            raise ValueError(f"New {name} has shape {np.shape(values)}; the image has {shape}.")
    bits = dict(mask_bits or {})
    schema = mask_schema()
    absent = [name for name in bits if name not in visit_image.mask.schema.names]
    if unknown := [name for name in absent if name not in schema.names]:
        raise ValueError(f"Unknown mask planes {unknown}; known are {list(MASK_PLANES)}.")
    copied = visit_image.copy()
    if absent:
        planes = [MaskPlane(name, schema.descriptions[name]) for name in absent]
        metadata: Any = dict(copied.metadata)
        copied = VisitImage(
            copied.image,
            mask=copied.mask.add_planes(planes),
            variance=copied.variance,
            sky_projection=copied.sky_projection,
            bounds=copied.bounds,
            obs_info=copied.obs_info,
            summary_stats=copied.summary_stats,
            photometric_scaling=copied.photometric_scaling,
            psf=copied.psf,
            detector=copied.detector,
            aperture_corrections=copied.aperture_corrections,
            backgrounds=copied.backgrounds,
            band=copied.band,
            metadata=metadata,
        )
    if image is not None:
        copied.image.array[...] = image
    if variance is not None:
        copied.variance.array[...] = variance
    set_planes(copied.mask, bits)
    return copied


def midpoint_mjd_tai(obs_info: ObservationInfo) -> float:
    """Return the TAI MJD of the middle of an exposure.

    Parameters
    ----------
    obs_info
        Observation with its begin and end.

    Returns
    -------
    mjd : `float`
        TAI MJD.

    Raises
    ------
    ValueError
        Raised if begin or end is unknown.
    """
    begin, end = obs_info.datetime_begin, obs_info.datetime_end
    if begin is None or end is None:
        raise ValueError(f"Observation {obs_info.observation_id} has no begin or end.")
    return 0.5 * float(begin.tai.mjd + end.tai.mjd)
