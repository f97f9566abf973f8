# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where and with how many threads torch computes."""

from __future__ import annotations

__all__ = ("deterministic", "resolve_device", "torch_threads")

import contextlib
import os
from collections.abc import Iterator

import torch


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
        Raised if CUDA is asked for and there is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"Device {name!r} was asked for, but torch finds no CUDA device.")
    return torch.device(name)


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
    before = torch.get_num_threads()
    torch.set_num_threads(number or len(os.sched_getaffinity(0)))
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def deterministic(seed: int, device: torch.device) -> Iterator[None]:
    """Make what follows depend on a seed alone, and put torch's global state back.

    Parameters
    ----------
    seed
        Seed of torch's global generators.
    device
        Device in use.

    Yields
    ------
    nothing
        The state holds inside the context.

    Notes
    -----
    On a CPU the same number of threads gives the same bits.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=warn)
