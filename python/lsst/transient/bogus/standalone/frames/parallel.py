# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same function on many frames, in one process or several."""

from __future__ import annotations

__all__ = ("Progress", "in_order", "no_progress")

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

type Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Passes an iterable on, given what is done and how often, and shows how far it is."""


def no_progress(items: Iterable[Any], description: str, total: int) -> Iterable[Any]:  # noqa: ARG001
    """Pass an iterable on without showing anything.

    Parameters
    ----------
    items
        What to pass on.
    description
        What is done; ignored.
    total
        Number of items; ignored.

    Returns
    -------
    items : iterable
        The same.
    """
    return items


def in_order[T, R](function: Callable[[T], R], items: Sequence[T], *, workers: int) -> Iterator[R]:
    """Apply a function to each item.

    Parameters
    ----------
    function
        Function to apply; with several workers it, the items and the results must pickle.
    items
        What to apply it to.
    workers
        Number of processes; with one, everything happens in this process.

    Yields
    ------
    result : object
        The results in the order of the items.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        yield from map(function, items)
        return
    # A forked process would inherit the threads' locks of numerical libraries.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, items)
