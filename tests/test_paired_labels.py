# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of labels from a pair of processings."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.labels import Matches
from lsst.transient.bogus.paired_labels import pair_detections, resolve

ARCSEC = 1 / 3600


def row(*offsets: float) -> tuple[np.ndarray, np.ndarray]:
    """Return positions at offsets in arcsec along the equator."""
    return ARCSEC * np.array(offsets), np.zeros(len(offsets))


def test_new_and_old_detections() -> None:
    found = pair_detections(
        row(0.1, 10.0, 20.0, 30.4),
        row(10.1, 40.0),
        row(0.0, 10.0, 30.0),
        pair_radius_arcsec=0.3,
        footprint_radius_arcsec=1.0,
    )
    assert found.counterpart.tolist() == [-1, 0, -1, -1]
    assert found.matches.injection.tolist() == [0, -1, -1, 2]
    np.testing.assert_allclose(found.matches.separation, [0.1, np.nan, np.nan, 0.4], atol=1e-9)


def test_counterparts_are_one_to_one() -> None:
    found = pair_detections(
        row(0.0, 0.2), row(0.05), row(0.2), pair_radius_arcsec=0.3, footprint_radius_arcsec=1.0
    )
    assert found.counterpart.tolist() == [0, -1]
    assert found.matches.injection.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("rule", "injection", "in_doubt", "is_sure"),
    [
        ("both", [0, 1, -1], [False, True, True], [False, False, False]),
        ("paired", [0, -1, 2], [False, False, False], [False, True, False]),
        ("position", [0, 1, -1], [False, False, False], [False, False, False]),
    ],
)
def test_rules(rule: str, injection: list[int], in_doubt: list[bool], is_sure: list[bool]) -> None:
    paired = pair_detections(
        row(0.0, 10.0, 20.8),
        row(10.0),
        row(0.0, 10.0, 20.0),
        pair_radius_arcsec=0.3,
        footprint_radius_arcsec=1.0,
    )
    matches = Matches(np.array([0, 1, -1]), np.array([0.0, 0.0, np.nan]))
    decided, doubt, sure = resolve(rule, paired, matches)
    assert (decided.injection.tolist(), doubt.tolist(), sure.tolist()) == (injection, in_doubt, is_sure)
    assert paired.disagreement(matches).tolist() == [False, True, True]


def test_unknown_rule() -> None:
    paired = pair_detections(row(), row(), row(), pair_radius_arcsec=0.3, footprint_radius_arcsec=1.0)
    with pytest.raises(ValueError, match="No rule 'none'"):
        resolve("none", paired, paired.matches)
