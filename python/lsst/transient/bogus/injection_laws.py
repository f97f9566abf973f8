# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws from which the offsets and magnitudes of injections are drawn."""

from __future__ import annotations

__all__ = (
    "draw_hosted_magnitudes",
    "draw_offsets",
    "draw_snr_magnitudes",
    "faint_flux_error",
    "flux_to_magnitude",
    "offset_density",
    "rotate_offsets",
    "scaled_offsets",
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


def faint_flux_error(flux: npt.ArrayLike, error: npt.ArrayLike) -> float:
    """Return the standard error of the flux of a faint point source.

    Parameters
    ----------
    flux
        Point source fluxes of the sources of an image, shape (N,).
    error
        Their standard errors, shape (N,).

    Returns
    -------
    faint_error : `float`
        Median error of the faintest quarter of the sources, in the unit of ``error``;
        NaN if no source has both values.

    Notes
    -----
    The error of a bright source has the photon noise of its own light in it, so that
    the median of all sources depends on which of them were detected.
    """
    fluxes, errors = np.asarray(flux, dtype=float), np.asarray(error, dtype=float)
    known = np.isfinite(fluxes) & (errors > 0)
    if not known.any():
        return math.nan
    order = np.argsort(fluxes[known], kind="stable")
    return float(np.median(errors[known][order[: -(-len(order) // 4)]]))


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
        radius = _sersic_scale(sersic_index) * rng.gamma(2.0 * sersic_index, size=n) ** sersic_index
        return radius * semi_major * np.cos(angle), radius * semi_minor * np.sin(angle)
    raise ValueError(f"No offset law {law!r}.")


def _sersic_scale(index: float) -> float:
    """Return the scale length of a Sérsic profile whose second moment along an axis is 1."""
    k = 2.0 * index
    return math.exp(0.5 * (math.log(2.0) + math.lgamma(k) - math.lgamma(2.0 * k)))


def scaled_offsets(law: str, offset: _Array, angle: _Array, semi_major: _Array, semi_minor: _Array) -> _Array:
    """Return offsets in the units in which a law is the same for all hosts.

    Parameters
    ----------
    law
        Law of the offsets, see `draw_offsets`.
    offset
        Separation of injection and host, shape (N,).
    angle
        Direction from the host to the injection, from the host's major axis, in
        radians, shape (N,).
    semi_major
        Semi-major axes of the hosts' moments in the unit of ``offset``, shape (N,).
    semi_minor
        Semi-minor axes of the hosts' moments, shape (N,).

    Returns
    -------
    scaled : `numpy.ndarray`
        For the laws that use both axes the elliptical radius √((x/a)² + (y/b)²), for
        any other the separation in units of a; shape (N,).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        if law in ("elliptical_normal", "light"):
            return np.hypot(offset * np.cos(angle) / semi_major, offset * np.sin(angle) / semi_minor)
        return offset / semi_major


def offset_density(law: str, radius: npt.ArrayLike, *, sersic_index: float = 1.0) -> _Array | None:
    """Return the probability density of the offsets of `scaled_offsets`.

    Parameters
    ----------
    law
        Law of the offsets, see `draw_offsets`.
    radius
        Scaled offsets, shape (N,).
    sersic_index
        Index of the profile for ``light``.

    Returns
    -------
    density : `numpy.ndarray` or `None`
        Density at each radius; `None` for a law that has none.

    Notes
    -----
    ``signed_normal``: the half-normal √(2/π) exp(−r²/2); ``elliptical_normal``: the
    Rayleigh density r exp(−r²/2); ``light``: with t = (r/h)^(1/n), the density
    t^(2n) exp(−t) / (Γ(2n) n r), where h is the scale of `draw_offsets` for a moment
    of 1.
    """
    r = np.asarray(radius, dtype=float)
    if law == "signed_normal":
        return np.asarray(math.sqrt(2.0 / math.pi) * np.exp(-(r**2) / 2))
    if law == "elliptical_normal":
        return np.asarray(r * np.exp(-(r**2) / 2))
    if law == "light":
        h, k = _sersic_scale(sersic_index), 2.0 * sersic_index
        t = (r / h) ** (1.0 / sersic_index)
        # One factor 1/r is taken into the powers of t, for a finite value at the centre.
        power = t ** (k - sersic_index) * np.exp(-t)
        return np.asarray(power / (h * sersic_index * math.gamma(k)))
    return None


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


def draw_snr_magnitudes(
    n: int,
    *,
    flux_error: float,
    lowest: float,
    highest: float,
    rng: np.random.Generator,
    logarithmic: bool = False,
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
    logarithmic
        Whether its logarithm (and with it the magnitude) is uniform instead.

    Returns
    -------
    magnitude : `numpy.ndarray`
        Magnitudes, shape (n,).
    """
    if logarithmic:
        snr = np.exp(rng.uniform(math.log(lowest), math.log(highest), n))
    else:
        snr = rng.uniform(lowest, highest, n)
    return flux_to_magnitude(flux_error * snr)
