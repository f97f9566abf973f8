# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""From calibrated stamps to the numbers a network sees; part of the model.

Written once for arrays of NumPy and tensors of torch, with the names that both have.  On a CPU
NumPy takes three quarters of the time of torch, and a third for a few stamps.
"""

from __future__ import annotations

__all__ = ("asinh_", "crop_size", "normalise", "prepare")

import functools
from typing import Any

import numpy as np
import torch

from .device import to_device
from .spec import Normalisation
from .stamps import Stamps

_CENTRE_SIGMA = 2.0  # pixels: the width of a typical PSF core, for the sign of a detection
_CENTRE = round(4 * _CENTRE_SIGMA)  # pixels: what is farther from the centre does not count
_MAD_TO_SIGMA = 1.4826
_SIGN_BIT = -(2**31)  # of an int32


def crop_size(stamp_size: int, crop: int) -> int:
    """Return the side of the central square that a model uses.

    Parameters
    ----------
    stamp_size
        Side of the stamps.
    crop
        Wanted side; 0 for the largest odd one.

    Returns
    -------
    size : `int`
        Odd, so that flips and rotations keep the central pixel.
    """
    largest = stamp_size - (stamp_size + 1) % 2
    return largest if crop == 0 else min(crop - (crop + 1) % 2, largest)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def normalise(
    image: Any, variance: Any | None, flagged: Any | None, channels: tuple[str, ...], spec: Normalisation
) -> tuple[Any, Any]:
    """Normalise stamps, and say which of their pixels count.

    Parameters
    ----------
    image
        Pixel values, NaN where missing, shape (N, C, S, S): `numpy.ndarray` or `torch.Tensor`,
        as all that follows.
    variance
        Variances, same shape, or `None`.
    flagged
        Whether a pixel is flagged in any channel, shape (N, S, S), or `None`.
    channels
        Name of each channel.
    spec
        How to normalise.

    Returns
    -------
    pixels : `numpy.ndarray` or `torch.Tensor`
        float32, shape (N, C, s, s); zero where missing.
    valid : `numpy.ndarray` or `torch.Tensor`
        Whether a pixel exists in all channels and is not flagged, shape (N, s, s).

    Notes
    -----
    The sky level of every channel but the difference is its median over every
    third pixel.
    """
    xp = _namespace(image)
    size = crop_size(image.shape[-1], spec.crop)
    start = image.shape[-1] // 2 - size // 2
    window = (..., slice(start, start + size), slice(start, start + size))
    # What follows works in place on copies: new memory costs a CPU as much as the arithmetic.
    shape = (*image.shape[:2], size, size)
    pixels, noise = (xp.empty(shape, dtype=xp.float32, device=image.device) for _ in range(2))
    pixels[...] = image[window]
    noise[...] = 1.0 if variance is None else variance[window]
    if spec.canonical_sign and "difference" in channels:
        _mirror(pixels, noise, channels)
    level, scale = _level_and_scale(pixels, noise, channels, spec)
    xp.subtract(pixels, level, out=pixels)
    xp.divide(pixels, scale, out=pixels)  # not finite where a pixel is missing or has no noise
    finite = xp.isfinite(pixels)
    finite &= xp.isfinite(noise)
    valid = finite.all(1)
    if flagged is not None:
        valid &= ~flagged[window]
    if spec.kind != "minmax":
        magnitude = xp.abs(pixels, out=noise)
        xp.clip(magnitude, 0.0, spec.clip, out=magnitude)  # NumPy is slow with a single limit
        magnitude /= spec.softening
        pixels = _signed(_asinh(magnitude), pixels)
    pixels[~finite] = 0.0
    return pixels, valid


def prepare(
    stamps: Stamps,
    spec: Normalisation,
    *,
    device: torch.device | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Normalise stamps given as arrays, and append the validity of their pixels as a channel.

    Parameters
    ----------
    stamps
        Stamps as the cutout table has them.
    spec
        How to normalise.
    device
        Where to do it; the CPU by default.
    out
        Where to put them, half precision, of the shape of what is returned; a new tensor by default.

    Returns
    -------
    stamps : `torch.Tensor`
        Half precision, shape (N, C + 1, s, s), the last channel 1 where the pixel counts: 6.7 kB for
        30x30 stamps of three channels.
    """
    device = device or torch.device("cpu")
    bring = np.asarray if device.type == "cpu" else functools.partial(to_device, device=device)
    image = bring(stamps.image)
    variance = None if stamps.variance is None else bring(stamps.variance)
    flagged = None
    bits = sum(1 << i for i, name in enumerate(stamps.mask_bits) if name.lower() in spec.flag_bits)
    if stamps.mask is not None and bits:
        mask = bring(stamps.mask)
        flagged = (functools.reduce(_namespace(mask).bitwise_or, mask.swapaxes(0, 1)) & bits) != 0
    pixels, valid = map(torch.as_tensor, normalise(image, variance, flagged, stamps.channels, spec))
    if out is None:
        n, n_channels, size, _ = pixels.shape
        out = torch.empty((n, n_channels + 1, size, size), dtype=torch.half, device=device)
    out[:, :-1], out[:, -1] = pixels, valid
    return out


