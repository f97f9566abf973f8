# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Precision of the products in networks."""

from __future__ import annotations

__all__ = ("autocast", "repeatable_products", "resolve_precision")

import contextlib

import torch

from .settings import PRECISIONS


def resolve_precision(name: str, device: torch.device) -> str:
    """Return the precision of the products in networks.

    Parameters
    ----------
    name
        ``float32``, ``tf32`` (float32 of which a GPU multiplies 10 bits of the
        mantissa; a CPU all), ``bfloat16`` (weights and sums stay float32), or
        ``auto``: bfloat16 where the hardware multiplies it, else tf32.
    device
        Device in use.

    Returns
    -------
    name : `str`
        ``float32``, ``tf32`` or ``bfloat16``.

    Raises
    ------
    ValueError
        Raised if the precision is unknown.
    """
    if name == "auto":
        return "bfloat16" if _multiplies_bfloat16(device) else "tf32"
    if name not in PRECISIONS:
        raise ValueError(f"Unknown precision {name!r}; known are {sorted(PRECISIONS)}.")
    return name


def _multiplies_bfloat16(device: torch.device) -> bool:
    """Tell whether a device has instructions for bfloat16, which are slow to emulate."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    known = torch.backends.cpu.get_cpu_capability()
    has = (getattr(torch.cpu, f"_is_{name}_supported", bool) for name in ("avx512_bf16", "amx_tile"))
    return known.startswith("AVX512") and any(is_supported() for is_supported in has)


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Let the products inside the context have a precision.

    Parameters
    ----------
    precision
        What `resolve_precision` returned.
    device
        Device in use.

    Returns
    -------
    context : `~contextlib.AbstractContextManager`
        Context manager; does nothing unless the precision is bfloat16.
    """
    if precision != "bfloat16":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def repeatable_products(
    device: torch.device, precision: str = "float32"
) -> contextlib.AbstractContextManager[None]:
    """Let a GPU convolve by algorithms that repeat, with factors of a precision.

    Parameters
    ----------
    device
        Device in use; on a CPU nothing is changed.
    precision
        What `resolve_precision` returned: all of it for ``float32``, else 10 bits of the mantissa.

    Returns
    -------
    context : `~contextlib.AbstractContextManager`
        Context manager; by torch's own default convolutions have 10 bits of the mantissa.
    """
    if device.type != "cuda":
        return contextlib.nullcontext()
    shorten = precision != "float32"
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=shorten)
