# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where and with how many threads torch computes."""

from __future__ import annotations

__all__ = (
    "autocast",
    "deterministic",
    "pinned",
    "repeatable_products",
    "resolve_device",
    "resolve_precision",
    "side_stream",
    "to_device",
    "torch_threads",
)

import contextlib
import functools
import itertools
import os
import warnings
from collections.abc import Iterator

import numpy as np
import torch

_N_STREAMS = 3  # one computes while others are fed


def resolve_device(name: str) -> torch.device:
    """Return a device by name.

    Parameters
    ----------
    name
        ``cpu``, ``cuda``, ``cuda:1``, ... or ``auto``: CUDA where there is one.

    Returns
    -------
    device : `torch.device`
        The device.

    Raises
    ------
    ValueError
        Raised if CUDA is asked for and there is none, or the name is unknown.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"Device {name!r} was asked for, but torch finds no CUDA device.")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"Unknown device {name!r}; known are cpu, cuda, cuda:1, ... and auto.") from error


def to_device(array: np.ndarray, device: torch.device | None) -> torch.Tensor:
    """Bring an array to a device.

    Parameters
    ----------
    array
        Any array; must not be changed before the device has used it.
    device
        Where to; the CPU by default.

    Returns
    -------
    tensor : `torch.Tensor`
        The array itself on a CPU, where its rows are contiguous.  On a GPU a copy that is ready for
        what follows on the same stream; what is `pinned` arrives there while Python goes on.
    """
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)


def pinned(array: np.ndarray) -> np.ndarray:
    """Copy an array into memory from which a GPU reads by itself.

    Parameters
    ----------
    array
        Any array.

    Returns
    -------
    copy : `numpy.ndarray`
        The same values.

    Notes
    -----
    From ordinary memory the driver copies, one thread at a time.  Many threads that do this instead
    (`~lsst.transient.bogus.nn.threads.in_order`) fill the bus; a single one is half as fast.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor).numpy()


@contextlib.contextmanager
def side_stream(device: torch.device) -> Iterator[None]:
    """Let a GPU do what follows beside what it was given before.

    Parameters
    ----------
    device
        Device in use; on a CPU nothing is done.

    Yields
    ------
    nothing
        Wait for the device before what is computed inside is used outside.
    """
    if device.type != "cuda":
        yield
        return
    stream = next(_side_streams(device))
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield


@functools.cache
def _side_streams(device: torch.device) -> Iterator[torch.cuda.Stream]:
    """Return a few streams in turn; each keeps memory of its own for what it computes."""
    return itertools.cycle([torch.cuda.Stream(device) for _ in range(_N_STREAMS)])


@contextlib.contextmanager
def torch_threads(number: int) -> Iterator[int]:
    """Let torch use a number of threads, and put the old number back.

    Parameters
    ----------
    number
        Threads; 0 for as many as this process may use cores.

    Yields
    ------
    number : `int`
        Threads in use.

    Notes
    -----
    ``pipetask`` switches implicit threading off for every quantum; a quantum
    that is the only one of its task has the machine for itself and may ask for
    it back.
    """
    _keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(number or len(os.sched_getaffinity(0)))
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@functools.cache
def _keep_freed_memory() -> None:
    """Let the C library keep what tensors free, instead of asking the system for it again and again.

    The GNU library keeps up to twice the largest block that was ever freed, if that was below 32 MiB;
    what a batch of stamps needs on its way through a network is more than it keeps at first.  Where
    memory is managed otherwise this does nothing.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


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
    if name not in ("float32", "tf32", "bfloat16"):
        raise ValueError(f"Unknown precision {name!r}; known are auto, bfloat16, float32 and tf32.")
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


@contextlib.contextmanager
def deterministic(
    seed: int, device: torch.device, *, strict: bool = True, precision: str = "float32"
) -> Iterator[None]:
    """Make what follows depend on a seed alone, and put torch's global state back.

    Parameters
    ----------
    seed
        Seed of torch's global generators.
    device
        Device in use.
    strict
        Whether to use only algorithms that repeat bit for bit; matters on a GPU.
    precision
        ``float32`` forbids a GPU to shorten the factors of float32 products.

    Yields
    ------
    nothing
        The state holds inside the context.

    Notes
    -----
    On a CPU the same number of threads gives the same bits.
    """
    if strict and device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it when it starts
    before = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    product = torch.get_float32_matmul_precision()
    shorten = device.type == "cuda" and precision != "float32"
    with (
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        torch.backends.cudnn.flags(
            enabled=True, benchmark=not strict, deterministic=strict, allow_tf32=shorten
        ),
    ):
        # CUDA says so of max pooling, which has one maximum for each window: ours do not overlap.
        warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(strict, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # nothing here reads it
        torch.set_float32_matmul_precision("high" if shorten else "highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(product)
            torch.utils.deterministic.fill_uninitialized_memory = filled
            torch.use_deterministic_algorithms(before, warn_only=warn)