def _namespace(array: Any) -> Any:
    """Return the module that an array belongs to."""
    return torch if isinstance(array, torch.Tensor) else np


def _level_and_scale(
    pixels: Any, noise: Any, channels: tuple[str, ...], spec: Normalisation
) -> tuple[Any, Any]:
    """Return what to subtract and what to divide by, broadcastable to (N, C, s, s).

    The division makes of each pixel that is missing or has no noise a number that is not finite.
    """
    xp, (n, n_channels) = _namespace(pixels), pixels.shape[:2]
    if spec.kind != "snr":
        pixels[~(noise > 0) | xp.isinf(pixels)] = xp.nan
    if spec.kind == "minmax":
        missing = xp.isnan(pixels)
        low = xp.amin(xp.where(missing, xp.inf, pixels), axis=(2, 3), keepdims=True)
        high = xp.amax(xp.where(missing, -xp.inf, pixels), axis=(2, 3), keepdims=True)
        # A median level would not change the result; the difference keeps its zero.
        return xp.where(low > high, 0.0, low), xp.clip(xp.where(low > high, 1.0, high - low), 1e-30, None)
    thin = (..., slice(None, None, 3), slice(None, None, 3))
    n_thin = len(range(0, pixels.shape[-1], 3)) ** 2
    sparse, weak = (planes[thin].reshape(n, n_channels, n_thin) for planes in (pixels, noise))
    if spec.kind == "robust":
        level = _median(sparse)
        spread = _median(xp.abs(sparse - level))
        return level[..., None], xp.clip(_MAD_TO_SIGMA * spread, 1e-30, None)[..., None]
    level = _median(xp.where(xp.isfinite(sparse) & (weak > 0), sparse, xp.nan))
    if "difference" in channels:
        level[:, channels.index("difference")] = 0.0
    return level[..., None], xp.sqrt(noise, out=noise)


def _median(x: Any) -> Any:
    """Return the lower median of what is not NaN, zero if nothing is, along the last dimension: (..., 1)."""
    if isinstance(x, torch.Tensor):
        return x.nanmedian(dim=-1, keepdim=True).values.nan_to_num()
    values = np.sort(x, axis=-1)  # NaN last
    place = np.maximum(np.isfinite(values).sum(axis=-1, keepdims=True) - 1, 0) // 2
    return np.nan_to_num(np.take_along_axis(values, place, axis=-1))


def _mirror(pixels: Any, noise: Any, channels: tuple[str, ...]) -> None:
    """Mirror, in place, pixels and variances of the stamps whose difference is negative at the centre."""
    xp, d = _namespace(pixels), channels.index("difference")
    centre = pixels.shape[-1] // 2
    core = slice(max(0, centre - _CENTRE), centre + _CENTRE + 1)
    snr = pixels[:, d, core, core] / xp.sqrt(noise[:, d, core, core])
    snr[~xp.isfinite(snr)] = 0.0
    weight = xp.asarray(_core_weight(snr.shape[-1]), device=snr.device)
    rows = xp.where((snr * weight).sum((1, 2)) < 0)[0]
    pixels[rows, d] *= -1
    if "science" in channels and "template" in channels:
        science, template = channels.index("science"), channels.index("template")
        for planes in (pixels, noise):
            shown = planes[rows, template]
            planes[rows, template] = planes[rows, science]
            planes[rows, science] = shown


@functools.cache
def _core_weight(size: int) -> np.ndarray:
    """Return the weight of each pixel in the flux at the centre of a stamp, (size, size)."""
    axis = np.arange(size) - size // 2
    profile = np.exp(-0.5 * (axis / _CENTRE_SIGMA) ** 2).astype(np.float32)
    return np.outer(profile, profile)


def asinh_(x: torch.Tensor) -> torch.Tensor:
    """Replace x by asinh x, which torch's own computes five times more slowly on a CPU.

    Parameters
    ----------
    x
        Values, of any shape.

    Returns
    -------
    x : `torch.Tensor`
        The same tensor.
    """
    return torch.copysign(_asinh(x.abs()), x, out=x)


def _signed(magnitude: Any, other: Any) -> Any:
    """Give float32 numbers that are not negative the signs of others, as NumPy's slow copysign does."""
    integer = _namespace(other).int32
    bits = other.view(integer) & _SIGN_BIT
    bits |= magnitude.view(integer)
    return bits.view(other.dtype)


def _asinh(magnitude: Any) -> Any:
    """Return asinh of numbers that are not negative."""
    root = magnitude * magnitude
    root += 1.0
    xp = _namespace(root)
    xp.sqrt(root, out=root)
    root += magnitude
    return xp.log(root, out=root)
