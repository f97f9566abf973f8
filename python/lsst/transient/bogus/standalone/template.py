# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that builds the template of a visit from other visits of the same field."""

from __future__ import annotations

__all__ = ("BuildTemplateConfig", "BuildTemplateConnections", "BuildTemplateTask")

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from scipy import ndimage

from lsst.images import Box, Image, VisitImage
from lsst.pex.config import ListField, RangeField
from lsst.pipe.base import (
    NoWorkFound,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
    UpstreamFailureNoWorkFound,
)
from lsst.pipe.base.connectionTypes import Input, Output

from .coadd_psf import PsfContribution, combine_psfs
from .combine import Stack, combine, select_visits
from .image_arrays import ImageArrays
from .mask_planes import any_mask, empty_mask, set_planes
from .overlap import overlapping_pairs
from .template_candidates import Candidate, find_candidates, without_pixels
from .warp import warp_image, warp_weight

if TYPE_CHECKING:
    from lsst.daf.butler import DeferredDatasetHandle
    from lsst.images.psfs import PointSpreadFunction
    from lsst.pipe.base import (
        InputQuantizedConnection,
        OutputQuantizedConnection,
        QuantumContext,
    )
    from lsst.pipe.base.connections import QuantaAdjuster

_VD = ("instrument", "visit", "detector")
_INTERPOLATION_MARGIN = 8
_SATURATION_REACH = 4
_BAD_WEIGHT = 0.1  # a target pixel is bad if more than this share of its flux comes from bad pixels


class BuildTemplateConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `BuildTemplateTask`."""

    visit_images = Input(
        doc="The visit image to build a template for, and all images of other nights in the same band that "
        "overlap it.",
        name="visit_image",
        storageClass="VisitImage",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    template = Output(
        doc="Template on the pixel grid of the visit image, grown on all sides.",
        name="template_detector",
        storageClass="VisitImage",
        dimensions=_VD,
    )

    def adjust_all_quanta(self, adjuster: QuantaAdjuster) -> None:
        # The graph builder gives each quantum its own image; images of other
        # visits in the graph that overlap it are added here.  (A prerequisite
        # input could not be used: other tasks read the same dataset type as a
        # regular input.)
        own = {d: adjuster.expand_quantum_data_id(d) for d in adjuster.iter_data_ids()}
        refs = adjuster.butler.query_datasets(
            adjuster.task_node.inputs["visit_images"].parent_dataset_type_name,
            limit=None,
            find_first=True,
            with_dimension_records=True,
            explain=False,
        )
        candidates = [ref.dataId for ref in refs]
        for quantum, image in overlapping_pairs(list(own.values()), candidates):
            try:
                adjuster.add_input(quantum, "visit_images", image)
            except LookupError:
                # Not selected by the data query of this graph.
                continue


class BuildTemplateConfig(PipelineTaskConfig, pipelineConnections=BuildTemplateConnections):
    """Configuration of `BuildTemplateTask`."""

    maxVisits = RangeField(
        dtype=int,
        doc="Number of visits to combine, best seeing first.  More visits lower the noise and widen the PSF; "
        "visits beyond this number are used only where the chosen ones leave holes.",
        default=5,
        min=1,
    )
    minVisits = RangeField(
        dtype=int,
        doc="Fewest visits of other nights without which there is no template.  With fewer than three, "
        "cosmic rays and moving objects of a visit stay in the template.",
        default=2,
        min=1,
    )
    minDaysApart = RangeField(
        dtype=float,
        doc="Visits closer in time than this are used only where others leave holes: what has changed since "
        "they were taken is in them too, and would be subtracted.  Zero takes all alike.",
        default=30.0,
        min=0.0,
    )
    minCoverage = RangeField(
        dtype=float,
        doc="Fraction of the visit's pixels that the template must cover; with less there is no template.",
        default=0.3,
        min=0.0,
        max=1.0,
    )
    grow = RangeField(
        dtype=int,
        doc="Pixels by which the template extends beyond the visit image on each side, so that its "
        "convolution is complete up to the edge.",
        default=20,
        min=0,
    )
    clip = RangeField(
        dtype=float,
        doc="Pixels of a visit that deviate from the median of all by more than this number of standard "
        "deviations are left out.  Ignored where fewer than three visits overlap.",
        default=5.0,
        min=2.0,
    )
    seeingTolerance = RangeField(
        dtype=float,
        doc="Fraction of the local brightness by which visits may differ because of their seeing without "
        "being left out.  Zero cuts the cores of stars; large values keep cosmic rays on galaxies.",
        default=0.4,
        min=0.0,
    )
    backgroundSize = RangeField(
        dtype=int,
        doc="Side, in pixels, of the cells in which the sky of each visit is matched to that of the median "
        "of all.  Cells smaller than a few FWHM match the sources too.",
        default=48,
        min=16,
    )
    badMaskPlanes: ListField[str] = ListField(
        dtype=str,
        doc="Mask planes of pixels that are left out of the combination.  Planes that an image does not have "
        "are ignored.",
        default=["BAD", "COSMIC_RAY", "NO_DATA"],
    )


class BuildTemplateTask(PipelineTask):
    """Combine the visits of best seeing, of other nights, on the grid of a visit.

    Stands in for the stack's coadds and ``buildTemplate``.
    """

    ConfigClass = BuildTemplateConfig
    _DefaultName = "buildTemplate"
    config: BuildTemplateConfig

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        own = [r for r in inputRefs.visit_images if r.dataId == butlerQC.quantum.dataId]
        if not own:
            raise UpstreamFailureNoWorkFound(f"No visit image for {butlerQC.quantum.dataId}.")
        others = [r for r in inputRefs.visit_images if r.dataId != butlerQC.quantum.dataId]
        result = self.run(visit_image=butlerQC.get(own[0]), visit_images=[butlerQC.get(r) for r in others])
        butlerQC.put(result, outputRefs)

    def run(
        self, *, visit_image: DeferredDatasetHandle, visit_images: Sequence[DeferredDatasetHandle]
    ) -> Struct:
        """Build a template.

        Parameters
        ----------
        visit_image
            Handle of the visit image that needs a template; its pixels are not read.
        visit_images
            Handles of overlapping visit images in the same band.  Those of the
            same night are left out.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``template``: a `~lsst.images.VisitImage` whose box is larger than that
            of ``visit_image`` by ``config.grow``.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            Raised if too few visits of other nights overlap, or they cover too little.
        """
        visit_images = [handle for handle in visit_images if handle.dataId != visit_image.dataId]
        target, target_box = without_pixels(visit_image)
        box = target_box.padded(self.config.grow)
        where = f"visit {target.obs_info.visit_id}, detector {target.detector.id}"
        candidates = find_candidates(target, box, visit_images)
        if len(candidates) < self.config.minVisits:
            raise NoWorkFound(
                f"No template for {where}: {len(candidates)} of {len(visit_images)} other images overlap it "
                f"on other nights; needs {self.config.minVisits}."
            )
        chosen = select_visits(
            [c.fwhm for c in candidates],
            [c.inside for c in candidates],
            max_visits=self.config.maxVisits,
            min_visits=self.config.minVisits,
            is_preferred=[c.days_apart >= self.config.minDaysApart for c in candidates],
        )
        stack, saturated = self._combine([candidates[i] for i in chosen], box)
        grow = self.config.grow
        inner = (slice(grow, box.y.size - grow), slice(grow, box.x.size - grow))
        coverage = float(np.mean(stack.n_visits[inner] > 0))
        if coverage < self.config.minCoverage:
            raise NoWorkFound(
                f"No template for {where}: {len(chosen)} visits cover {coverage:.2f} of it; "
                f"needs {self.config.minCoverage}."
            )
        visits = [candidates[i].visit for i in chosen]
        self.log.info(
            "%s: template of %d of %d visits, coverage %.2f, best seeing %.2f pixels, %d pixels clipped.",
            where,
            len(chosen),
            len(candidates),
            coverage,
            candidates[chosen[0]].fwhm,
            int(stack.n_clipped.sum()),
        )
        self.metadata["n_candidates"] = len(candidates)
        self.metadata["n_visits"] = len(chosen)
        self.metadata["coverage"] = coverage
        self.metadata["n_clipped_pixels"] = int(stack.n_clipped.sum())
        self.metadata["visits"] = visits
        self.metadata["detectors"] = [int(candidates[i].handle.dataId["detector"]) for i in chosen]
        self.metadata["weights"] = [float(weight) for weight in stack.weights]
        psf = combine_psfs(
            [
                PsfContribution(candidates[i].psf, candidates[i].pixel_map, weight, candidates[i].inside)
                for i, weight in zip(chosen, stack.weights, strict=True)
            ],
            box,
        )
        return Struct(template=_template(target, box, stack, saturated, visits, psf))

    def _combine(self, candidates: Sequence[Candidate], box: Box) -> tuple[Stack, np.ndarray]:
        """Read, resample and combine the chosen images; also return where any is saturated."""
        shape = (len(candidates), *box.shape)
        images, variances = np.zeros(shape, dtype=np.float32), np.ones(shape, dtype=np.float32)
        good = np.zeros(shape, dtype=bool)
        saturated = np.zeros(box.shape, dtype=bool)
        for i, candidate in enumerate(candidates):
            part = candidate.pixel_map.source_box(candidate.box, margin=_INTERPOLATION_MARGIN)
            source: VisitImage = candidate.handle.get(parameters={"bbox": part})
            arrays = ImageArrays.from_masked_image(source, self.config.badMaskPlanes)
            corner = {"x0": arrays.x0, "y0": arrays.y0}
            pixel_map = candidate.pixel_map
            images[i] = warp_image(arrays.image, arrays.bad, pixel_map, **corner)
            variance = warp_weight(arrays.variance, pixel_map, **corner, fill=0.0)
            variances[i] = np.where(variance > 0, variance * pixel_map.area**2, 1.0)
            bad = warp_weight(arrays.bad, pixel_map, **corner, fill=1.0)
            good[i] = candidate.inside & (bad < _BAD_WEIGHT) & (variance > 0)
            saturated |= (
                warp_weight(any_mask(source.mask, ["SATURATED"]), pixel_map, **corner, fill=0.0) > _BAD_WEIGHT
            )
        stack = combine(
            images,
            variances,
            good,
            clip=self.config.clip,
            seeing_tolerance=self.config.seeingTolerance,
            sky_size=self.config.backgroundSize,
            protect=ndimage.binary_dilation(saturated, iterations=_SATURATION_REACH),
        )
        return stack, saturated


def _template(
    target: VisitImage,
    box: Box,
    stack: Stack,
    saturated: np.ndarray,
    visits: list[int],
    psf: PointSpreadFunction,
) -> VisitImage:
    """Wrap a combined image with the identity of the visit that it is for."""
    no_data = stack.n_visits == 0
    mask = empty_mask(box)
    set_planes(mask, {"NO_DATA": no_data, "SATURATED": saturated & ~no_data})
    metadata: dict[str, Any] = {"N_VISITS": len(visits), "VISITS": ",".join(map(str, visits))}
    return VisitImage(
        Image(stack.image, bbox=box, unit=u.nJy),
        mask=mask,
        variance=Image(stack.variance, bbox=box, unit=u.nJy**2),
        sky_projection=target.sky_projection,
        obs_info=target.obs_info,
        psf=psf,
        detector=target.detector,
        band=target.band,
        metadata=metadata,
    )
