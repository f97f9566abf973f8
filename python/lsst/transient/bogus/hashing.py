# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashing of arrays of integers."""

from __future__ import annotations

__all__ = ("mix",)

import numpy as np
import numpy.typing as npt


def mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hash integers, so that neighbours have nothing in common.

    Parameters
    ----------
    values
        Integers, shape (N,), uint64.

    Returns
    -------
    hashed : `numpy.ndarray`
        Shape (N,), uint64.

    Notes
    -----
    One step of SplitMix64 (Steele, Lea and Flood 2014).
    """
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
