# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map between the pixels of a detector and the sky, fitted to a catalogue."""

from __future__ import annotations

__all__ = (
    "SkyMap",
    "arcsec_to_chord",
    "chord_to_arcsec",
    "fit_sky_map",
    "position_angle",
    "separation_arcsec",
    "sky_positions",
    "unit_vectors",
)

import dataclasses

import numpy as np
import numpy.typing as npt

from .errors import AstrometryFitError
from .sphere import (
    ARCSEC,
    arcsec_to_chord,
    chord_to_arcsec,
    local_axes,
    position_angle,
    separation_arcsec,
    sky_positions,
    unit_vectors,
)

type _Array = npt.NDArray[np.float64]

_CLIP_SIGMA = 6.0
_MAX_CLIPPED = 0.2
_MAX_ITERATIONS = 20
_ENOUGH = 20_000
"""Positions beyond this number add nothing to a fit of a few tens of terms."""


def _exponents(order: int) -> list[tuple[int, int]]:
    """Return the powers of x and y of each term of a polynomial, constant first."""
    return [(total - j, j) for total in range(order + 1) for j in range(total + 1)]


def _terms(u: _Array, v: _Array, order: int) -> _Array:
    """Return the terms of a polynomial in two variables, shape (N, number of terms)."""
    return np.stack([u**i * v**j for i, j in _exponents(order)], axis=-1)


def _term_gradients(u: _Array, v: _Array, order: int) -> tuple[_Array, _Array]:
    """Return the derivatives of `_terms` by each variable."""
    powers = _exponents(order)
    by_u = np.stack([i * u ** max(i - 1, 0) * v**j for i, j in powers], axis=-1)
    by_v = np.stack([j * u**i * v ** max(j - 1, 0) for i, j in powers], axis=-1)
    return by_u, by_v


