# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections and configuration of the task that detects DIA sources."""

from __future__ import annotations

__all__ = ("DetectDiaSourcesConfig", "DetectDiaSourcesConnections")

from lsst.pex.config import Field, ListField, RangeField
from lsst.pipe.base import PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base.connectionTypes import Input, Output

_VD = ("instrument", "visit", "detector")


class DetectDiaSourcesConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `DetectDiaSourcesTask`."""

    science = Input(
        doc="Visit image that the template was subtracted from.",
        name="injected_visit_image",
        storageClass="VisitImage",
        dimensions=_VD,
    )
    template = Input(
        doc="Template before convolution.",
        name="template_detector",
        storageClass="VisitImage",
        dimensions=_VD,
    )
    difference = Input(
        doc="Difference image to detect on.",
        name="difference_image",
        storageClass="DifferenceImage",
        dimensions=_VD,
    )
    dia_sources = Output(
        doc="Sources detected on the difference image.",
        name="dia_source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )


class DetectDiaSourcesConfig(PipelineTaskConfig, pipelineConnections=DetectDiaSourcesConnections):
    """Configuration of `DetectDiaSourcesTask`."""

    threshold = RangeField(
        dtype=float,
        doc="Significance, in standard deviations of the PSF-matched difference, of the faintest detection "
        "of either sign.  Below about 4.5 noise peaks dominate.",
        default=5.0,
        min=2.0,
    )
    minArea = RangeField(
        dtype=int,
        doc="Fewest connected pixels of the PSF-matched difference above the threshold.  Large values lose "
        "faint sources in sharp images.",
        default=1,
        min=1,
    )
    deblendContrast = RangeField(
        dtype=float,
        doc="Least fraction of the signal of a blend that becomes a detection of its own; 1 never deblends.",
        default=0.02,
        min=0.0,
        max=1.0,
    )
    doRescaleVariance: Field[bool] = Field(
        dtype=bool,
        doc="Scale the variance so that the robust rms of the PSF-matched difference is one?  Without it, "
        "the correlated noise of the convolved template makes all significances too high.",
        default=True,
    )
    dipoleRadius = RangeField(
        dtype=float,
        doc="Largest distance, in units of the FWHM, at which a positive and a negative detection that are "
        "each other's nearest become one source.  Zero never joins them.",
        default=1.5,
        min=0.0,
    )
    dipoleFluxRatio = RangeField(
        dtype=float,
        doc="A joined source is a dipole if the weaker lobe has at least this fraction of the significance "
        "of the stronger.",
        default=0.3,
        min=0.0,
        max=1.0,
    )
    glintSpacing = RangeField(
        dtype=float,
        doc="Largest distance, in pixels, of neighbouring flashes of a row (glint_trail); zero finds none.",
        default=100.0,
        min=0.0,
    )
    glintTolerance = RangeField(
        dtype=float,
        doc="Largest distance, in pixels, of a flash from where two neighbours of its row say that it is.",
        default=1.5,
        min=0.1,
    )
    glintMinPoints = RangeField(
        dtype=int,
        doc="Fewest flashes of a row.  With three, many rows are there by chance.",
        default=4,
        min=3,
    )
    apertureRadius = RangeField(
        dtype=float, doc="Radius of the aperture of apFlux, in pixels.", default=12.0, min=1.0
    )
    extendednessThreshold = RangeField(
        dtype=float,
        doc="A source is extended if the trace of its moments exceeds that of the PSF by more than this "
        "fraction.",
        default=0.3,
        min=0.0,
    )
    badMaskPlanes: ListField[str] = ListField(
        dtype=str,
        doc="Mask planes of pixels in which nothing is detected.  Planes that the image does not have are "
        "ignored.",
        default=["BAD", "NO_DATA"],
    )
