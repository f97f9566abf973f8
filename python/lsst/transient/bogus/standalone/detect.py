# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that detects and measures sources on a difference image."""

from __future__ import annotations

__all__ = ("DetectDiaSourcesConfig", "DetectDiaSourcesConnections", "DetectDiaSourcesTask")

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import sep

from lsst.pipe.base import NoWorkFound, PipelineTask, Struct

from ..columns import DIA_SOURCE
from ..glints import in_glint_trail
from ..ids import pack_ids
from .detect_config import DetectDiaSourcesConfig, DetectDiaSourcesConnections
from .difference_detection import Peaks, find_peaks, merge_lobes, significance_map
from .image_arrays import ImageArrays, centre_hits, footprint_hits
from .images import midpoint_mjd_tai
from .mask_planes import any_mask
from .photometry import PsfPhotometry, psf_photometry
from .pixel_flags import pixel_flags
from .psf_stamps import PsfStamps
from .shapes import Shapes
from .sky_positions import pixel_to_sky
from .source_measurement import Detections, extendedness_from_size, measure_shapes

if TYPE_CHECKING:
    from astropy.table import Table

    from lsst.images import DifferenceImage, MaskedImage, VisitImage


@dataclasses.dataclass(frozen=True)
class _Measured:
    """What was measured at the detections."""

    difference: PsfPhotometry
    science: PsfPhotometry
    template: PsfPhotometry
    shapes: Shapes
    aperture: np.ndarray
    aperture_error: np.ndarray


