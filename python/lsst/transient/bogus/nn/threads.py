# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on several threads, each of which is one thread to torch."""

from __future__ import annotations

__all__ = ("in_order",)

import collections
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from .device import torch_threads


def in_order[A, B](function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Apply a function to items on as many threads as torch has; return the results in order.

    Parameters
    ----------
    function
        What to apply; of numbers that are the same on any number of threads.
    items
        The items, which are drawn on the calling thread.

    Yields
    ------
    result
        Of each item, in the order of the items.

    Notes
    -----
    Memory is bounded: at most two items for each thread are waiting, in work, or done and not yet
    fetched.  With one thread nothing is drawn before it is needed, and no thread is started.
    """
    n_threads = torch.get_num_threads()
    if n_threads == 1:
        yield from map(function, items)
        return
    pending: collections.deque[Future[B]] = collections.deque()
    with (
        torch_threads(1),  # what threads set is the default of the next ones
        ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) == 2 * n_threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