@dataclasses.dataclass(frozen=True, eq=False)
class SkyMap:
    """Map between the pixels of one detector and the sky: a tangent plane and a polynomial.

    Parameters
    ----------
    axes
        Unit vectors to the east, to the north and to the tangent point, in rows;
        shape (3, 3).
    origin
        Pixel (x, y) that is the origin of the normalised coordinates.
    scale
        Pixels per normalised unit.
    order
        Order of the polynomial.
    coefficients
        Tangent plane coordinates (radians) as a polynomial in the normalised
        pixel coordinates, shape (number of terms, 2).
    rms_pixel
        Root mean square residual of the fit in pixels (both axes together).
    n_used
        Number of positions that entered the fit.

    Notes
    -----
    Only the forward polynomial is fitted.  The inverse is found by Newton's method
    on it, so that the two directions agree to rounding.
    """

    axes: _Array
    origin: tuple[float, float]
    scale: float
    order: int
    coefficients: _Array
    rms_pixel: float
    n_used: int

    def _normalise(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[_Array, _Array]:
        u = (np.asarray(x, dtype=float) - self.origin[0]) / self.scale
        v = (np.asarray(y, dtype=float) - self.origin[1]) / self.scale
        return u, v

    def jacobian(self, x: npt.ArrayLike, y: npt.ArrayLike) -> _Array:
        """Return the derivative of the local directions on the sky by pixel coordinates.

        Parameters
        ----------
        x
            Columns in parent pixel coordinates, shape (N,).
        y
            Rows in parent pixel coordinates, shape (N,).

        Returns
        -------
        jacobian : `numpy.ndarray`
            Arcsec per pixel, shape (N, 2, 2); rows are (east, north) at the position
            itself, columns (x, y).
        """
        u, v = self._normalise(x, y)
        gradients = _term_gradients(u, v, self.order)
        plane_by_pixel = np.stack([g @ self.coefficients for g in gradients], axis=-1) / self.scale
        beyond = (_terms(u, v, self.order) @ self.coefficients) @ self.axes[:2] + self.axes[2]
        distance = np.linalg.norm(beyond, axis=-1)[..., np.newaxis, np.newaxis]
        # East and north are perpendicular to the direction: its change of length drops out.
        local = np.stack(local_axes(beyond / distance[..., 0]), axis=-2)
        return local @ self.axes[:2].T / distance @ plane_by_pixel / ARCSEC

    @property
    def pixel_scale(self) -> float:
        """Arcsec per pixel at the origin: the square root of the pixel area."""
        return float(np.sqrt(abs(np.linalg.det(self.jacobian(*self.origin)))))

    def pixel_to_sky(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[_Array, _Array]:
        """Map pixels to the sky.

        Parameters
        ----------
        x
            Columns in parent pixel coordinates, shape (N,).
        y
            Rows in parent pixel coordinates, shape (N,).

        Returns
        -------
        ra : `numpy.ndarray`
            Right ascension in degrees, in [0, 360), shape (N,).
        dec : `numpy.ndarray`
            Declination in degrees, shape (N,).
        """
        plane = _terms(*self._normalise(x, y), self.order) @ self.coefficients
        homogeneous = np.concatenate([plane, np.ones((*plane.shape[:-1], 1))], axis=-1)
        return sky_positions(homogeneous @ self.axes)

    def sky_to_pixel(self, ra: npt.ArrayLike, dec: npt.ArrayLike) -> tuple[_Array, _Array]:
        """Map the sky to pixels.

        Parameters
        ----------
        ra
            Right ascension in degrees, shape (N,).
        dec
            Declination in degrees, shape (N,).

        Returns
        -------
        x : `numpy.ndarray`
            Columns in parent pixel coordinates, shape (N,); NaN where the position is
            on the far side of the sphere or the inverse does not converge, as far
            outside the detector it may not.
        y : `numpy.ndarray`
            Rows in parent pixel coordinates, shape (N,); NaN as for ``x``.
        """
        target = _tangent_plane(unit_vectors(ra, dec), self.axes)
        linear = self.coefficients[1:3].T
        uv = (target - self.coefficients[0]) @ np.linalg.inv(linear).T
        with np.errstate(all="ignore"):
            for _ in range(_MAX_ITERATIONS):
                u, v = uv[..., 0], uv[..., 1]
                by_u, by_v = _term_gradients(u, v, self.order)
                slope = np.stack([by_u @ self.coefficients, by_v @ self.coefficients], axis=-1)
                error = _terms(u, v, self.order) @ self.coefficients - target
                step = (
                    np.stack(
                        [
                            slope[..., 1, 1] * error[..., 0] - slope[..., 0, 1] * error[..., 1],
                            slope[..., 0, 0] * error[..., 1] - slope[..., 1, 0] * error[..., 0],
                        ],
                        axis=-1,
                    )
                    / np.linalg.det(slope)[..., np.newaxis]
                )
                uv = uv - step
                if not np.any(np.abs(step) > 1e-11):
                    break
            lost = ~np.all(np.abs(step) < 1e-8, axis=-1)
        uv = np.where(lost[..., np.newaxis], np.nan, uv)
        return uv[..., 0] * self.scale + self.origin[0], uv[..., 1] * self.scale + self.origin[1]


def _tangent_plane(vectors: _Array, axes: _Array) -> _Array:
    """Project directions on the tangent plane (radians); NaN on the far side."""
    along = vectors @ axes.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(along[..., 2:] > 0, along[..., :2] / along[..., 2:], np.nan)


def _tangent_axes(vectors: _Array) -> _Array:
    """Return the axes of a tangent plane at the median of directions."""
    centre = np.median(vectors, axis=0)
    centre /= np.linalg.norm(centre)
    east, north = local_axes(centre)
    return np.stack([east, north, centre])


def fit_sky_map(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    ra: npt.ArrayLike,
    dec: npt.ArrayLike,
    *,
    order: int = 3,
    max_rms_pixel: float = 0.1,
    where: str = "",
) -> SkyMap:
    """Fit the map of a detector to positions given in both pixel and sky coordinates.

    Parameters
    ----------
    x
        Columns in parent pixel coordinates, shape (N,).
    y
        Rows in parent pixel coordinates, shape (N,).
    ra
        Right ascension in degrees, shape (N,).
    dec
        Declination in degrees, shape (N,).
    order
        Highest order of the polynomial; lowered where there are fewer than two
        positions per term.
    max_rms_pixel
        Largest allowed root mean square residual, in pixels.
    where
        Text that names the data ID, for messages.

    Returns
    -------
    sky_map : `SkyMap`
        The fitted map.

    Raises
    ------
    AstrometryFitError
        Raised if there are too few positions, if more than a fifth of them are
        outliers, or if the residual exceeds the limit.

    Notes
    -----
    Rows with a coordinate that is not finite are left out.  Outliers beyond six
    (robust) standard deviations are clipped, first from an affine fit and then,
    starting again from all rows, from the polynomial.  Of very many rows, every n-th
    is used.
    """
    columns = np.stack([np.asarray(c, dtype=float) for c in (x, y, ra, dec)], axis=-1)
    columns = columns[np.all(np.isfinite(columns), axis=-1)]
    columns = columns[:: max(1, len(columns) // _ENOUGH)]
    n = len(columns)
    place = f" of {where}" if where else ""
    if n < 6:
        raise AstrometryFitError(
            f"Cannot fit a sky map to {n} source positions{place}; at least 6 are needed.", n_sources=n
        )
    while order > 1 and n < (order + 1) * (order + 2):
        order -= 1
    pixels = columns[:, :2]
    origin = (pixels.min(axis=0) + pixels.max(axis=0)) / 2
    scale = max(float(np.max(np.abs(pixels - origin))), 1.0)
    uv = (pixels - origin) / scale
    vectors = unit_vectors(columns[:, 2], columns[:, 3])
    axes = _tangent_axes(vectors)
    target = _tangent_plane(vectors, axes)
    keep = np.all(np.isfinite(target), axis=-1)
    for stage_order in sorted({1, order}):
        coefficients, keep = _clipped_fit(_terms(uv[:, 0], uv[:, 1], stage_order), target, keep)
    n_used = int(keep.sum())
    sky_map = SkyMap(axes, (float(origin[0]), float(origin[1])), scale, order, coefficients, np.nan, n_used)
    residual = (_terms(uv[keep, 0], uv[keep, 1], order) @ coefficients - target[keep]) / ARCSEC
    with np.errstate(divide="ignore", invalid="ignore"):
        rms = float(np.sqrt(np.mean(np.sum(residual**2, axis=-1))) / sky_map.pixel_scale)
    if not rms <= max_rms_pixel or n - n_used > _MAX_CLIPPED * n:
        raise AstrometryFitError(
            f"The sky map{place} has an rms of {rms:.3g} pixels (limit {max_rms_pixel:g}) with "
            f"{n - n_used} of {n} sources clipped (limit {_MAX_CLIPPED:.0%}).",
            rms_pixel=rms,
            limit_pixel=max_rms_pixel,
            n_sources=n,
            n_clipped=n - n_used,
        )
    return dataclasses.replace(sky_map, rms_pixel=rms)


def _clipped_fit(
    terms: _Array, target: _Array, keep: npt.NDArray[np.bool_]
) -> tuple[_Array, npt.NDArray[np.bool_]]:
    """Fit by least squares, clipping outliers until the selection is stable."""
    for _ in range(_MAX_ITERATIONS):
        coefficients, *_ = np.linalg.lstsq(terms[keep], target[keep], rcond=None)
        error = np.linalg.norm(terms @ coefficients - target, axis=-1)
        # The median of a Rayleigh variable is 1.18 sigma; the floor keeps rounding from clipping.
        sigma = np.median(error[keep]) / 1.18
        chosen = error <= max(_CLIP_SIGMA * sigma, 1e-4 * ARCSEC)
        if np.array_equal(chosen, keep) or chosen.sum() < terms.shape[1]:
            break
        keep = chosen
    return coefficients, keep
