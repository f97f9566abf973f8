# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of hashing."""

from __future__ import annotations

import numpy as np
from scipy import stats

from lsst.transient.bogus.hashing import mix


def test_published_sequence() -> None:
    # The first outputs of SplitMix64 with seed 1234567, as its authors give them.
    state = np.uint64(1234567) + np.arange(3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert mix(state).tolist() == expected


def test_neighbours_have_nothing_in_common() -> None:
    numbers = mix(np.arange(20_000, dtype=np.uint64)) / 2.0**64
    assert stats.kstest(numbers, stats.uniform.cdf).pvalue > 1e-3
    assert stats.pearsonr(numbers[1:], numbers[:-1]).pvalue > 1e-3
    assert len(np.unique(numbers)) == 20_000
