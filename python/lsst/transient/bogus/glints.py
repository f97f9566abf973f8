# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of flashes: detections of one exposure that lie on a line, evenly spaced."""

from __future__ import annotations

__all__ = ("in_glint_trail",)

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

_REACH = 8  # steps in each direction in which a row is followed


def in_glint_trail(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    max_spacing: float = 100.0,
    tolerance: float = 1.5,
    min_points: int = 4,
) -> npt.NDArray[np.bool_]:
    """Find detections that are flashes of one tumbling object.

    Parameters
    ----------
    x
        Columns of the detections of one exposure, pixels, shape (N,).
    y
        Rows, shape (N,).
    max_spacing
        Largest distance of neighbouring flashes, pixels.
    tolerance
        Largest distance of a flash from where two of its neighbours say that it is, pixels.
    min_points
        Fewest detections of a row.

    Returns
    -------
    is_flash : `numpy.ndarray`
        Whether each detection is part of a row, bool, shape (N,).  Positions that are not
        finite are part of none.

    Notes
    -----
    A satellite or piece of debris that turns reflects the Sun once in every turn, and leaves images
    like those of stars: nothing that a stamp shows tells them from a transient.  Their order does.
    Each pair of detections up to ``max_spacing`` apart, taken for neighbours, says where the others
    of their row are, up to eight steps ahead and back; a row goes on as long as no two in
    succession are missing, as one that is too faint may be.  What is expected by chance is
    ``n² π s² / (2 A) (n π t² / A)²`` rows of 4 of n detections on an area A, for a spacing s and a
    tolerance t, and a few times as many with gaps: with a thousand detections one in some thousand
    exposures of 4096x4096 pixels.
    """
    position = np.column_stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
    found = np.zeros(len(position), dtype=bool)
    known = np.flatnonzero(np.isfinite(position).all(axis=1))
    if len(known) < min_points:
        return found
    position = position[known]
    tree = KDTree(position)
    first, second = tree.query_pairs(max_spacing, output_type="ndarray").T
    step = position[second] - position[first]
    apart = np.hypot(*step.T) > 4.0 * tolerance
    first, second, step = first[apart], second[apart], step[apart]
    ahead = _follow(tree, second, step, tolerance)
    back = _follow(tree, first, -step, tolerance)
    members = np.concatenate([first[:, None], second[:, None], ahead, back], axis=1)
    members = members[np.count_nonzero(members >= 0, axis=1) >= min_points]
    found[known[members[members >= 0]]] = True
    return found


def _follow(
    tree: KDTree, start: npt.NDArray[np.int64], step: npt.NDArray[np.float64], tolerance: float
) -> npt.NDArray[np.int64]:
    """Return the detections ahead of each start, (pairs, reach); -1 for none, or after the end of the row."""
    here, speed = tree.data[start].copy(), step.copy()
    goes_on = np.ones(len(start), dtype=bool)
    missed = np.zeros(len(start), dtype=int)
    steps = []
    for _ in range(_REACH):
        here = here + speed
        distance, nearest = tree.query(here, distance_upper_bound=tolerance)
        hit = np.isfinite(distance) & goes_on
        steps.append(np.where(hit, nearest, -1))
        missed = np.where(hit, 0, missed + 1)
        goes_on &= missed < 2
        here[hit] = tree.data[nearest[hit]]
    return np.stack(steps, axis=1)
