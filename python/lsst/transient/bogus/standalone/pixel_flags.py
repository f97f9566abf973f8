# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags that say which mask planes a source touches."""

from __future__ import annotations

__all__ = ("pixel_flags",)

from typing import TYPE_CHECKING

import numpy as np

from .image_arrays import centre_hits, footprint_hits
from .mask_planes import any_mask

if TYPE_CHECKING:
    from lsst.images import Mask


def pixel_flags(
    mask: Mask, bad: np.ndarray, segments: np.ndarray, x: np.ndarray, y: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the ``pixelFlags_`` columns that source and DIA source tables share.

    Parameters
    ----------
    mask
        Mask of the image.
    bad
        Pixels that were not usable, shape (H, W).
    segments
        Segmentation map with labels 1 to N, shape (H, W).
    x
        Columns relative to the first pixel, shape (N,).
    y
        Rows relative to the first pixel, shape (N,).

    Returns
    -------
    flags : `dict` [`str`, `numpy.ndarray`]
        Boolean arrays of shape (N,).
    """
    n = len(x)
    border = np.zeros(segments.shape, dtype=bool)
    border[[0, -1], :] = True
    border[:, [0, -1]] = True
    planes = {
        "edge": border | any_mask(mask, ["DETECTION_EDGE"]),
        "nodata": any_mask(mask, ["NO_DATA"]),
        "bad": any_mask(mask, ["BAD"]) | bad,
        "saturated": any_mask(mask, ["SATURATED"]),
        "cr": any_mask(mask, ["COSMIC_RAY"]),
        "interpolated": any_mask(mask, ["INTERPOLATED"]),
    }
    flags = {
        f"pixelFlags_{name}": footprint_hits(plane, segments, n) | centre_hits(plane, x, y)
        for name, plane in planes.items()
    }
    for name in ("saturated", "cr", "interpolated"):
        flags[f"pixelFlags_{name}Center"] = centre_hits(planes[name], x, y)
    return flags
