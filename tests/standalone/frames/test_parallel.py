# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of working on several frames at once."""

from __future__ import annotations

import math

import pytest

from lsst.transient.bogus.standalone.frames.parallel import in_order, no_progress


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_in_order(workers: int) -> None:
    numbers = [9.0, 4.0, 1.0]
    results = no_progress(in_order(math.sqrt, numbers, workers=workers), "Taking roots", 3)
    assert list(results) == [3.0, 2.0, 1.0]


def test_nothing_to_do() -> None:
    assert list(in_order(math.sqrt, [], workers=2)) == []
