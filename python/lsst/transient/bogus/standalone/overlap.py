# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which detector images overlap which, on other nights in the same band."""

from __future__ import annotations

__all__ = ("overlapping_pairs",)

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from lsst.daf.butler import DataCoordinate
    from lsst.sphgeom import Region


def overlapping_pairs(
    targets: Sequence[DataCoordinate], candidates: Sequence[DataCoordinate]
) -> Iterator[tuple[DataCoordinate, DataCoordinate]]:
    """Find images of other nights that overlap each target in its band.

    Parameters
    ----------
    targets
        Expanded data IDs with visit and detector.
    candidates
        Expanded data IDs with visit and detector.

    Yields
    ------
    target : `lsst.daf.butler.DataCoordinate`
        Member of ``targets``.
    candidate : `lsst.daf.butler.DataCoordinate`
        Member of ``candidates`` of the same instrument and band and another
        ``day_obs``, whose region overlaps that of the target.
    """
    by_band: dict[tuple[object, object], list[_Circle]] = defaultdict(list)
    for candidate in candidates:
        if candidate.region is not None:
            by_band[candidate["instrument"], candidate["band"]].append(
                _Circle.of(candidate, candidate.region)
            )
    trees = {key: _Index(group) for key, group in by_band.items()}
    for target in targets:
        index = trees.get((target["instrument"], target["band"]))
        if index is None or target.region is None:
            continue
        own = _Circle.of(target, target.region)
        for other in index.near(own):
            same_night = other.data_id["day_obs"] == target["day_obs"]
            if not same_night and other.region.overlaps(own.region) is not False:
                yield target, other.data_id


@dataclasses.dataclass(frozen=True)
class _Circle:
    """A region on the sphere with its bounding circle (unit vector, radian)."""

    data_id: DataCoordinate
    region: Region
    centre: tuple[float, float, float]
    radius: float

    @classmethod
    def of(cls, data_id: DataCoordinate, region: Region) -> _Circle:
        circle = region.getBoundingCircle()
        centre = circle.getCenter()
        vector = (centre.x(), centre.y(), centre.z())
        return cls(data_id, region, vector, circle.getOpeningAngle().asRadians())


class _Index:
    """Bounding circles in a tree, for a fast first look."""

    def __init__(self, members: Sequence[_Circle]) -> None:
        self.members = members
        self.tree = KDTree(np.array([m.centre for m in members]))
        self.largest = max(m.radius for m in members)

    def near(self, circle: _Circle) -> list[_Circle]:
        """Return the members whose bounding circle may touch another."""
        chord = 2.0 * np.sin(0.5 * min(circle.radius + self.largest, np.pi))
        return [self.members[i] for i in self.tree.query_ball_point(circle.centre, chord)]
