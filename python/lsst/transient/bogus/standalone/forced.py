# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that measures fluxes at the positions of DIA objects."""

from __future__ import annotations

__all__ = ("ForcedPhotometryConfig", "ForcedPhotometryConnections", "ForcedPhotometryTask")

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lsst.pex.config import Field, ListField, RangeField
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base.connectionTypes import Input, Output

from ..columns import DIA_OBJECT, FORCED_DIA_OBJECT
from .difference_detection import significance_map
from .image_arrays import ImageArrays
from .images import midpoint_mjd_tai
from .photometry import psf_photometry
from .psf_stamps import PsfStamps
from .sky_positions import sky_to_pixel

if TYPE_CHECKING:
    from astropy.table import Table

    from lsst.images import DifferenceImage, VisitImage

_VD = ("instrument", "visit", "detector")


class ForcedPhotometryConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `ForcedPhotometryTask`."""

    dia_objects = Input(
        doc="DIA objects of all shards that overlap the detector.",
        name="dia_object_htm7",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "htm7"),
        multiple=True,
    )
    difference = Input(
        doc="Difference image.",
        name="difference_image",
        storageClass="DifferenceImage",
        dimensions=_VD,
    )
    science = Input(
        doc="Visit image.",
        name="injected_visit_image",
        storageClass="VisitImage",
        dimensions=_VD,
    )
    forced_sources = Output(
        doc="PSF fluxes forced at the positions of the objects on the detector.",
        name="dia_object_forced_source",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )


class ForcedPhotometryConfig(PipelineTaskConfig, pipelineConnections=ForcedPhotometryConnections):
    """Configuration of `ForcedPhotometryTask`."""

    minGoodFraction = RangeField(
        dtype=float,
        doc="A flux is flagged if less than this fraction of the PSF's squared weight falls on usable pixels "
        "of the difference image.",
        default=0.5,
        min=0.0,
        max=1.0,
    )
    doRescaleVariance: Field[bool] = Field(
        dtype=bool,
        doc="Scale the variance of the difference as detection does, so that the errors agree?",
        default=True,
    )
    badMaskPlanes: ListField[str] = ListField(
        dtype=str,
        doc="Mask planes of pixels that are not used.  Planes that an image does not have are ignored.",
        default=["BAD", "NO_DATA", "SATURATED"],
    )


class ForcedPhotometryTask(PipelineTask):
    """Measure PSF fluxes at fixed positions on difference and visit image.

    Stands in for the stack's ``forcedPhotDiaObjectDetector``.
    """

    ConfigClass = ForcedPhotometryConfig
    _DefaultName = "forcedPhotometry"
    config: ForcedPhotometryConfig

    def run(
        self, *, dia_objects: Sequence[Table], difference: DifferenceImage, science: VisitImage
    ) -> Struct:
        """Measure fluxes.

        Parameters
        ----------
        dia_objects
            Tables of `~lsst.transient.bogus.columns.DIA_OBJECT`.
        difference
            Difference image.
        science
            Visit image on the same grid.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``forced_sources``: a table of
            `~lsst.transient.bogus.columns.FORCED_DIA_OBJECT` with a row for every
            object whose position lies on the detector.
        """
        for table in dia_objects:
            DIA_OBJECT.check(table)
        names, ra, dec = (
            np.concatenate([np.asarray(t[c]) for t in dia_objects]) if dia_objects else np.zeros(0)
            for c in ("diaObjectId", "ra", "dec")
        )
        x, y = sky_to_pixel(difference.sky_projection, ra, dec)
        box = difference.bbox
        with np.errstate(invalid="ignore"):
            inside = (np.abs(x - box.x.center) <= 0.5 * box.x.size) & (
                np.abs(y - box.y.center) <= 0.5 * box.y.size
            )
        x, y, ra, dec, names = (values[inside] for values in (x, y, ra, dec, names))
        psf = PsfStamps.sample(difference.psf, box)
        arrays = ImageArrays.from_masked_image(difference, self.config.badMaskPlanes)
        if self.config.doRescaleVariance:
            scale = significance_map(arrays, psf.mean_kernel, rescale=True).scale
            arrays = dataclasses.replace(arrays, variance=arrays.variance * np.float32(scale))
        flux = psf_photometry(arrays, psf, x, y)
        direct = psf_photometry(
            ImageArrays.from_masked_image(science, self.config.badMaskPlanes),
            PsfStamps.sample(science.psf, science.bbox),
            x,
            y,
        )
        flag = ~(flux.good_fraction >= self.config.minGoodFraction) | ~np.isfinite(flux.flux)
        forced = FORCED_DIA_OBJECT.build(
            {
                "diaObjectId": names,
                "visit": int(difference.obs_info.visit_id or 0),
                "detector": int(difference.detector.id),
                "band": difference.band,
                "midpointMjdTai": midpoint_mjd_tai(difference.obs_info),
                "ra": ra,
                "dec": dec,
                "psfDiffFlux": flux.flux,
                "psfDiffFluxErr": flux.flux_error,
                "psfFlux": direct.flux,
                "psfFluxErr": direct.flux_error,
                "psfDiffFlux_flag": flag,
            }
        )
        self.log.info(
            "Visit %s, detector %d: forced photometry of %d objects of %d in its shards, %d flagged.",
            difference.obs_info.visit_id,
            difference.detector.id,
            len(forced),
            len(inside),
            int(flag.sum()),
        )
        self.metadata["n_objects"] = len(forced)
        self.metadata["n_flagged"] = int(flag.sum())
        return Struct(forced_sources=forced)
