# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels of a frame, calibrated: nJy above the sky, variance, and mask."""

from __future__ import annotations

__all__ = ("CalibratedPixels", "calibrate", "crowded_sky")

import dataclasses

import numpy as np
import sep
from scipy.ndimage import binary_dilation, median_filter

from .read import Frame
from .settings import FrameSettings

AB_ZERO_POINT_NJY = 31.4
"""AB magnitude of 1 nJy."""

_HALF_NORMAL_MEDIAN = 0.6745
"""Median distance from the mean, in sigma, of a normal distribution."""

_MIN_SKY_PIXELS = 100


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
    sky = _sky(values, unusable, frame, settings)
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


def _sky(values: np.ndarray, unusable: np.ndarray, frame: Frame, settings: FrameSettings) -> np.ndarray:
    if not settings.sky_subtract:
        return np.zeros_like(values)
    if settings.crowded:
        return crowded_sky(
            values,
            unusable,
            mesh=settings.sky_mesh,
            gain=frame.gain,
            read_noise=frame.read_noise,
            sky_level=frame.sky_level,
        )
    mesh = min(settings.sky_mesh, *values.shape)
    return sep.Background(values, mask=unusable, bw=mesh, bh=mesh).back(dtype=np.float32)


def crowded_sky(
    values: np.ndarray,
    unusable: np.ndarray,
    *,
    mesh: int,
    gain: float,
    read_noise: float,
    sky_level: float = 0.0,
) -> np.ndarray:
    """Estimate the sky where stars overlap so much that it shows in few pixels.

    Parameters
    ----------
    values
        Pixels, shape (H, W).
    unusable
        Pixels to ignore, shape (H, W).
    mesh
        Width of the meshes, pixels.
    gain
        Electrons for one unit of the image.
    read_noise
        Read noise in electrons.
    sky_level
        Sky that was subtracted already.

    Returns
    -------
    sky : `numpy.ndarray`
        Sky of each pixel, float32, shape (H, W).

    Notes
    -----
    In each mesh the sky is the level below which pixels scatter just as photon and
    read noise say: the median distance of the fainter pixels is 0.6745 sigma.  Stars
    brighten pixels and so do not change the distribution below the sky.
    """
    height, width = values.shape
    rows, columns = max(1, round(height / mesh)), max(1, round(width / mesh))
    row_edges = np.linspace(0, height, rows + 1).astype(int)
    column_edges = np.linspace(0, width, columns + 1).astype(int)
    levels = np.full((rows, columns), np.nan)
    for row in range(rows):
        for column in range(columns):
            cell = np.s_[row_edges[row] : row_edges[row + 1], column_edges[column] : column_edges[column + 1]]
            usable = np.sort(values[cell][~unusable[cell]].astype(np.float64))
            levels[row, column] = _level(usable, gain=gain, read_noise=read_noise, sky_level=sky_level)
    known = np.isfinite(levels)
    if not known.any():
        return np.full(values.shape, np.median(values[~unusable]), dtype=np.float32)
    levels[~known] = np.median(levels[known])
    levels = median_filter(levels, 3, mode="nearest")
    centre_y, centre_x = (0.5 * (edges[1:] + edges[:-1] - 1) for edges in (row_edges, column_edges))
    along_x = np.stack([np.interp(np.arange(width), centre_x, level) for level in levels])
    along_y = np.stack([np.interp(np.arange(height), centre_y, column) for column in along_x.T], axis=1)
    return along_y.astype(np.float32)


def _level(usable: np.ndarray, *, gain: float, read_noise: float, sky_level: float) -> float:
    """Return the sky of sorted pixels; NaN if there are too few."""
    n = len(usable)
    if n < _MIN_SKY_PIXELS:
        return np.nan
    index = np.arange(_MIN_SKY_PIXELS // 2, n)
    spread = (usable[index] - usable[index // 2]) / _HALF_NORMAL_MEDIAN
    expected = np.sqrt(np.maximum(usable[index] + sky_level, 0.0) / gain + (read_noise / gain) ** 2)
    return float(usable[index[np.argmax(spread >= expected)]])


def _noise_ratio(above: np.ndarray, floor: np.ndarray, unusable: np.ndarray) -> float:
    """Return the measured over the expected noise of the sky.

    The pixels below the sky are half of a distribution that no source disturbs.
    """
    below = ~unusable & (above < 0)
    if below.sum() < 100:
        return np.nan
    normalised = above[below] / np.sqrt(floor[below])
    return float(np.median(np.abs(normalised)) / _HALF_NORMAL_MEDIAN)
