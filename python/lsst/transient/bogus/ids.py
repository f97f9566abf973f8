# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers that are unique over a survey and depend on the data ID alone."""

from __future__ import annotations

__all__ = ("MAX_ROWS", "pack_ids")

import numpy as np

_INDEX_BITS = 14
_DETECTOR_BITS = 8
_VISIT_BITS = 41
MAX_ROWS = 1 << _INDEX_BITS
"""Largest number of rows of one visit and detector."""


def pack_ids(visit: int, detector: int, n: int) -> np.ndarray:
    """Return identifiers for the rows of one visit and detector.

    Parameters
    ----------
    visit
        Visit, below 2**41.
    detector
        Detector, below 256.
    n
        Number of rows, at most 16384.

    Returns
    -------
    ids : `numpy.ndarray`
        Positive int64 identifiers, shape (n,).

    Raises
    ------
    ValueError
        Raised if a part does not fit in its bits.
    """
    limits = (
        ("visit", visit, (1 << _VISIT_BITS) - 1),
        ("detector", detector, (1 << _DETECTOR_BITS) - 1),
        ("n", n, MAX_ROWS),
    )
    for name, value, largest in limits:
        if not 0 <= value <= largest:
            raise ValueError(f"Cannot pack {name}={value}: it must be from 0 to {largest}.")
    base = ((visit << _DETECTOR_BITS) | detector) << _INDEX_BITS
    return np.int64(base) + np.arange(n, dtype=np.int64)
