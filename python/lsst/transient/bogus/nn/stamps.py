# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps as plain arrays: what the networks are given."""

from __future__ import annotations

__all__ = ("Stamps",)

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from astropy.table import Table

from ..errors import TableSchemaError
from ..words import unpack_tensors

_HALF = 2  # the centre is 5x5 pixels: a PSF core


@dataclasses.dataclass(frozen=True)
class Stamps:
    """Stamps as the cutout table has them.

    Parameters
    ----------
    image
        Pixel values in nJy, NaN where missing, shape (N, C, S, S).
    variance
        Variances in nJy², same shape; ones if `None`.
    mask
        Mask bits, uint8, same shape; no bit set if `None`.
    channels
        Name of each channel.
    mask_bits
        Name of each mask bit, from the lowest.
    """

    image: np.ndarray
    variance: np.ndarray | None = None
    mask: np.ndarray | None = None
    channels: tuple[str, ...] = ("difference", "science", "template")
    mask_bits: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.image)

    @property
    def planes(self) -> tuple[str, ...]:
        """Names of the arrays that are there."""
        return tuple(name for name in ("image", "variance", "mask") if getattr(self, name) is not None)

    def __getitem__(self, rows: slice | np.ndarray) -> Stamps:
        return self.map(lambda array: array[rows])

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> Stamps:
        """Apply a function to the arrays.

        Parameters
        ----------
        function
            Of images, variances and masks, one at a time.

        Returns
        -------
        stamps : `Stamps`
            Stamps with what it returned.
        """
        variance = None if self.variance is None else function(self.variance)
        mask = None if self.mask is None else function(self.mask)
        return Stamps(function(self.image), variance, mask, self.channels, self.mask_bits)

    @classmethod
    def from_table(cls, cutouts: Table) -> Stamps:
        """Take the stamps of a cutout table, without a copy.

        Parameters
        ----------
        cutouts
            Table of schema `lsst.transient.bogus.columns.CUTOUTS`, stored as tensors or
            as words.

        Returns
        -------
        stamps : `Stamps`
            Stamps of all rows.

        Raises
        ------
        TableSchemaError
            Raised if the metadata do not name the channels.
        """
        if "CHANNELS" not in cutouts.meta:
            raise TableSchemaError(f"The {len(cutouts)} cutouts have no CHANNELS in their metadata.")
        cutouts = unpack_tensors(cutouts)
        bits = cutouts.meta.get("MASK_BITS", {})
        return cls(
            np.asarray(cutouts["image"]),
            np.asarray(cutouts["variance"]) if "variance" in cutouts.colnames else None,
            np.asarray(cutouts["mask"]) if "mask" in cutouts.colnames else None,
            tuple(cutouts.meta["CHANNELS"]),
            tuple(sorted(bits, key=lambda name: int(bits[name]))),
        )

    @functools.cached_property
    def usable(self) -> np.ndarray:
        """Whether most of the central 5x5 pixels of every channel exist and have a noise, shape (N,)."""
        middle = self.image.shape[-1] // 2
        window = slice(max(0, middle - _HALF), middle + _HALF + 1)
        exists = np.isfinite(self.image[:, :, window, window])
        if self.variance is not None:
            noise = self.variance[:, :, window, window]
            exists &= (noise > 0) & np.isfinite(noise)
        flat = exists.reshape(*exists.shape[:2], exists.shape[2] * exists.shape[3])
        return np.asarray((2 * flat.sum(axis=2, dtype=np.uint8) > flat.shape[2]).all(axis=1))
