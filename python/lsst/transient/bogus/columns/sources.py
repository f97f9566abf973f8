# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables measured on images: sources of a visit image, DIA sources, forced photometry.

Names, units and meanings are the stack's own; only the columns that this package
reads or that its stand-in tasks write are declared.
"""

from __future__ import annotations

__all__ = ("DIA_SOURCE", "FORCED_DIA_OBJECT", "SOURCE")

from ._schema import Column, TableSchema

_VD = ("instrument", "visit", "detector")

_IDENTITY = (
    Column("visit", "i8", "Visit."),
    Column("detector", "i4", "Detector."),
    Column("band", "str", "Band."),
)

_POSITION = (
    Column("ra", "f8", "Right ascension (ICRS).", "deg"),
    Column("dec", "f8", "Declination (ICRS).", "deg"),
    Column("x", "f8", "Centroid column, in the image's own (parent) pixel coordinates.", "pix"),
    Column("y", "f8", "Centroid row, in the image's own (parent) pixel coordinates.", "pix"),
    Column("xErr", "f4", "Standard error of x.", "pix"),
    Column("yErr", "f4", "Standard error of y.", "pix"),
)

_SHAPE = (
    Column("ixx", "f8", "Second moment along x.", "pix2"),
    Column("iyy", "f8", "Second moment along y.", "pix2"),
    Column("ixy", "f8", "Mixed second moment.", "pix2"),
    Column("ixxPSF", "f8", "Second moment of the PSF along x, at the source.", "pix2"),
    Column("iyyPSF", "f8", "Second moment of the PSF along y, at the source.", "pix2"),
    Column("ixyPSF", "f8", "Mixed second moment of the PSF, at the source.", "pix2"),
)

_PIXEL_FLAGS = tuple(
    Column(f"pixelFlags_{name}", "?", doc)
    for name, doc in (
        ("edge", "The footprint touches the edge of the usable image."),
        ("nodata", "A footprint pixel has no data."),
        ("bad", "A footprint pixel is bad."),
        ("saturated", "A footprint pixel is saturated."),
        ("saturatedCenter", "A pixel within the centre is saturated."),
        ("cr", "A footprint pixel was hit by a cosmic ray."),
        ("crCenter", "A pixel within the centre was hit by a cosmic ray."),
        ("interpolated", "A footprint pixel was interpolated."),
        ("interpolatedCenter", "A pixel within the centre was interpolated."),
    )
)

SOURCE = TableSchema(
    "source_detector",
    _VD,
    "One row per source detected on a calibrated visit image.",
    (
        Column("sourceId", "i8", "Unique identifier."),
        *_IDENTITY,
        *_POSITION,
        Column("psfFlux", "f8", "PSF flux.", "nJy"),
        Column("psfFluxErr", "f8", "Standard error of psfFlux.", "nJy"),
        Column("ap12Flux", "f8", "Flux in a circular aperture of radius 12 pixels.", "nJy"),
        Column("ap12FluxErr", "f8", "Standard error of ap12Flux.", "nJy"),
        *_SHAPE,
        Column("extendedness", "f8", "0 for a point source, 1 for an extended one; NaN if unknown."),
        Column("sizeExtendedness", "f8", "Probability-like extendedness from the size; NaN if unknown."),
        *_PIXEL_FLAGS,
        Column("centroid_flag", "?", "The centroid failed."),
        Column("shape_flag", "?", "The moments failed."),
        Column("psfFlux_flag", "?", "The PSF flux failed."),
        Column("detect_isPrimary", "?", "Deblended, and not a parent."),
        Column("calib_psf_used", "?", "Used to measure the PSF."),
    ),
)

DIA_SOURCE = TableSchema(
    "dia_source_detector",
    _VD,
    "One row per source detected on a difference image.",
    (
        Column("diaSourceId", "i8", "Unique identifier."),
        *_IDENTITY,
        Column("diaObjectId", "i8", "Associated DIA object; 0 if not associated."),
        Column("parentDiaSourceId", "i8", "Parent before deblending; 0 if none."),
        Column("midpointMjdTai", "f8", "TAI MJD of the middle of the exposure.", "d"),
        *_POSITION,
        Column("snr", "f8", "Absolute peak significance of the PSF-matched difference."),
        Column("psfFlux", "f4", "PSF flux on the difference, signed.", "nJy"),
        Column("psfFluxErr", "f4", "Standard error of psfFlux.", "nJy"),
        Column("psfChi2", "f4", "Chi-squared of the PSF fit."),
        Column("psfNdata", "i4", "Number of pixels in the PSF fit."),
        Column("apFlux", "f4", "Aperture flux on the difference, signed.", "nJy"),
        Column("apFluxErr", "f4", "Standard error of apFlux.", "nJy"),
        Column("scienceFlux", "f4", "Forced PSF flux on the science image.", "nJy"),
        Column("scienceFluxErr", "f4", "Standard error of scienceFlux.", "nJy"),
        Column("templateFlux", "f4", "Forced PSF flux on the template.", "nJy"),
        Column("templateFluxErr", "f4", "Standard error of templateFlux.", "nJy"),
        *_SHAPE,
        Column("extendedness", "f8", "0 for point-like, 1 for extended on the difference; NaN if unknown."),
        Column("isNegative", "?", "Detected below the sky: the difference is negative."),
        Column("isDipole", "?", "A positive and a negative lobe of similar flux."),
        Column("glint_trail", "?", "One of a row of evenly spaced detections.", optional=True),
        Column(
            "reliability", "f4", "Reliability by the stack's own classifier; NaN if not run.", optional=True
        ),
        *_PIXEL_FLAGS,
        Column("pixelFlags_injected", "?", "A footprint pixel was touched by an injection."),
        Column("pixelFlags_injectedCenter", "?", "A pixel within the centre was touched by an injection."),
        Column("centroid_flag", "?", "The centroid failed."),
        Column("psfFlux_flag", "?", "The PSF flux failed."),
        Column("shape_flag", "?", "The moments failed."),
    ),
)

FORCED_DIA_OBJECT = TableSchema(
    "dia_object_forced_source",
    _VD,
    "One row per transient object and visit: PSF photometry forced at the object's position.",
    (
        Column("diaObjectId", "i8", "Object."),
        *_IDENTITY,
        Column("midpointMjdTai", "f8", "TAI MJD of the middle of the exposure.", "d"),
        Column("ra", "f8", "Right ascension at which the flux was forced (ICRS).", "deg"),
        Column("dec", "f8", "Declination at which the flux was forced (ICRS).", "deg"),
        Column("psfDiffFlux", "f4", "PSF flux on the difference image.", "nJy"),
        Column("psfDiffFluxErr", "f4", "Standard error of psfDiffFlux.", "nJy"),
        Column("psfFlux", "f4", "PSF flux on the science image.", "nJy"),
        Column("psfFluxErr", "f4", "Standard error of psfFlux.", "nJy"),
        Column("psfDiffFlux_flag", "?", "The flux is unusable: off the detector or too many bad pixels."),
    ),
)
