# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Difference image and matched template from their planes, and templates on another box."""

from __future__ import annotations

__all__ = ("Subtraction", "make_difference_image", "make_matched_template", "template_on_box")

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from lsst.images import Box, DifferenceImage, Image, Mask, MaskedImage, MaskPlane

if TYPE_CHECKING:
    from lsst.images import VisitImage

_SAT_TEMPLATE = MaskPlane("SAT_TEMPLATE", "Template pixel was saturated.")


@dataclasses.dataclass(frozen=True)
class Subtraction:
    """Planes of a subtraction, all of shape (H, W).

    Parameters
    ----------
    difference
        Science minus matched template.
    matched
        Template convolved to the PSF of the science image, with the sky of the difference.
    variance
        Variance of the difference.
    matched_variance
        Variance of the matched template.
    no_data
        Pixels that have no value in one of the images.
    saturated
        Pixels that saturated template pixels contribute to.
    """

    difference: np.ndarray
    matched: np.ndarray
    variance: np.ndarray
    matched_variance: np.ndarray
    no_data: np.ndarray
    saturated: np.ndarray


def template_on_box(template: VisitImage, box: Box) -> VisitImage:
    """Return a template on exactly a box.

    Parameters
    ----------
    template
        Template.
    box
        Box to cut to or to extend to.

    Returns
    -------
    template : `lsst.images.VisitImage`
        Template with NO_DATA where it had no pixels.
    """
    if template.bbox.contains(box):
        return template[box]
    common = template.bbox.intersection(box)
    mask = Mask(0, bbox=box, schema=template.mask.schema)
    mask.set("NO_DATA", np.ones(box.shape, dtype=bool))
    image, variance = np.zeros(box.shape, dtype=np.float32), np.ones(box.shape, dtype=np.float32)
    inner = common.slice_within(box)
    cut = template[common]
    image[inner], variance[inner], mask.array[inner] = cut.image.array, cut.variance.array, cut.mask.array
    return type(template)(
        Image(image, bbox=box, unit=template.unit),
        mask=mask,
        variance=Image(variance, bbox=box, unit=template.unit**2),
        sky_projection=template.sky_projection,
        obs_info=template.obs_info,
        psf=template.psf,
        detector=template.detector,
        band=template.band,
    )


def make_difference_image(science: VisitImage, planes: Subtraction) -> DifferenceImage:
    """Wrap a difference with the identity of the visit image.

    Parameters
    ----------
    science
        Visit image that was subtracted from.
    planes
        Result of the subtraction.

    Returns
    -------
    difference : `lsst.images.DifferenceImage`
        Difference with the PSF and the mask of ``science`` and the plane SAT_TEMPLATE.
    """
    mask = science.mask.add_planes([_SAT_TEMPLATE])
    mask.set("SAT_TEMPLATE", planes.saturated)
    mask.set("NO_DATA", planes.no_data)
    return DifferenceImage(
        Image(planes.difference.astype(np.float32), bbox=science.bbox, unit=science.unit),
        mask=mask,
        variance=Image(planes.variance.astype(np.float32), bbox=science.bbox, unit=science.unit**2),
        sky_projection=science.sky_projection,
        obs_info=science.obs_info,
        psf=science.psf,
        detector=science.detector,
        band=science.band,
    )


def make_matched_template(science: VisitImage, planes: Subtraction) -> MaskedImage:
    """Wrap a convolved template.

    Parameters
    ----------
    science
        Visit image on whose grid it lies.
    planes
        Result of the subtraction.

    Returns
    -------
    matched : `lsst.images.MaskedImage`
        The convolved template.
    """
    mask = Mask(0, bbox=science.bbox, schema=science.mask.schema)
    mask.set("NO_DATA", planes.no_data)
    mask.set("SATURATED", planes.saturated)
    return MaskedImage(
        Image(
            planes.matched.astype(np.float32),
            bbox=science.bbox,
            unit=science.unit,
            sky_projection=science.sky_projection,
        ),
        mask=mask,
        variance=Image(
            np.maximum(planes.matched_variance, 1e-30).astype(np.float32),
            bbox=science.bbox,
            unit=science.unit**2,
        ),
    )
