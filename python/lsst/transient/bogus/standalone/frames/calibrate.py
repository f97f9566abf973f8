# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels of a frame, calibrated: nJy above the sky, variance, and mask."""

from __future__ import annotations

__all__ = ("CalibratedPixels", "calibrate", "estimate_sky")

import dataclasses

import numpy as np
import sep
from scipy.ndimage import binary_dilation

from .header_map import FrameSettings
from .read import Frame

AB_ZERO_POINT_NJY = 31.4
"""AB magnitude of 1 nJy."""


@dataclasses.dataclass(frozen=True)
class CalibratedPixels:
    """Pixels of a frame, calibrated.

    Parameters
    ----------
    image
        Pixels above the sky in nJy, shape (H, W); 0 where there is no data.
    variance
        Variance in nJy², shape (H, W).
    masks
        Pixels of each mask plane, boolean, shape (H, W).
    sky
        Median sky above that of the header, in units of the frame.
    noise_ratio
        Measured noise of the sky over the one expected from gain and read noise.
    """

    image: np.ndarray
    variance: np.ndarray
    masks: dict[str, np.ndarray]
    sky: float
    noise_ratio: float


def calibrate(pixels: np.ndarray, frame: Frame, settings: FrameSettings) -> CalibratedPixels:
    """Calibrate the pixels of a frame.

    Parameters
    ----------
    pixels
        Pixels as they are in the file, shape (H, W).
    frame
        What the header says of them.
    settings
        How to process them.

    Returns
    -------
    calibrated : `CalibratedPixels`
        The calibrated pixels.

    Notes
    -----
    The variance of a pixel of p electrons above a sky of s electrons, with read
    noise r electrons, is max(p, 0) + s + r²; sky that was subtracted before
    counts in s.
    """
    no_data = ~np.isfinite(pixels)
    if settings.no_data_value is not None:
        no_data |= pixels == settings.no_data_value
    values = np.where(no_data, np.float32(0.0), pixels).astype(np.float32)
    saturated = ~no_data & (values >= frame.saturation)
    if settings.saturation_grow > 0:
        saturated = binary_dilation(saturated, iterations=settings.saturation_grow) & ~no_data
    unusable = no_data | saturated
    sky = np.zeros_like(values)
    if settings.sky_subtract:
        sky = estimate_sky(values, unusable, mesh=settings.sky_mesh, crowded=settings.sky_crowded)
    above = np.where(no_data, np.float32(0.0), values - sky)
    floor = (np.maximum(sky + frame.sky_level, 0.0) + frame.read_noise**2 / frame.gain) / frame.gain
    variance = floor + np.maximum(above, 0.0) / frame.gain
    # A frame without read noise and sky would have pixels of no variance at all.
    variance = np.maximum(variance, 1e-6 * np.median(variance[~no_data]) + 1e-30)
    scale = 10.0 ** (0.4 * (AB_ZERO_POINT_NJY - frame.zero_point))
    masks = {"BAD": no_data, "NO_DATA": no_data, "SATURATED": saturated}
    return CalibratedPixels(
        image=(above * scale).astype(np.float32),
        variance=(variance * scale**2).astype(np.float32),
        masks=masks,
        sky=float(np.median(sky[~no_data])),
        noise_ratio=_noise_ratio(above, floor, unusable),
    )


def estimate_sky(values: np.ndarray, unusable: np.ndarray, *, mesh: int, crowded: bool) -> np.ndarray:
    """Estimate a smooth sky.

    Parameters
    ----------
    values
        Pixels, float32, shape (H, W).
    unusable
        Pixels to ignore, shape (H, W).
    mesh
        Width of the meshes, pixels.
    crowded
        Whether to estimate it again with all sources masked.

    Returns
    -------
    sky : `numpy.ndarray`
        Sky of each pixel, float32, shape (H, W).
    """
    mesh = min(mesh, *values.shape)
    background = sep.Background(values, mask=unusable, bw=mesh, bh=mesh)
    if crowded:
        for _ in range(2):
            residual = values - background.back(dtype=np.float32)
            noise = background.globalrms
            sources = binary_dilation(residual > 2.0 * noise, iterations=2)
            if (sources | unusable).mean() > 0.9:
                # Nothing but sources: a sky from the last gaps would be noise.
                break
            background = sep.Background(values, mask=unusable | sources, bw=mesh, bh=mesh)
    return background.back(dtype=np.float32)


def _noise_ratio(above: np.ndarray, floor: np.ndarray, unusable: np.ndarray) -> float:
    """Return the measured over the expected noise of the sky.

    The pixels below the sky are half of a distribution that no source disturbs.
    """
    below = ~unusable & (above < 0)
    if below.sum() < 100:
        return np.nan
    normalised = above[below] / np.sqrt(floor[below])
    # The median of the negative half of a normal distribution is at -0.6745 sigma.
    return float(np.median(np.abs(normalised)) / 0.6745)
