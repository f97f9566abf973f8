# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where and with how many threads torch computes."""

from __future__ import annotations

__all__ = (
    "deterministic",
    "pinned",
    "resolve_device",
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
