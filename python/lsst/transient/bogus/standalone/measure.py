# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that measures the sources of a visit image."""

from __future__ import annotations

__all__ = ("MeasureSourcesConfig", "MeasureSourcesConnections", "MeasureSourcesTask")

from typing import TYPE_CHECKING

import numpy as np
import sep

from lsst.pex.config import Field, ListField, RangeField
from lsst.pipe.base import NoWorkFound, PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base.connectionTypes import Input, Output

from ..columns import SOURCE
from ..ids import pack_ids
from .image_arrays import ImageArrays
from .photometry import psf_photometry
from .pixel_flags import pixel_flags
from .psf import psf_star_positions
from .psf_stamps import PsfStamps
from .sky_positions import pixel_to_sky
from .source_measurement import Detections, detect_sources, extendedness_from_size, measure_shapes

if TYPE_CHECKING:
    from astropy.table import Table

    from lsst.images import VisitImage

_APERTURE_RADIUS = 12.0  # the radius in the name of ap12Flux
_STAR_MATCH_RADIUS = 1.0


class MeasureSourcesConnections(PipelineTaskConnections, dimensions=("instrument", "visit", "detector")):
    """Connections of `MeasureSourcesTask`."""

    visit_image = Input(
        doc="Calibrated visit image to measure.",
        name="visit_image",
        storageClass="VisitImage",
        dimensions=("instrument", "visit", "detector"),
    )
    sources = Output(
        doc="Sources detected on the visit image.",
        name="source_detector",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
    )


class MeasureSourcesConfig(PipelineTaskConfig, pipelineConnections=MeasureSourcesConnections):
    """Configuration of `MeasureSourcesTask`."""

    threshold = RangeField(
        dtype=float,
        doc="Significance, in standard deviations of the PSF-matched image, above which a pixel is "
        "detected.  Low values give many spurious sources, high values lose faint galaxies.",
        default=5.0,
        min=1.0,
    )
    minArea = RangeField(
        dtype=int,
        doc="Fewest connected pixels above the threshold that make a source.  1 keeps single hot pixels.",
        default=5,
        min=1,
    )
    backgroundSize = RangeField(
        dtype=int,
        doc="Side, in pixels, of the cells in which the sky that is left is estimated and subtracted before "
        "detection.  Cells smaller than large galaxies eat their wings; 0 leaves the sky as it is.",
        default=64,
        min=0,
    )
    deblendContrast = RangeField(
        dtype=float,
        doc="Least fraction of the flux of a blend that becomes a source of its own; 1 never deblends.",
        default=0.005,
        min=0.0,
        max=1.0,
    )
    extendednessThreshold = RangeField(
        dtype=float,
        doc="A source is extended if the trace of its moments exceeds that of the PSF by more than this "
        "fraction.  Low values make stars into galaxies where the PSF model is wrong.",
        default=0.15,
        min=0.0,
    )
    badMaskPlanes: ListField[str] = ListField(
        dtype=str,
        doc="Mask planes of pixels that are not used at all; those that the image does not have are ignored.",
        default=["BAD", "NO_DATA"],
    )
    psfSampling = RangeField(
        dtype=int,
        doc="Largest distance, in pixels, of the positions between which the PSF is interpolated.",
        default=128,
        min=8,
    )
    doFlagPsfStars: Field[bool] = Field(
        dtype=bool,
        doc="Set calib_psf_used for the stars that the attached PSF was measured from?",
        default=True,
    )


