# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pixels of a masked image as plain arrays, and stamps and flags taken from them."""

from __future__ import annotations

__all__ = ("ImageArrays", "centre_hits", "footprint_hits", "stamps_at")

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .mask_planes import any_mask

if TYPE_CHECKING:
    from lsst.images import MaskedImage


@dataclasses.dataclass(frozen=True)
class ImageArrays:
    """Pixels, variance and usability on one grid.

    Parameters
    ----------
    image
        Pixels, finite everywhere (zero where not usable), float32, shape (H, W).
    variance
        Variance, positive everywhere, float32, shape (H, W).
    bad
        Pixels that are not usable, shape (H, W).
    x0
        Parent column of the first pixel.
    y0
        Parent row of the first pixel.
    """

    image: np.ndarray
    variance: np.ndarray
    bad: np.ndarray
    x0: int
    y0: int

    @classmethod
    def from_masked_image(cls, masked: MaskedImage, bad_planes: Sequence[str]) -> ImageArrays:
        """Take the pixels of an image.

        Parameters
        ----------
        masked
            Image with mask and variance.
        bad_planes
            Mask planes whose pixels are not usable; those that the mask does
            not have are ignored.

        Returns
        -------
        arrays : `ImageArrays`
            Pixels; those that are not finite or have no positive variance are
            not usable either.
        """
        image, variance = masked.image.array, masked.variance.array
        bad = any_mask(masked.mask, bad_planes) | ~np.isfinite(image) | ~np.isfinite(variance)
        bad |= ~(np.where(bad, 1.0, variance) > 0)
        good_variance = variance[~bad]
        fill = float(np.median(good_variance)) if good_variance.size else 1.0
        return cls(
            np.ascontiguousarray(np.where(bad, 0.0, image), dtype=np.float32),
            np.ascontiguousarray(np.where(bad, fill, variance), dtype=np.float32),
            np.ascontiguousarray(bad),
            masked.bbox.x.start,
            masked.bbox.y.start,
        )


def stamps_at(
    plane: np.ndarray, column: np.ndarray, row: np.ndarray, size: int, *, fill: float
) -> np.ndarray:
    """Cut stamps from a plane.

    Parameters
    ----------
    plane
        Pixels, shape (H, W).
    column
        Column of the first pixel of each stamp relative to the plane, shape (N,).
    row
        Row of the first pixel of each stamp, shape (N,).
    size
        Side of the stamps.
    fill
        Value beyond the border.

    Returns
    -------
    stamps : `numpy.ndarray`
        Copies, shape (N, size, size).
    """
    padded = np.pad(plane, size, constant_values=fill)
    # A stamp that is wholly off the plane is all fill wherever it is taken.
    last_row, last_column = padded.shape[0] - size, padded.shape[1] - size
    rows, columns = np.clip(row + size, 0, last_row), np.clip(column + size, 0, last_column)
    return sliding_window_view(padded, (size, size))[rows, columns]


def footprint_hits(plane: np.ndarray, segments: np.ndarray, n: int) -> np.ndarray:
    """Return which segments contain a pixel of a mask plane.

    Parameters
    ----------
    plane
        Mask plane, shape (H, W).
    segments
        Segmentation map with labels 1 to ``n``; 0 is sky, shape (H, W).
    n
        Number of segments.

    Returns
    -------
    hit : `numpy.ndarray`
        Boolean, shape (n,).
    """
    return np.bincount(segments[plane], minlength=n + 1)[1 : n + 1] > 0


def centre_hits(plane: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which 3×3 centres contain a pixel of a mask plane.

    Parameters
    ----------
    plane
        Mask plane, shape (H, W).
    x
        Columns relative to the plane, shape (N,).
    y
        Rows relative to the plane, shape (N,).

    Returns
    -------
    hit : `numpy.ndarray`
        Boolean, shape (N,).
    """
    column, row = np.round(x).astype(np.int64) - 1, np.round(y).astype(np.int64) - 1
    return stamps_at(plane, column, row, 3, fill=0).any(axis=(1, 2))
