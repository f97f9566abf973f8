# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mask planes of the images made in the pip world."""

from __future__ import annotations

__all__ = ("MASK_PLANES", "any_mask", "empty_mask", "mask_array", "mask_schema", "set_planes")

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from lsst.images import Box, Mask, MaskPlane, MaskSchema, get_legacy_difference_image_mask_planes

MASK_PLANES: tuple[str, ...] = (
    "BAD",
    "SATURATED",
    "INTERPOLATED",
    "COSMIC_RAY",
    "DETECTION_EDGE",
    "DETECTED",
    "DETECTED_NEGATIVE",
    "NO_DATA",
    "SUSPECT",
    "INJECTED",
    "INJECTED_CORE",
)
"""Planes of every mask made here, in bit order."""

_INJECTION_PLANES = {
    "INJECTED": "Pixel holds flux of an injected synthetic source.",
    "INJECTED_CORE": "Pixel is near the centre of an injected synthetic source.",
}


def mask_schema() -> MaskSchema:
    """Return the schema of every mask made here.

    Returns
    -------
    schema : `lsst.images.MaskSchema`
        The planes of `MASK_PLANES`, with the descriptions of `lsst.images`.
    """
    known = {p.name: p.description for p in get_legacy_difference_image_mask_planes().values()}
    known.update(_INJECTION_PLANES)
    return MaskSchema([MaskPlane(name, known[name]) for name in MASK_PLANES])


def empty_mask(box: Box) -> Mask:
    """Make a mask with the standard planes and no bit set.

    Parameters
    ----------
    box
        Bounding box.

    Returns
    -------
    mask : `lsst.images.Mask`
        Cleared mask.
    """
    return Mask(0, bbox=box, schema=mask_schema())


def mask_array(mask: Mask, plane: str) -> np.ndarray:
    """Return one plane as booleans.

    Parameters
    ----------
    mask
        Mask with any schema.
    plane
        Name of the plane.

    Returns
    -------
    array : `numpy.ndarray`
        Boolean, shape (H, W); all `False` if the mask has no such plane.
    """
    if plane not in mask.schema.names:
        return np.zeros(mask.array.shape[:2], dtype=bool)
    return mask.get(plane)


def any_mask(mask: Mask, planes: Iterable[str]) -> np.ndarray:
    """Return where at least one of some planes is set.

    Parameters
    ----------
    mask
        Mask with any schema.
    planes
        Names of planes; those that the mask does not have are ignored.

    Returns
    -------
    array : `numpy.ndarray`
        Boolean, shape (H, W).
    """
    present = [plane for plane in planes if plane in mask.schema.names]
    return np.any(mask.array & mask.schema.bitmask(*present), axis=-1)


def set_planes(mask: Mask, bits: Mapping[str, npt.ArrayLike]) -> None:
    """Set bits of a mask in place.

    Parameters
    ----------
    mask
        Mask to change.
    bits
        Boolean array of shape (H, W) for each plane; bits are set where it is
        `True` and left as they are elsewhere.

    Raises
    ------
    ValueError
        Raised if a plane is unknown or a shape disagrees.
    """
    for name, values in bits.items():
        where = np.asarray(values, dtype=bool)
        if name not in mask.schema.names:
            raise ValueError(f"Unknown mask plane {name!r}; known are {list(mask.schema.names)}.")
        if where.shape != mask.array.shape[:2]:
            raise ValueError(f"Mask plane {name!r} has shape {where.shape}; expected {mask.array.shape[:2]}.")
        mask.set(name, where)
