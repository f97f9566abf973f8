# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of identifiers."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.ids import pack_ids


def test_unique_over_a_survey() -> None:
    data_ids = [(visit, detector) for visit in (0, 1, 2, 2025010100123) for detector in (0, 1, 188)]
    ids = np.concatenate([pack_ids(*data_id, 300) for data_id in data_ids])
    assert len(np.unique(ids)) == len(ids)
    assert ids.dtype == np.int64
    assert ids.min() >= 0


def test_largest_values_fit() -> None:
    ids = pack_ids(2**41 - 1, 255, 16384)
    assert ids[0] > 0
    assert ids[-1] == np.iinfo(np.int64).max
    assert np.all(np.diff(ids) == 1)


def test_none() -> None:
    assert len(pack_ids(5, 3, 0)) == 0


@pytest.mark.parametrize(
    ("visit", "detector", "n", "name"),
    [
        (2**41, 0, 1, "visit"),
        (-1, 0, 1, "visit"),
        (0, 256, 1, "detector"),
        (0, -1, 1, "detector"),
        (0, 0, 16385, "n="),
        (0, 0, -1, "n="),
    ],
)
def test_what_does_not_fit_is_refused(visit: int, detector: int, n: int, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        pack_ids(visit, detector, n)