class MeasureSourcesTask(PipelineTask):
    """Detect and measure the sources of a visit image.

    Stands in for the stack's single-frame measurement: writes the columns of
    ``source_detector`` that the tasks downstream read.
    """

    ConfigClass = MeasureSourcesConfig
    _DefaultName = "measureSources"
    config: MeasureSourcesConfig

    def run(self, *, visit_image: VisitImage) -> Struct:
        """Measure the sources of an image.

        Parameters
        ----------
        visit_image
            Calibrated image with a PSF.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``sources``: a table of `~lsst.transient.bogus.columns.SOURCE`.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            Raised if no pixel of the image is usable.
        """
        config = self.config
        visit, detector = _identity(visit_image)
        arrays = ImageArrays.from_masked_image(visit_image, config.badMaskPlanes)
        if arrays.bad.all():
            raise NoWorkFound(f"No usable pixel in visit {visit}, detector {detector}.")
        psf = PsfStamps.sample(visit_image.psf, visit_image.bbox, step=config.psfSampling)
        detections = detect_sources(
            arrays,
            psf.mean_kernel,
            threshold=config.threshold,
            min_area=config.minArea,
            background_size=config.backgroundSize,
            deblend_contrast=config.deblendContrast,
        )
        sources = self._table(visit_image, arrays, psf, detections)
        n_extended = int(np.sum(sources["extendedness"] == 1.0))
        self.log.info(
            "Visit %d, detector %d: %d sources, %d extended, %d without a shape.",
            visit,
            detector,
            len(sources),
            n_extended,
            int(np.sum(sources["shape_flag"])),
        )
        self.metadata["n_sources"] = len(sources)
        self.metadata["n_extended"] = n_extended
        self.metadata["psf_fwhm_pixels"] = psf.fwhm
        return Struct(sources=sources)

    def _table(
        self, visit_image: VisitImage, arrays: ImageArrays, psf: PsfStamps, detections: Detections
    ) -> Table:
        """Measure detections and write their table."""
        visit, detector = _identity(visit_image)
        n = len(detections)
        sky_free = ImageArrays(detections.image, arrays.variance, arrays.bad, arrays.x0, arrays.y0)
        shapes = measure_shapes(detections, arrays, psf)
        centroid_flag = shapes.failed
        local_x = np.where(centroid_flag, detections.x, shapes.x)
        local_y = np.where(centroid_flag, detections.y, shapes.y)
        x, y = local_x + arrays.x0, local_y + arrays.y0
        photometry = psf_photometry(sky_free, psf, x, y)
        aperture, aperture_error, _ = sep.sum_circle(
            detections.image, local_x, local_y, _APERTURE_RADIUS, var=arrays.variance, mask=arrays.bad
        )
        pxx, pyy, pxy = psf.moments(x, y)
        snr = photometry.flux / photometry.flux_error
        extendedness, probability = extendedness_from_size(
            shapes.ixx + shapes.iyy, pxx + pyy, snr, threshold=self.config.extendednessThreshold
        )
        position_error = np.sqrt(2.0) / np.maximum(snr, 1.0)
        ra, dec = pixel_to_sky(visit_image.sky_projection, x, y)
        return SOURCE.build(
            {
                "sourceId": pack_ids(visit, detector, n),
                "visit": np.full(n, visit),
                "detector": detector,
                "band": visit_image.band,
                "ra": ra,
                "dec": dec,
                "x": x,
                "y": y,
                "xErr": position_error * np.sqrt(np.where(shapes.failed, pxx, shapes.ixx)),
                "yErr": position_error * np.sqrt(np.where(shapes.failed, pyy, shapes.iyy)),
                "psfFlux": photometry.flux,
                "psfFluxErr": photometry.flux_error,
                "ap12Flux": aperture,
                "ap12FluxErr": aperture_error,
                "ixx": shapes.ixx,
                "iyy": shapes.iyy,
                "ixy": shapes.ixy,
                "ixxPSF": pxx,
                "iyyPSF": pyy,
                "ixyPSF": pxy,
                "extendedness": extendedness,
                "sizeExtendedness": probability,
                **pixel_flags(visit_image.mask, arrays.bad, detections.segments, local_x, local_y),
                "centroid_flag": centroid_flag,
                "shape_flag": shapes.failed,
                "psfFlux_flag": ~(photometry.good_fraction > 0.5),
                "detect_isPrimary": np.ones(n, dtype=bool),
                "calib_psf_used": self._psf_stars(visit_image, x, y),
            },
            meta={"PSF_FWHM": psf.fwhm, "BAND": visit_image.band},
        )

    def _psf_stars(self, visit_image: VisitImage, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return which sources the PSF was measured from."""
        from scipy.spatial import KDTree

        stars = psf_star_positions(visit_image.psf) if self.config.doFlagPsfStars else np.zeros((0, 2))
        if len(stars) == 0 or len(x) == 0:
            return np.zeros(len(x), dtype=bool)
        distance, _ = KDTree(stars).query(np.column_stack([x, y]))
        return np.asarray(distance < _STAR_MATCH_RADIUS)


def _identity(image: VisitImage) -> tuple[int, int]:
    """Return visit and detector of an image."""
    return int(image.obs_info.visit_id or 0), int(image.detector.id)
