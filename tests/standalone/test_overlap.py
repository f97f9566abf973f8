# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the overlap of detector images."""

from __future__ import annotations

import dataclasses

from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d
from lsst.transient.bogus.standalone.overlap import overlapping_pairs


@dataclasses.dataclass(frozen=True)
class FakeDataId:
    """What the search reads of an expanded data ID."""

    visit: int
    day_obs: int
    band: str
    region: ConvexPolygon | None
    instrument: str = "SimCam"

    def __getitem__(self, key: str) -> object:
        return getattr(self, key)


def square(ra: float, dec: float, side: float = 0.1) -> ConvexPolygon:
    corners = [(ra, dec), (ra + side, dec), (ra + side, dec + side), (ra, dec + side)]
    return ConvexPolygon.convexHull([UnitVector3d(LonLat.fromDegrees(*c)) for c in corners])


def test_same_band_other_night_and_overlap() -> None:
    target = FakeDataId(1, 20250101, "r", square(359.96, 10.0))
    candidates = [
        target,
        FakeDataId(2, 20250101, "r", square(0.0, 10.0)),  # same night
        FakeDataId(3, 20250102, "r", square(0.0, 10.05)),  # overlaps across RA = 0
        FakeDataId(4, 20250102, "g", square(0.0, 10.0)),  # other band
        FakeDataId(5, 20250103, "r", square(0.2, 10.0)),  # beside it
        FakeDataId(6, 20250103, "r", square(180.0, -10.0)),  # far away
        FakeDataId(7, 20250103, "r", None),
    ]
    assert [(t.visit, c.visit) for t, c in overlapping_pairs([target], candidates)] == [(1, 3)]


def test_nothing_to_look_at() -> None:
    assert list(overlapping_pairs([], [])) == []
    assert list(overlapping_pairs([FakeDataId(1, 1, "r", square(0, 0))], [])) == []
