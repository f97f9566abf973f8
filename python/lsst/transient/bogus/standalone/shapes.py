# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adaptive centroids and second moments of many small images at once."""

from __future__ import annotations

__all__ = ("Shapes", "adaptive_moments")

import dataclasses

import numpy as np

_TOLERANCE = 1e-3
_MAX_ELONGATION = 400.0


@dataclasses.dataclass(frozen=True)
class Shapes:
    """Moments of each image, relative to the centre of its central pixel.

    Parameters
    ----------
    x
        Centroid column, in pixels, shape (N,).
    y
        Centroid row, in pixels, shape (N,).
    ixx
        Second moment along x, in pixels², shape (N,).
    iyy
        Second moment along y, in pixels², shape (N,).
    ixy
        Mixed second moment, in pixels², shape (N,).
    failed
        The iteration did not converge; all other values are NaN, shape (N,).
    """

    x: np.ndarray
    y: np.ndarray
    ixx: np.ndarray
    iyy: np.ndarray
    ixy: np.ndarray
    failed: np.ndarray

    @classmethod
    def empty(cls, n: int) -> Shapes:
        """Return shapes that all failed.

        Parameters
        ----------
        n
            Number of rows.

        Returns
        -------
        shapes : `Shapes`
            NaN everywhere.
        """
        nan = np.full(n, np.nan)
        return cls(nan, nan, nan, nan, nan, np.ones(n, dtype=bool))

    def replaced(self, rows: np.ndarray, other: Shapes) -> Shapes:
        """Return a copy with some rows replaced.

        Parameters
        ----------
        rows
            Indices of the rows, shape (M,).
        other
            Their new values, M rows.

        Returns
        -------
        shapes : `Shapes`
            The copy.
        """
        columns = []
        for field in dataclasses.fields(self):
            values = getattr(self, field.name).copy()
            values[rows] = getattr(other, field.name)
            columns.append(values)
        return Shapes(*columns)


def adaptive_moments(
    stamps: np.ndarray,
    dx: np.ndarray,
    dy: np.ndarray,
    *,
    sigma: float,
    max_shift: float = 2.0,
    n_iterations: int = 50,
) -> Shapes:
    """Measure moments with an elliptical Gaussian weight that matches each object.

    Parameters
    ----------
    stamps
        Background-subtracted images, shape (N, S, S), S odd.  Pixels to be
        ignored hold zero.
    dx
        First guess of the centroid column, relative to the central pixel, shape (N,).
    dy
        First guess of the centroid row, shape (N,).
    sigma
        First guess of the standard deviation of the weight, in pixels.
    max_shift
        Distance from the first guess, in pixels along each axis, beyond which
        the measurement has failed.
    n_iterations
        Iterations after which the measurement has failed.

    Returns
    -------
    shapes : `Shapes`
        The moments.

    Notes
    -----
    With weight covariance W and weighted moments M of the image, the weight
    matches a Gaussian object when M = W / 2; the fixed-point iteration
    W ← (M⁻¹ − W⁻¹)⁻¹ finds it (Bernstein & Jarvis 2002, AJ 123, 583).
    """
    n, size = len(stamps), stamps.shape[-1]
    half = size // 2
    start = np.stack([dx, dy]).astype(float).reshape(2, n)
    state = np.concatenate([start, np.full((1, n), sigma**2), np.full((1, n), sigma**2), np.zeros((1, n))])
    converged = np.zeros(n, dtype=bool)
    active = np.arange(n)
    for _ in range(n_iterations):
        if len(active) == 0:
            break
        new, change = _iterate(stamps[active], state[:, active], np.arange(size) - half)
        shift = np.abs(new[:2] - start[:, active]).max(axis=0)
        alive = np.isfinite(change) & (shift < max_shift) & (new[2] + new[3] < float(half * half))
        state[:, active] = new
        done = alive & (change < _TOLERANCE)
        converged[active[done]] = True
        active = active[alive & ~done]
    state[:, ~converged] = np.nan
    return Shapes(state[0], state[1], state[2], state[3], state[4], ~converged)


def _iterate(stamps: np.ndarray, state: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make one step; the change is NaN where the moments are impossible."""
    x0, y0, wxx, wyy, wxy = state
    determinant = wxx * wyy - wxy * wxy
    # The weight separates into exponentials of x², y² and xy.
    u, v = axis[None, :] - x0[:, None], axis[None, :] - y0[:, None]
    exponent = (
        (wyy / determinant)[:, None, None] * (u * u)[:, None, :]
        + (wxx / determinant)[:, None, None] * (v * v)[:, :, None]
        - (2.0 * wxy / determinant)[:, None, None] * u[:, None, :] * v[:, :, None]
    )
    weighted = np.exp(-0.5 * exponent) * stamps
    along_x, along_y = weighted.sum(axis=1), weighted.sum(axis=2)
    with np.errstate(all="ignore"):
        total = along_x.sum(axis=1)
        mx, my = (along_x * u).sum(axis=1) / total, (along_y * v).sum(axis=1) / total
        mxx = (along_x * u * u).sum(axis=1) / total - mx * mx
        myy = (along_y * v * v).sum(axis=1) / total - my * my
        mxy = np.einsum("nij,nj,ni->n", weighted, u, v) / total - mx * my
        m_det = mxx * myy - mxy * mxy
        # Inverse of (M⁻¹ − W⁻¹), never more than a factor of four in one step.
        pxx, pyy, pxy = (
            myy / m_det - wyy / determinant,
            mxx / m_det - wxx / determinant,
            -mxy / m_det + wxy / determinant,
        )
        p_det = pxx * pyy - pxy * pxy
        possible = (total > 0) & (m_det > 0) & (p_det > 0) & (pxx > 0)
        grown = np.stack([pyy / p_det, pxx / p_det, -pxy / p_det])
        scale = np.minimum(1.0, 4.0 * (wxx + wyy) / (grown[0] + grown[1]))
        new = np.stack([x0 + 2.0 * mx, y0 + 2.0 * my, *(grown * scale)])
        # Too wide for its own weight: widen the weight and try again.
        widen = (total > 0) & ~possible & (m_det > 0)
        new = np.where(widen, np.stack([x0, y0, 2.0 * wxx, 2.0 * wyy, 2.0 * wxy]), new)
        change = np.abs(new - state)[2:].max(axis=0) / (wxx + wyy) + np.hypot(mx, my)
        elongated = (new[2] + new[3]) ** 2 > _MAX_ELONGATION * (new[2] * new[3] - new[4] ** 2)
        change = np.where((possible | widen) & ~elongated, change, np.nan)
    return new, change
