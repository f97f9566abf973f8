# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws from which the offsets and magnitudes of injections are drawn."""

from __future__ import annotations

__all__ = (
    "draw_hosted_magnitudes",
    "draw_offsets",
    "draw_snr_uniform_magnitudes",
    "flux_to_magnitude",
    "rotate_offsets",
)

import math

import numpy as np
import numpy.typing as npt

type _Array = npt.NDArray[np.float64]

ZERO_POINT = 31.4
"""AB magnitude of 1 nJy."""


def flux_to_magnitude(flux: npt.ArrayLike) -> _Array:
    """Convert fluxes to AB magnitudes.

    Parameters
    ----------
    flux
        Fluxes in nJy.

    Returns
    -------
    magnitude : `numpy.ndarray`
        AB magnitudes; NaN where the flux is not positive.
    """
    values = np.asarray(flux, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(values > 0, ZERO_POINT - 2.5 * np.log10(values), np.nan)


def draw_offsets(
    law: str,
    semi_major: _Array,
    semi_minor: _Array,
    *,
    sersic_index: float,
    rng: np.random.Generator,
) -> tuple[_Array, _Array]:
    """Draw offsets of injections from their hosts, in the frame of the host.

    Parameters
    ----------
    law
        ``signed_normal``: a signed radius from N(0, a) in a uniform direction (the
        published law; the axis ratio plays no part).  ``elliptical_normal``: from
        N(0, diag(a², b²)).  ``light``: following a Sérsic profile with the moments of
        the host.  ``none``: on the host.
    semi_major
        Semi-major axes a of the hosts' moments, shape (N,).
    semi_minor
        Semi-minor axes b of the hosts' moments, shape (N,).
    sersic_index
        Index n of the profile for ``light``: 1 is exponential, 4 de Vaucouleurs.
    rng
        Source of randomness.

    Returns
    -------
    major : `numpy.ndarray`
        Offset along the major axis in the unit of the axes, shape (N,).
    minor : `numpy.ndarray`
        Offset along the minor axis in the unit of the axes, shape (N,).

    Raises
    ------
    ValueError
        Raised if there is no such law.

    Notes
    -----
    For I(R) ∝ exp(−(R/h)^(1/n)) the variable (R/h)^(1/n) has a Gamma(2n) distribution,
    and the moment along an axis is h² Γ(4n) / (2 Γ(2n)), which gives h for a host whose
    moments are a² and b².
    """
    n = len(semi_major)
    if law == "none":
        return np.zeros(n), np.zeros(n)
    if law == "elliptical_normal":
        return rng.standard_normal(n) * semi_major, rng.standard_normal(n) * semi_minor
    angle = rng.uniform(0.0, 2.0 * np.pi, n)
    if law == "signed_normal":
        radius = rng.standard_normal(n) * semi_major
        return radius * np.cos(angle), radius * np.sin(angle)
    if law == "light":
        k = 2.0 * sersic_index
        unit = math.exp(0.5 * (math.log(2.0) + math.lgamma(k) - math.lgamma(2.0 * k)))
        radius = unit * rng.gamma(k, size=n) ** sersic_index
        return radius * semi_major * np.cos(angle), radius * semi_minor * np.sin(angle)
    raise ValueError(f"No offset law {law!r}.")


def rotate_offsets(major: _Array, minor: _Array, angle: _Array) -> tuple[_Array, _Array]:
    """Turn offsets from the frame of the host into the frame of the detector.

    Parameters
    ----------
    major
        Offsets along the major axis, shape (N,).
    minor
        Offsets along the minor axis, shape (N,).
    angle
        Direction of the major axis from x towards y in radians, shape (N,).

    Returns
    -------
    dx : `numpy.ndarray`
        Offsets along x, shape (N,).
    dy : `numpy.ndarray`
        Offsets along y, shape (N,).
    """
    cosine, sine = np.cos(angle), np.sin(angle)
    return major * cosine - minor * sine, major * sine + minor * cosine


def draw_hosted_magnitudes(
    host_magnitude: _Array, *, brighter: float, fainter: float, rng: np.random.Generator
) -> _Array:
    """Draw magnitudes uniformly around those of the hosts.

    Parameters
    ----------
    host_magnitude
        Magnitudes of the hosts, shape (N,).
    brighter
        Largest number of magnitudes brighter than the host.
    fainter
        Largest number of magnitudes fainter than the host.
    rng
        Source of randomness.

    Returns
    -------
    magnitude : `numpy.ndarray`
        Magnitudes from U(host − brighter, host + fainter), shape (N,).
    """
    return np.asarray(host_magnitude + rng.uniform(-brighter, fainter, len(host_magnitude)))


def draw_snr_uniform_magnitudes(
    n: int, *, flux_error: float, lowest: float, highest: float, rng: np.random.Generator
) -> _Array:
    """Draw magnitudes so that the signal-to-noise of a point source is uniform.

    Parameters
    ----------
    n
        Number of magnitudes.
    flux_error
        Standard error of the flux of a faint point source, in nJy.
    lowest
        Lowest signal-to-noise.
    highest
        Highest signal-to-noise.
    rng
        Source of randomness.

    Returns
    -------
    magnitude : `numpy.ndarray`
        Magnitudes, shape (n,).
    """
    return flux_to_magnitude(flux_error * rng.uniform(lowest, highest, n))
