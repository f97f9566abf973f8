# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that subtracts a PSF-matched template from a visit image."""

from __future__ import annotations

__all__ = ("SubtractImagesConfig", "SubtractImagesConnections", "SubtractImagesTask")

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import sep
from scipy import ndimage

from lsst.pex.config import ChoiceField, ListField, RangeField
from lsst.pipe.base import NoWorkFound, PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base.connectionTypes import Input, Output

from .difference_images import (
    Subtraction,
    make_difference_image,
    make_matched_template,
    template_on_box,
)
from .difference_sky import cell_sky, fit_sky
from .image_arrays import ImageArrays
from .kernel_basis import polar_basis, radial_knots
from .kernel_fit import MatchingKernel, fit_kernel
from .mask_planes import any_mask
from .psf_stamps import PsfStamps
from .sfft_kernel import fit_sfft, source_region
from .stamp_pairs import cut_pairs, psf_pairs, select_positions

if TYPE_CHECKING:
    from lsst.images import VisitImage

_VD = ("instrument", "visit", "detector")
_MISSING_SHARE = 0.02


class SubtractImagesConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `SubtractImagesTask`."""

    science = Input(
        doc="Visit image to subtract from.",
        name="injected_visit_image",
        storageClass="VisitImage",
        dimensions=_VD,
    )
    template = Input(
        doc="Template on a pixel grid that contains the one of the visit image.",
        name="template_detector",
        storageClass="VisitImage",
        dimensions=_VD,
    )
    difference = Output(
        doc="Visit image minus the template convolved to its PSF.",
        name="difference_image",
        storageClass="DifferenceImage",
        dimensions=_VD,
    )
    matched_template = Output(
        doc="Template convolved to the PSF of the visit image.",
        name="template_matched_detector",
        storageClass="MaskedImageV2",
        dimensions=_VD,
    )


class SubtractImagesConfig(PipelineTaskConfig, pipelineConnections=SubtractImagesConnections):
    """Configuration of `SubtractImagesTask`."""

    method = ChoiceField[str](
        doc="What the kernel is made of.",
        default="leastSquares",
        allowed={
            "leastSquares": "Smooth polar functions, fitted to stamps of sources; good with few of them.",
            "sfft": "Free pixels, fitted in Fourier space by the package sfft (see the extra sfft) to "
            "the sources that the least-squares fit accepts. About ten times slower, and the first image of "
            "a size waits for a compilation. kernelHarmonics is ignored, kernelOrder above 3 counts as 3.",
        },
    )
    kernelHalfWidth = RangeField(
        dtype=float,
        doc="Half width of the kernel in units of the larger FWHM.  Too small leaves rings round bright "
        "stars; large values cost time.",
        default=2.0,
        min=0.5,
        max=5.0,
    )
    kernelOrder = RangeField(
        dtype=int,
        doc="Highest degree of the polynomial with which the kernel varies over the detector; lower where "
        "there are few stars.",
        default=2,
        min=0,
        max=4,
    )
    kernelHarmonics = RangeField(
        dtype=int,
        doc="Highest angular order of the kernel: 0 is round, 1 shifts, 2 makes elliptical, 3 triangular.",
        default=4,
        min=0,
        max=6,
    )
    backgroundOrder = RangeField(
        dtype=int,
        doc="Degree of the polynomial that is fitted to the sky of the difference and subtracted.",
        default=2,
        min=0,
        max=6,
    )
    backgroundSize = RangeField(
        dtype=int,
        doc="Side, in pixels, of the cells in which the sky that is left after that is estimated and "
        "subtracted.  Cells smaller than a few FWHM eat transients; 0 leaves the sky as it is.",
        default=48,
        min=0,
    )
    stampRadius = RangeField(
        dtype=float,
        doc="Half side of the stamps to which the kernel is fitted, in units of the larger FWHM.",
        default=2.2,
        min=1.0,
    )
    stampCells = RangeField(
        dtype=int,
        doc="Number of cells along each axis over which the stamps are spread.",
        default=5,
        min=1,
    )
    stampsPerCell = RangeField(
        dtype=int, doc="Most stamps in a cell; the brightest sources are taken.", default=5, min=1
    )
    minSnr = RangeField(
        dtype=float,
        doc="Lowest signal-to-noise of a source to which the kernel is fitted.",
        default=20.0,
        min=3.0,
    )
    minStamps = RangeField(
        dtype=int,
        doc="With fewer usable sources than this, the kernel is computed from the two PSF models instead.",
        default=4,
        min=1,
    )
    badMaskPlanes: ListField[str] = ListField(
        dtype=str,
        doc="Mask planes of pixels that are not used to fit the kernel.  Planes that an image does not have "
        "are ignored.",
        default=["BAD", "COSMIC_RAY", "INTERPOLATED", "NO_DATA", "SATURATED", "SUSPECT"],
    )
    noDataMaskPlanes: ListField[str] = ListField(
        dtype=str,
        doc="Mask planes of template pixels without a value: difference pixels that need them get NO_DATA.",
        default=["NO_DATA"],
    )


class SubtractImagesTask(PipelineTask):
    """Subtract a template, convolved to the PSF of the visit image.

    Stands in for the stack's ``AlardLuptonSubtractTask``.
    """

    ConfigClass = SubtractImagesConfig
    _DefaultName = "subtractImages"
    config: SubtractImagesConfig

    def run(self, *, science: VisitImage, template: VisitImage) -> Struct:
        """Subtract a template.

        Parameters
        ----------
        science
            Visit image.
        template
            Template on the same pixel grid, with a box that contains most of
            the visit image's.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``difference``, on the grid, flux scale and PSF of ``science``, and
            ``matched_template``.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            Raised if the two images have no usable pixel in common.
        """
        where = f"visit {science.obs_info.visit_id}, detector {science.detector.id}"
        science_psf = PsfStamps.sample(science.psf, science.bbox)
        template_psf = PsfStamps.sample(template.psf, template.bbox)
        widest = max(science_psf.fwhm, template_psf.fwhm)
        half_width = max(3, round(self.config.kernelHalfWidth * widest))
        template = template_on_box(template, science.bbox.padded(half_width))
        arrays = ImageArrays.from_masked_image(science, self.config.badMaskPlanes)
        template_arrays = ImageArrays.from_masked_image(template, self.config.badMaskPlanes)
        inner = (slice(half_width, -half_width), slice(half_width, -half_width))
        usable = ~arrays.bad & ~ndimage.binary_dilation(template_arrays.bad, iterations=2)[inner]
        if not usable.any():
            raise NoWorkFound(f"No pixel of {where} is usable in both image and template.")
        kernel, n_stamps = self._fit(arrays, template_arrays, usable, science_psf, template_psf, half_width)
        result = self._subtract(science, template, kernel)
        residual = result.difference[usable] / np.sqrt(result.variance[usable])
        spread = float(1.4826 * np.median(np.abs(residual - np.median(residual))))
        self.log.info(
            "%s: kernel from %d of %d stamps, order %d, flux ratio %.4f, FWHM %.2f from %.2f pixels, "
            "residual rms %.2f sigma.",
            where,
            int(kernel.used.sum()),
            n_stamps,
            kernel.order,
            kernel.ratio,
            science_psf.fwhm,
            template_psf.fwhm,
            spread,
        )
        self.metadata["n_stamps"] = n_stamps
        self.metadata["n_stamps_used"] = int(kernel.used.sum())
        self.metadata["kernel_sum"] = kernel.ratio
        self.metadata["kernel_order"] = kernel.order
        self.metadata["kernel_chi2"] = kernel.chi2
        self.metadata["residual_rms"] = spread
        return Struct(
            difference=make_difference_image(science, result),
            matched_template=make_matched_template(science, result),
        )

    def _fit(
        self,
        science: ImageArrays,
        template: ImageArrays,
        usable: np.ndarray,
        science_psf: PsfStamps,
        template_psf: PsfStamps,
        half_width: int,
    ) -> tuple[MatchingKernel, int]:
        """Fit the kernel to sources, or to the PSF models if there are too few."""
        config = self.config
        fwhm = max(science_psf.fwhm, template_psf.fwhm)
        radius = max(5, round(config.stampRadius * fwhm))
        knots = radial_knots(min(science_psf.fwhm, template_psf.fwhm), half_width)
        basis = polar_basis(knots, half_width, max_harmonic=config.kernelHarmonics)
        flat = dataclasses.replace(science, image=_without_sky(science))
        column, row = select_positions(
            flat,
            usable,
            radius=radius,
            min_snr=config.minSnr,
            n_cells=config.stampCells,
            per_cell=config.stampsPerCell,
        )
        if len(column) >= config.minStamps:
            pairs = cut_pairs(flat, template, usable, column, row, radius=radius, half_width=half_width)
        else:
            self.log.warning(
                "Only %d sources to fit the kernel to (needs %d): using the PSF models.",
                len(column),
                config.minStamps,
            )
            pairs = psf_pairs(science_psf, template_psf, science, radius=radius, half_width=half_width)
        shape = (science.image.shape[0], science.image.shape[1])
        kernel = fit_kernel(pairs, basis, shape=shape, max_order=config.kernelOrder)
        if config.method == "sfft" and len(column) >= config.minStamps:
            inner = (slice(half_width, -half_width), slice(half_width, -half_width))
            region = source_region(column[kernel.used], row[kernel.used], usable, radius=radius)
            flat_template = _without_sky(template)[inner]
            free = fit_sfft(flat.image, flat_template, region, half_width=half_width, order=kernel.order)
            kernel = dataclasses.replace(free, used=kernel.used, chi2=kernel.chi2)
        return kernel, len(column)

    def _subtract(self, science: VisitImage, template: VisitImage, kernel: MatchingKernel) -> Subtraction:
        """Convolve the template, subtract it and its sky, and propagate variance and masks."""
        margin = kernel.half_width
        height, width = science.image.array.shape
        middle = kernel.at((width - 1) / 2.0, (height - 1) / 2.0)
        arrays = ImageArrays.from_masked_image(template, self.config.noDataMaskPlanes)
        matched = kernel.convolve(arrays.image.astype(float), margin)
        noise = dataclasses.replace(kernel, images=(middle**2)[None], order=0)
        matched_variance = np.maximum(noise.convolve(arrays.variance.astype(float), margin), 0.0)
        spread = dataclasses.replace(kernel, images=(np.abs(middle) / np.abs(middle).sum())[None], order=0)
        no_data = spread.convolve(arrays.bad.astype(float), margin) > _MISSING_SHARE
        saturated = (
            spread.convolve(any_mask(template.mask, ["SATURATED"]).astype(float), margin) > _MISSING_SHARE
        )
        variance = science.variance.array + matched_variance
        own = ImageArrays.from_masked_image(science, self.config.noDataMaskPlanes)
        bad = own.bad | no_data
        difference = np.where(own.bad, 0.0, science.image.array - matched)
        sky = fit_sky(difference, variance, bad, self.config.backgroundOrder)
        sky += cell_sky(difference - sky, variance, bad, self.config.backgroundSize)
        return Subtraction(difference - sky, matched + sky, variance, matched_variance, bad, saturated)


def _without_sky(arrays: ImageArrays) -> np.ndarray:
    """Subtract the local sky, for the choice of sources alone."""
    sky = sep.Background(arrays.image, mask=arrays.bad, bw=64, bh=64)
    return np.where(arrays.bad, 0.0, arrays.image - sky.back(dtype=np.float32)).astype(np.float32)
