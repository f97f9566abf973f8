# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps as grey levels, and many of them as a few compressed images."""

from __future__ import annotations

__all__ = ("Atlas", "display_stamps", "make_atlases")

import dataclasses
import io
from typing import Any

import numpy as np
import numpy.typing as npt

_FAINT, _BRIGHT = -8.0, 60.0
_SOFTENING = 3.0
_MAX_SIDE = 4096
_SAMPLE = 512
_QUALITIES = (90, 75, 60, 45, 30, 20, 10)


@dataclasses.dataclass(frozen=True)
class Atlas:
    """A compressed image of many stamps.

    Parameters
    ----------
    first
        Index of the first source in it.
    count
        Number of sources in it.
    columns
        Sources side by side; all channels of a source are side by side too.
    pitch
        Distance of neighbouring stamps in pixels.
    webp
        The image.
    """

    first: int
    count: int
    columns: int
    pitch: int
    webp: bytes


def display_stamps(
    image: npt.NDArray[np.floating[Any]], variance: npt.NDArray[np.floating[Any]] | None
) -> npt.NDArray[np.uint8]:
    """Stretch stamps to grey levels.

    Parameters
    ----------
    image
        Pixels, shape (N, C, size, size); NaN off the detector.
    variance
        Variances, same shape; the noise is taken from the scatter without.

    Returns
    -------
    grey : `numpy.ndarray`
        Grey levels, uint8, same shape: asinh of the signal-to-noise above the
        median of the stamp, the same for all stamps; 0 where there is no data.
    """
    if not image.size:
        return np.zeros(image.shape, np.uint8)
    flat = np.asarray(image, dtype=np.float32).reshape(*image.shape[:2], -1)
    missing = ~np.isfinite(flat)
    level = np.ma.median(np.ma.array(flat, mask=missing), axis=-1, keepdims=True).filled(0.0)
    if variance is None:
        deviation = np.ma.array(np.abs(flat - level), mask=missing)
        noise = 1.4826 * np.ma.median(deviation, axis=-1, keepdims=True).filled(1.0)
    else:
        spread = np.asarray(variance, dtype=np.float32).reshape(flat.shape)
        unknown = missing | ~np.isfinite(spread)
        noise = np.sqrt(np.ma.median(np.ma.array(spread, mask=unknown), axis=-1, keepdims=True).filled(1.0))
    signal = np.where(missing, 0.0, flat - level) / np.maximum(noise, 1e-12)
    low, high = np.arcsinh(_FAINT / _SOFTENING), np.arcsinh(_BRIGHT / _SOFTENING)
    grey = np.clip((np.arcsinh(signal / _SOFTENING) - low) / (high - low), 0.0, 1.0)
    return np.where(missing, 0, 1 + np.round(254 * grey)).astype(np.uint8).reshape(image.shape)


def make_atlases(stamps: npt.NDArray[np.uint8], *, max_bytes: int) -> list[Atlas]:
    """Put stamps into compressed images.

    Parameters
    ----------
    stamps
        Grey levels, uint8, shape (N, C, size, size).
    max_bytes
        Size to aim for: the best quality that fits, or the lowest there is.

    Returns
    -------
    atlases : `list` [`Atlas`]
        Images of all sources, in order.
    """
    if not stamps.size:
        return []
    # The size at each quality is that of a sample, scaled.
    sample = stamps[:: max(1, len(stamps) // _SAMPLE)]
    limit = max_bytes * len(sample) / len(stamps)
    for quality in _QUALITIES:
        if sum(len(atlas.webp) for atlas in _compress(sample, quality)) <= limit:
            break
    return _compress(stamps, quality)


def _compress(stamps: npt.NDArray[np.uint8], quality: int) -> list[Atlas]:
    from PIL import Image

    n, channels, size, _ = stamps.shape
    # Whole blocks of the compression for each stamp keep neighbours apart.
    pitch = -(-size // 16) * 16
    columns = max(1, _MAX_SIDE // (channels * pitch))
    per_atlas = columns * max(1, _MAX_SIDE // pitch)
    padded = np.pad(stamps, ((0, 0), (0, 0), (0, pitch - size), (0, pitch - size)), mode="edge")
    atlases = []
    for first in range(0, n, per_atlas):
        part = padded[first : first + per_atlas]
        rows = -(-len(part) // columns)
        canvas = np.zeros((rows * columns, channels, pitch, pitch), np.uint8)
        canvas[: len(part)] = part
        picture = canvas.reshape(rows, columns, channels, pitch, pitch).transpose(0, 3, 1, 2, 4)
        buffer = io.BytesIO()
        Image.fromarray(picture.reshape(rows * pitch, columns * channels * pitch)).save(
            buffer, format="WEBP", quality=quality, method=4
        )
        atlases.append(Atlas(first, len(part), columns, pitch, buffer.getvalue()))
    return atlases
