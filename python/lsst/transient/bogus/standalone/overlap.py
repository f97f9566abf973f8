# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which detector images overlap which, on other nights in the same band."""

from __future__ import annotations

__all__ = ("overlapping_pairs",)

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from lsst.daf.butler import DataCoordinate


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
    by_band: dict[tuple[object, object], list[DataCoordinate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.region is not None:
            by_band[candidate["instrument"], candidate["band"]].append(candidate)
    trees = {key: _Circles(group) for key, group in by_band.items()}
    for target in targets:
        circles = trees.get((target["instrument"], target["band"]))
        if circles is None or target.region is None:
            continue
        for candidate in circles.near(target):
            if (
                candidate["day_obs"] != target["day_obs"]
                and candidate.region.overlaps(target.region) is not False
            ):
                yield target, candidate


class _Circles:
    """Bounding circles of regions on the sphere, for a fast first look."""

    def __init__(self, members: Sequence[DataCoordinate]) -> None:
        self.members = members
        circles = [_circle(m) for m in members]
        self.tree = KDTree(np.array([vector for vector, _ in circles]))
        self.largest = max(radius for _, radius in circles)

    def near(self, target: DataCoordinate) -> list[DataCoordinate]:
        """Return the members whose bounding circle may touch that of a target."""
        vector, radius = _circle(target)
        chord = 2.0 * np.sin(0.5 * min(radius + self.largest, np.pi))
        return [self.members[i] for i in self.tree.query_ball_point(vector, chord)]


def _circle(data_id: DataCoordinate) -> tuple[list[float], float]:
    """Return the centre (unit vector) and radius (radian) of a region's bounding circle."""
    circle = data_id.region.getBoundingCircle()
    centre = circle.getCenter()
    return [centre.x(), centre.y(), centre.z()], circle.getOpeningAngle().asRadians()
