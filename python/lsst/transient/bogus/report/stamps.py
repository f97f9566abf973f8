# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps as one small picture, a pixel for a pixel."""

from __future__ import annotations

__all__ = ("stamp_mosaic", "to_data_uri")

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

_GAP = 1


def stamp_mosaic(stamps: np.ndarray, *, own_scale: bool = False) -> np.ndarray:
    """Put stamps side by side: a row for each channel, a column for each epoch.

    Parameters
    ----------
    stamps
        Stamps, shape (N, C, S, S); the first row of pixels is the lowest.
    own_scale
        Whether every stamp has a grey scale of its own; else a channel has one for all
        epochs.

    Returns
    -------
    mosaic : `numpy.ndarray`
        uint8, one pixel of white between stamps.  Grey scales run from the 1st to the
        99.5th percentile; missing pixels are white.
    """
    n, n_channels, size, _ = stamps.shape
    step = size + _GAP
    mosaic = np.full((n_channels * step - _GAP, n * step - _GAP), 255, dtype=np.uint8)
    for channel in range(n_channels):
        pixels = stamps[:, channel, ::-1, :]
        grey = [_grey(stamp) for stamp in pixels] if own_scale else _grey(pixels)
        for epoch in range(n):
            corner = np.s_[channel * step : channel * step + size, epoch * step : epoch * step + size]
            mosaic[corner] = grey[epoch]
    return mosaic


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Map pixel values to grey values."""
    finite = pixels[np.isfinite(pixels)]
    low, high = np.percentile(finite, [1.0, 99.5]) if len(finite) else (0.0, 1.0)
    grey = np.clip((pixels - low) / max(high - low, 1e-12), 0.0, 1.0) * 250
    return np.where(np.isfinite(grey), grey, 255).astype(np.uint8)


def to_data_uri(image: Image | np.ndarray) -> str:
    """Return a picture as a URI that holds it.

    Parameters
    ----------
    image
        Picture, or grey values as uint8, shape (H, W).

    Returns
    -------
    uri : `str`
        PNG in base 64.
    """
    if isinstance(image, np.ndarray):
        from PIL import Image as PilImage

        image = PilImage.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, format="png", compress_level=6)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
