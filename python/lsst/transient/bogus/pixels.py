# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boundary to `lsst.images`: planes of an image as plain arrays.

Native tasks receive the planes that the butler makes of ``image``, ``mask`` and
``variance`` components, whatever image type the repository holds, and turn them
into a `Plane` here.  No other module outside ``standalone`` knows `lsst.images`.
"""

from __future__ import annotations

__all__ = ("Plane", "condense", "image_plane", "mask_bytes", "mask_plane", "mask_table", "read_boxes")

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import astropy.units
import numpy as np
import numpy.typing as npt

from lsst.images import Box, Image, Mask


@dataclasses.dataclass(frozen=True)
class Plane:
    """Pixels with the position of their first pixel.

    Parameters
    ----------
    array
        Pixels, shape (H, W); row first.
    x0
        Parent column of ``array[:, 0]``.
    y0
        Parent row of ``array[0, :]``.
    unit
        Astropy unit string of the pixels; empty if they have none.
    """

    array: np.ndarray
    x0: int
    y0: int
    unit: str = ""


def read_boxes(
    handle: Any, x0: npt.NDArray[np.int64], y0: npt.NDArray[np.int64], size: int
) -> list[Image] | list[Mask] | None:
    """Read square boxes of a plane, where the file and all boxes allow it.

    Parameters
    ----------
    handle
        Deferred handle of a plane.
    x0
        First column of each box in parent pixel coordinates, shape (N,).
    y0
        First row of each box, shape (N,).
    size
        Side of the boxes.

    Returns
    -------
    boxes : `list` [`lsst.images.Image` or `lsst.images.Mask`] or `None`
        N boxes; `None` if one of them is not wholly on the plane, or if the reader
        knows no boxes, as that of legacy files.
    """
    boxes = []
    for column, row in zip(x0.tolist(), y0.tolist(), strict=True):
        wanted = Box.factory[row : row + size, column : column + size]
        try:
            found = handle.get(parameters={"bbox": wanted})
        except (IndexError, KeyError, ValueError):
            return None
        if found.bbox != wanted:
            return None
        boxes.append(found)
    return boxes


def image_plane(image: Image, *, unit: str | None = None) -> Plane:
    """Return the pixels of an image or variance plane.

    Parameters
    ----------
    image
        Plane as read by the butler with storage class ``ImageV2``.
    unit
        Unit to convert to, where the plane's own unit has a constant conversion
        to it; the plane's own unit is kept otherwise.

    Returns
    -------
    plane : `Plane`
        Pixels, float32.
    """
    array = np.asarray(image.array, dtype=np.float32)
    own = image.unit
    if unit is not None and own is not None and own.is_equivalent(unit):
        factor = own.to(unit)
        if factor != 1.0:
            array = array * np.float32(factor)
        own = astropy.units.Unit(unit)
    return Plane(array, image.bbox.x.start, image.bbox.y.start, own.to_string() if own is not None else "")


def mask_table(mask: Mask, bits: Mapping[str, Sequence[str]]) -> tuple[np.ndarray, frozenset[str]]:
    """Return the table that condenses the mask's bytes to a few named bits.

    Parameters
    ----------
    mask
        Plane as read by the butler with storage class ``MaskV2``.
    bits
        For each output bit, in order from the lowest, the mask planes that set
        it.  Planes that the file does not have are ignored and returned.

    Returns
    -------
    table : `numpy.ndarray`
        The bits that each value of each byte of a pixel stands for,
        shape (B, 256), uint8; see `condense`.
    absent : `frozenset` [`str`]
        Configured planes that the file does not have.

    Raises
    ------
    ValueError
        Raised if more than eight bits are asked for.
    """
    if len(bits) > 8:
        raise ValueError(f"At most 8 mask bits fit in one byte; got {len(bits)}: {list(bits)}.")
    present = set(mask.schema.names)
    table = np.zeros((mask_bytes(mask).shape[-1], 256), dtype=np.uint8)
    for position, planes in enumerate(bits.values()):
        known = [name for name in planes if name in present]
        if known:
            wanted = mask.schema.bitmask(*known).view(np.uint8)
            hit = (np.arange(256, dtype=np.uint8) & wanted[:, np.newaxis]) != 0
            table |= hit.astype(np.uint8) << np.uint8(position)
    return table, frozenset(name for planes in bits.values() for name in planes) - present


def mask_bytes(mask: Mask) -> np.ndarray:
    """Return the pixels of a mask as bytes.

    Parameters
    ----------
    mask
        Plane as read by the butler with storage class ``MaskV2``.

    Returns
    -------
    pixels : `numpy.ndarray`
        Shape (H, W, B), uint8.
    """
    return mask.array.view(np.uint8)


def condense(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Condense the bytes of masks by a table.

    Parameters
    ----------
    pixels
        Mask pixels, shape (..., B), uint8.
    table
        Table of `mask_table`, shape (B, 256), uint8.

    Returns
    -------
    condensed : `numpy.ndarray`
        Bits, shape (...), uint8.
    """
    condensed = table[0][pixels[..., 0]]
    for byte in range(1, len(table)):
        if table[byte].any():
            condensed |= table[byte][pixels[..., byte]]
    return condensed


def mask_plane(mask: Mask, bits: Mapping[str, Sequence[str]]) -> tuple[Plane, frozenset[str]]:
    """Condense a mask to a few named bits in one byte per pixel.

    Parameters
    ----------
    mask
        Plane as read by the butler with storage class ``MaskV2``.
    bits
        As for `mask_table`.

    Returns
    -------
    plane : `Plane`
        Bits, uint8.
    absent : `frozenset` [`str`]
        Configured planes that the file does not have.

    Raises
    ------
    ValueError
        Raised if more than eight bits are asked for.
    """
    table, absent = mask_table(mask, bits)
    condensed = condense(mask_bytes(mask), table)
    return Plane(condensed, mask.bbox.x.start, mask.bbox.y.start), absent
