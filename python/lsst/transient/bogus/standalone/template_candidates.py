# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The visits that may enter a template, looked at without reading their pixels."""

from __future__ import annotations

__all__ = ("Candidate", "find_candidates", "without_pixels")

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from lsst.images import Box

from .images import midpoint_mjd_tai
from .psf_stamps import PsfStamps
from .warp import PixelMap, map_pixels

if TYPE_CHECKING:
    from lsst.daf.butler import DeferredDatasetHandle
    from lsst.images import VisitImage
    from lsst.images.psfs import PointSpreadFunction

# Read together, so that a file is opened once.  The butler remembers the last file
# that it read, and a Piff PSF cannot be made twice from what it remembers: no image
# may be asked for its PSF twice in a row.
_OUTLINE = ("bbox", "obs_info", "psf", "sky_projection")


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A visit that may enter a template.

    Parameters
    ----------
    handle
        Handle of its image.
    visit
        Visit.
    psf
        Its PSF.
    fwhm
        Seeing in pixels of the template.
    days_apart
        Time between the visit and the one that the template is for.
    pixel_map
        Where the pixels of the template lie in the image.
    inside
        Pixels of the template that the image covers, shape (H, W).
    box
        Box of the image.
    """

    handle: DeferredDatasetHandle
    visit: int
    psf: PointSpreadFunction
    fwhm: float
    days_apart: float
    pixel_map: PixelMap
    inside: np.ndarray
    box: Box


def find_candidates(
    target: VisitImage, box: Box, handles: Iterable[DeferredDatasetHandle]
) -> list[Candidate]:
    """Look at the night, the overlap and the seeing of images.

    Parameters
    ----------
    target
        Image that the template is for; its pixels are not used.
    box
        Box of the template.
    handles
        Handles of images of other visits.

    Returns
    -------
    candidates : `list` [`Candidate`]
        Those of other nights that overlap the box.
    """
    candidates = []
    for handle in handles:
        outline = handle.get(component="components", parameters={"components": list(_OUTLINE)})
        info, source_box = outline["obs_info"], outline["bbox"]
        night = info.observing_day
        same_night = night is not None and night == target.obs_info.observing_day
        if same_night or info.visit_id == target.obs_info.visit_id:
            continue
        pixel_map = map_pixels(target.sky_projection, box, outline["sky_projection"])
        inside = pixel_map.inside(source_box)
        if not inside.any():
            continue
        scale = float(np.sqrt(np.median(pixel_map.area)))
        fwhm = PsfStamps.sample(outline["psf"], source_box, step=10**6).fwhm / scale
        visit = int(info.visit_id or 0)
        apart = abs(midpoint_mjd_tai(info) - midpoint_mjd_tai(target.obs_info))
        candidates.append(
            Candidate(handle, visit, outline["psf"], fwhm, apart, pixel_map, inside, source_box)
        )
    return candidates


def without_pixels(handle: DeferredDatasetHandle) -> tuple[VisitImage, Box]:
    """Read everything of an image but its pixels.

    Parameters
    ----------
    handle
        Handle of the image.

    Returns
    -------
    image : `lsst.images.VisitImage`
        The image's first pixel, with all that describes the image.
    box : `lsst.images.Box`
        Box of the whole image.
    """
    box: Box = handle.get(component="bbox")
    corner = Box.factory[box.y.start : box.y.start + 1, box.x.start : box.x.start + 1]
    return handle.get(parameters={"bbox": corner}), box
