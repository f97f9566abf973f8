# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays of an image into which synthetic sources are painted."""

from __future__ import annotations

__all__ = ("Canvas",)

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..injected_flux import with_photon_noise
from .injection_draw import InjectionFlag, Painted
from .mask_planes import any_mask

if TYPE_CHECKING:
    from lsst.images import VisitImage

_CORE_SIZE = 3


@dataclasses.dataclass
class Canvas:
    """Planes of one image; `add` changes them.

    Parameters
    ----------
    image
        Pixels, float32, shape (H, W).
    variance
        Variance, float32, shape (H, W).
    injected
        Pixels that hold injected flux, shape (H, W).
    core
        Pixels near the centre of an injection, shape (H, W).
    saturated
        Saturated pixels, to which no flux is added, shape (H, W).
    no_data
        Pixels without data, shape (H, W).
    """

    image: np.ndarray
    variance: np.ndarray
    injected: np.ndarray
    core: np.ndarray
    saturated: np.ndarray
    no_data: np.ndarray

    @classmethod
    def of(cls, image: VisitImage) -> Canvas:
        """Copy the planes of an image.

        Parameters
        ----------
        image
            Image; it is not changed.

        Returns
        -------
        canvas : `Canvas`
            Its planes, without injections.
        """
        shape = image.image.array.shape
        return cls(
            image.image.array.astype(np.float32, copy=True),
            image.variance.array.astype(np.float32, copy=True),
            np.zeros(shape, dtype=bool),
            np.zeros(shape, dtype=bool),
            any_mask(image.mask, ["SATURATED"]),
            any_mask(image.mask, ["NO_DATA"]) | ~np.isfinite(image.image.array),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[0], self.image.shape[1]

    def add(
        self,
        painted: Painted,
        *,
        slope: float,
        rng: np.random.Generator | None,
        with_variance: bool,
    ) -> None:
        """Add the flux of a source.

        Parameters
        ----------
        painted
            The source.
        slope
            Variance per unit of flux.
        rng
            Source of photon noise; no noise if `None`.
        with_variance
            Whether to add the variance of the flux.
        """
        where = (painted.rows, painted.columns)
        flux, variance = with_photon_noise(painted.pixels, slope, rng)
        unsaturated = ~self.saturated[where]
        self.image[where] += np.where(unsaturated, flux, 0.0)
        if with_variance:
            self.variance[where] += np.where(unsaturated, variance, 0.0)
        self.injected[where] = True

    def mark_centre(self, x: float, y: float) -> InjectionFlag:
        """Mark the core of a source.

        Parameters
        ----------
        x
            Column relative to the first pixel.
        y
            Row relative to the first pixel.

        Returns
        -------
        flag : `InjectionFlag`
            What is wrong with the central pixel.
        """
        height, width = self.shape
        column, row, half = int(np.floor(x + 0.5)), int(np.floor(y + 0.5)), _CORE_SIZE // 2
        rows, columns = (slice(max(i - half, 0), max(i + half + 1, 0)) for i in (row, column))
        self.core[rows, columns] = True
        if not (0 <= row < height and 0 <= column < width):
            return InjectionFlag.CENTER_OFF_IMAGE
        if self.no_data[row, column]:
            return InjectionFlag.CENTER_NO_DATA
        return InjectionFlag.CENTER_SATURATED if self.saturated[row, column] else InjectionFlag(0)
