# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of injections: their shapes, which sources can be one, and which are chosen."""

from __future__ import annotations

__all__ = (
    "Ellipses",
    "choose_hosts",
    "ellipses_from_moments",
    "is_within",
    "sky_ellipses",
    "stochastic_round",
)

import dataclasses

import numpy as np
import numpy.typing as npt

type _Array = npt.NDArray[np.float64]
type _Bools = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Ellipses:
    """Axes and orientation of sources.

    Parameters
    ----------
    semi_major
        Square root of the larger eigenvalue of the moments, shape (N,); NaN where the
        moments are not those of an ellipse.
    semi_minor
        Square root of the smaller eigenvalue, shape (N,); NaN as for the other.
    angle
        Direction of the major axis from the first towards the second axis in
        radians, in (-π/2, π/2], shape (N,).
    """

    semi_major: _Array
    semi_minor: _Array
    angle: _Array


def ellipses_from_moments(ixx: npt.ArrayLike, iyy: npt.ArrayLike, ixy: npt.ArrayLike) -> Ellipses:
    """Return axes and orientation from second moments.

    Parameters
    ----------
    ixx
        Second moment along the first axis, shape (N,).
    iyy
        Second moment along the second axis, shape (N,).
    ixy
        Mixed second moment, shape (N,).

    Returns
    -------
    ellipses : `Ellipses`
        Axes in the square root of the moments' unit.

    Notes
    -----
    λ± = (Ixx + Iyy)/2 ± √(((Ixx − Iyy)/2)² + Ixy²), a = √λ+, b = √λ−,
    φ = ½ atan2(2 Ixy, Ixx − Iyy).
    """
    xx, yy, xy = (np.asarray(m, dtype=float) for m in (ixx, iyy, ixy))
    mean, difference = (xx + yy) / 2, (xx - yy) / 2
    spread = np.hypot(difference, xy)
    with np.errstate(invalid="ignore"):
        is_ellipse = (mean - spread > 0) & np.isfinite(mean + spread)
        larger, smaller = (np.sqrt(np.where(is_ellipse, mean + s * spread, np.nan)) for s in (1, -1))
    return Ellipses(larger, smaller, 0.5 * np.arctan2(2 * xy, 2 * difference))


def sky_ellipses(ixx: npt.ArrayLike, iyy: npt.ArrayLike, ixy: npt.ArrayLike, jacobian: _Array) -> Ellipses:
    """Return axes and orientation on the sky from second moments in pixels.

    Parameters
    ----------
    ixx
        Second moment along x in square pixels, shape (N,).
    iyy
        Second moment along y in square pixels, shape (N,).
    ixy
        Mixed second moment in square pixels, shape (N,).
    jacobian
        Derivative of (east, north) in arcsec by (x, y) in pixels, shape (N, 2, 2).

    Returns
    -------
    ellipses : `Ellipses`
        Axes in arcsec; the angle is from north towards east.
    """
    moments = np.stack([np.stack([ixx, ixy], axis=-1), np.stack([ixy, iyy], axis=-1)], axis=-2)
    sky = jacobian @ moments @ np.swapaxes(jacobian, -1, -2)
    return ellipses_from_moments(sky[..., 1, 1], sky[..., 0, 0], sky[..., 0, 1])


def is_within(
    x: npt.ArrayLike, y: npt.ArrayLike, box: tuple[float, float, float, float], margin: float
) -> _Bools:
    """Tell which positions are in a box by a margin.

    Parameters
    ----------
    x
        Columns, shape (N,).
    y
        Rows, shape (N,).
    box
        Smallest column, smallest row, largest column and largest row.
    margin
        Least distance from the edge of the box.

    Returns
    -------
    within : `numpy.ndarray`
        Shape (N,), bool; False where a position is not finite.
    """
    columns, rows = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    with np.errstate(invalid="ignore"):
        return (
            (columns >= box[0] + margin)
            & (rows >= box[1] + margin)
            & (columns <= box[2] - margin)
            & (rows <= box[3] - margin)
        )


def stochastic_round(value: float, rng: np.random.Generator) -> int:
    """Round to a neighbouring integer so that the mean is the value.

    Parameters
    ----------
    value
        Value to round.
    rng
        Source of randomness.

    Returns
    -------
    rounded : `int`
        The integer below, or with the probability of the fraction the one above.
    """
    return int(np.floor(value + rng.random()))


def choose_hosts(
    candidates: npt.NDArray[np.int64],
    *,
    fraction: float,
    minimum: int,
    maximum: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Choose hosts at random, each at most once.

    Parameters
    ----------
    candidates
        Rows that can be a host, shape (N,), int64.
    fraction
        Fraction of the candidates to choose.
    minimum
        Least number to choose; all candidates if there are fewer.
    maximum
        Largest number to choose.
    rng
        Source of randomness.

    Returns
    -------
    chosen : `numpy.ndarray`
        Rows in ascending order, int64.
    """
    wanted = max(minimum, stochastic_round(fraction * len(candidates), rng))
    wanted = min(wanted, maximum, len(candidates))
    return np.sort(rng.choice(candidates, size=wanted, replace=False))