class DetectDiaSourcesTask(PipelineTask):
    """Detect and measure sources of both signs on a difference image.

    Stands in for the stack's ``DetectAndMeasureTask`` and the standardisation of
    its catalogue.
    """

    ConfigClass = DetectDiaSourcesConfig
    _DefaultName = "detectDiaSources"
    config: DetectDiaSourcesConfig

    def run(self, *, science: VisitImage, template: VisitImage, difference: DifferenceImage) -> Struct:
        """Detect and measure.

        Parameters
        ----------
        science
            Visit image.
        template
            Template before convolution, on the same pixel grid.
        difference
            Their difference, with the PSF of ``science``.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``dia_sources``: a table of `~lsst.transient.bogus.columns.DIA_SOURCE`.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            Raised if no pixel of the difference is usable.
        """
        config = self.config
        visit, detector = int(difference.obs_info.visit_id or 0), int(difference.detector.id)
        arrays = ImageArrays.from_masked_image(difference, config.badMaskPlanes)
        if arrays.bad.all():
            raise NoWorkFound(f"No usable pixel in the difference of visit {visit}, detector {detector}.")
        psf = PsfStamps.sample(difference.psf, difference.bbox)
        significance = significance_map(arrays, psf.mean_kernel, rescale=config.doRescaleVariance)
        arrays = dataclasses.replace(arrays, variance=arrays.variance * np.float32(significance.scale))
        found = find_peaks(
            significance.snr,
            threshold=config.threshold,
            min_area=config.minArea,
            deblend_contrast=config.deblendContrast,
        )
        peaks = merge_lobes(found, radius=config.dipoleRadius * psf.fwhm)
        weaker = np.abs(found.snr[np.maximum(peaks.partner, 0)]) if len(found) else np.zeros(0)
        dipole = (peaks.partner >= 0) & (weaker > config.dipoleFluxRatio * np.abs(peaks.snr))
        measured = self._measure(arrays, psf, peaks, science, template)
        sources = self._table(difference, arrays, psf, peaks, dipole, measured)
        self.log.info(
            "Visit %d, detector %d: %d DIA sources, %d negative, %d dipoles; rms of the PSF-matched "
            "difference %.2f sigma.",
            visit,
            detector,
            len(sources),
            int(np.sum(sources["isNegative"])),
            int(dipole.sum()),
            significance.rms,
        )
        self.metadata["n_dia_sources"] = len(sources)
        self.metadata["n_negative"] = int(np.sum(sources["isNegative"]))
        self.metadata["n_dipoles"] = int(dipole.sum())
        self.metadata["n_glints"] = int(np.sum(sources["glint_trail"]))
        self.metadata["snr_rms"] = significance.rms
        self.metadata["variance_scale"] = significance.scale
        return Struct(dia_sources=sources)

    def _measure(
        self, arrays: ImageArrays, psf: PsfStamps, peaks: Peaks, science: VisitImage, template: VisitImage
    ) -> _Measured:
        """Measure fluxes and moments at the detections."""
        x, y = peaks.x + arrays.x0, peaks.y + arrays.y0
        sign = np.where(peaks.snr < 0, -1.0, 1.0)
        shapes = Shapes.empty(len(peaks))
        for negative in (False, True):
            rows = np.flatnonzero((sign < 0) == negative)
            image = -arrays.image if negative else arrays.image
            every = Detections(image, peaks.x, peaks.y, peaks.segments, np.zeros(len(peaks), dtype=bool))
            shapes = shapes.replaced(rows, measure_shapes(every, arrays, psf, rows=rows))
        aperture, aperture_error, _ = sep.sum_circle(
            arrays.image, peaks.x, peaks.y, self.config.apertureRadius, var=arrays.variance, mask=arrays.bad
        )
        return _Measured(
            psf_photometry(arrays, psf, x, y),
            self._forced(science, x, y),
            self._forced(template, x, y),
            shapes,
            aperture,
            aperture_error,
        )

    def _forced(self, image: VisitImage, x: np.ndarray, y: np.ndarray) -> PsfPhotometry:
        """Measure PSF fluxes on another image of the same grid."""
        stamps = PsfStamps.sample(image.psf, image.bbox)
        return psf_photometry(ImageArrays.from_masked_image(image, self.config.badMaskPlanes), stamps, x, y)

    def _table(
        self,
        difference: DifferenceImage,
        arrays: ImageArrays,
        psf: PsfStamps,
        peaks: Peaks,
        dipole: np.ndarray,
        measured: _Measured,
    ) -> Table:
        """Write the measurements."""
        visit, detector, n = int(difference.obs_info.visit_id or 0), int(difference.detector.id), len(peaks)
        x, y, shapes, flux = peaks.x + arrays.x0, peaks.y + arrays.y0, measured.shapes, measured.difference
        ra, dec = pixel_to_sky(difference.sky_projection, x, y)
        pxx, pyy, pxy = psf.moments(x, y)
        snr = np.abs(peaks.snr)
        extendedness, _ = extendedness_from_size(
            shapes.ixx + shapes.iyy, pxx + pyy, snr, threshold=self.config.extendednessThreshold
        )
        position_error = np.sqrt(2.0) / np.maximum(snr, 1.0)
        return DIA_SOURCE.build(
            {
                "diaSourceId": pack_ids(visit, detector, n),
                "visit": visit,
                "detector": detector,
                "band": difference.band,
                "diaObjectId": 0,
                "parentDiaSourceId": 0,
                "midpointMjdTai": midpoint_mjd_tai(difference.obs_info),
                "ra": ra,
                "dec": dec,
                "x": x,
                "y": y,
                "xErr": position_error * np.sqrt(pxx),
                "yErr": position_error * np.sqrt(pyy),
                "snr": snr,
                "psfFlux": flux.flux,
                "psfFluxErr": flux.flux_error,
                "psfChi2": flux.chi2,
                "psfNdata": flux.n_pixels,
                "apFlux": measured.aperture,
                "apFluxErr": measured.aperture_error,
                "scienceFlux": measured.science.flux,
                "scienceFluxErr": measured.science.flux_error,
                "templateFlux": measured.template.flux,
                "templateFluxErr": measured.template.flux_error,
                "ixx": shapes.ixx,
                "iyy": shapes.iyy,
                "ixy": shapes.ixy,
                "ixxPSF": pxx,
                "iyyPSF": pyy,
                "ixyPSF": pxy,
                "extendedness": extendedness,
                "isNegative": peaks.snr < 0,
                "isDipole": dipole,
                "glint_trail": self._glints(x, y, peaks.snr > 0),
                **self._flags(difference, arrays, peaks),
                "centroid_flag": peaks.centroid_failed,
                "psfFlux_flag": ~(flux.good_fraction > 0.5),
                "shape_flag": shapes.failed,
            },
            meta={"PSF_FWHM": psf.fwhm, "BAND": difference.band},
        )

    def _glints(self, x: np.ndarray, y: np.ndarray, is_positive: np.ndarray) -> np.ndarray:
        """Tell which detections are flashes of one row."""
        config, flash = self.config, np.zeros(len(x), dtype=bool)
        flash[is_positive] = in_glint_trail(
            x[is_positive],
            y[is_positive],
            max_spacing=config.glintSpacing,
            tolerance=config.glintTolerance,
            min_points=config.glintMinPoints,
        )
        return flash

    @staticmethod
    def _flags(difference: MaskedImage, arrays: ImageArrays, peaks: Peaks) -> dict[str, Any]:
        """Return the pixel flags."""
        flags = pixel_flags(difference.mask, arrays.bad, peaks.segments, peaks.x, peaks.y)
        injected = any_mask(difference.mask, ["INJECTED"])
        core = any_mask(difference.mask, ["INJECTED_CORE"])
        flags["pixelFlags_injected"] = footprint_hits(injected, peaks.segments, len(peaks))
        flags["pixelFlags_injectedCenter"] = centre_hits(core, peaks.x, peaks.y)
        return flags
