# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injections beside hosts and anywhere, drawn for a whole detector at once."""

from __future__ import annotations

__all__ = ("UNKNOWN_OF_HOSTLESS", "HostSources", "InjectionLaws", "draw_hosted", "draw_hostless")

import dataclasses

import numpy as np
import numpy.typing as npt

from .geometry import SkyMap
from .hosts import ellipses_from_moments, sky_ellipses
from .injection_laws import draw_hosted_magnitudes, draw_offsets, draw_snr_magnitudes, rotate_offsets

type _Array = npt.NDArray[np.float64]
type _Rows = npt.NDArray[np.int64]
type Box = tuple[float, float, float, float]
"""First column, first row, last column, last row."""

UNKNOWN_OF_HOSTLESS = (
    "host_mag",
    "host_x",
    "host_y",
    "host_ra",
    "host_dec",
    "host_semi_major",
    "host_semi_minor",
    "host_pa",
)
"""Columns of the injection catalogue that an injection without a host has no value for."""


@dataclasses.dataclass(frozen=True)
class HostSources:
    """Sources that injections can be placed beside.

    Parameters
    ----------
    ids
        Identifiers, shape (N,), int64.
    ra
        Right ascension in degrees, shape (N,).
    dec
        Declination in degrees, shape (N,).
    x
        Columns in parent pixel coordinates, shape (N,).
    y
        Rows in parent pixel coordinates, shape (N,).
    ixx
        Second moments along x in square pixels, shape (N,).
    iyy
        Second moments along y in square pixels, shape (N,).
    ixy
        Mixed second moments in square pixels, shape (N,).
    magnitude
        AB magnitudes, shape (N,).
    point_flux_error
        Standard error of the flux of a faint point source in nJy; NaN if unknown.
    """

    ids: _Rows
    ra: _Array
    dec: _Array
    x: _Array
    y: _Array
    ixx: _Array
    iyy: _Array
    ixy: _Array
    magnitude: _Array
    point_flux_error: float = np.nan


@dataclasses.dataclass(frozen=True)
class InjectionLaws:
    """What the offsets and magnitudes of injections are drawn from.

    Parameters
    ----------
    offset
        Law of the offsets, see `draw_offsets`.
    sersic_index
        Sérsic index for the offset law ``light``.
    magnitude
        ``host``, ``snr_uniform`` or ``snr_log_uniform``.
    brighter
        Magnitudes that an injection may be brighter than its host.
    fainter
        Magnitudes that an injection may be fainter than its host.
    snr
        Lowest and highest signal-to-noise for the latter two.
    hostless_magnitude
        ``pooled`` or ``uniform``.
    hostless_range
        Brightest and faintest magnitude for ``uniform``.
    """

    offset: str = "signed_normal"
    sersic_index: float = 1.0
    magnitude: str = "host"
    brighter: float = 1.0
    fainter: float = 3.0
    snr: tuple[float, float] = (3.0, 50.0)
    hostless_magnitude: str = "pooled"
    hostless_range: tuple[float, float] = (18.0, 25.0)

    def metadata(self, mode: str) -> dict[str, str | float | list[float]]:
        """Return what a reader of the catalogue must know to compare it with the laws.

        Parameters
        ----------
        mode
            ``independent``, or one of the modes that have laws of their own.

        Returns
        -------
        metadata : `dict`
            ``OFFSET_LAW``, ``SERSIC_INDEX``, ``MAGNITUDE_LAW`` and, for magnitudes
            around those of the hosts, ``MAGNITUDE_RANGE``.
        """
        if mode == "coherent":
            return {"OFFSET_LAW": "elliptical_normal", "MAGNITUDE_LAW": "light_curve"}
        if mode == "moving":
            return {"OFFSET_LAW": "none", "MAGNITUDE_LAW": "uniform"}
        laws: dict[str, str | float | list[float]] = {
            "OFFSET_LAW": self.offset,
            "SERSIC_INDEX": self.sersic_index,
            "MAGNITUDE_LAW": self.magnitude,
        }
        if self.magnitude == "host":
            laws["MAGNITUDE_RANGE"] = [-self.brighter, self.fainter]
        return laws


def draw_hosted(
    sources: HostSources, hosts: _Rows, sky_map: SkyMap, laws: InjectionLaws, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw position and magnitude of one injection for each host.

    Parameters
    ----------
    sources
        All sources, N rows.
    hosts
        Rows of the hosts, shape (M,).
    sky_map
        Map of the detector.
    laws
        Laws to draw from.
    rng
        Source of randomness.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        Columns of the injection catalogue, shape (M,) each: position in pixels,
        magnitude and host.
    """
    x, y = sources.x[hosts], sources.y[hosts]
    moments = (sources.ixx[hosts], sources.iyy[hosts], sources.ixy[hosts])
    axes = ellipses_from_moments(*moments)
    major, minor = draw_offsets(
        laws.offset, axes.semi_major, axes.semi_minor, sersic_index=laws.sersic_index, rng=rng
    )
    dx, dy = rotate_offsets(major, minor, axes.angle)
    on_sky = sky_ellipses(*moments, sky_map.jacobian(x, y))
    return {
        "x": x + dx,
        "y": y + dy,
        "mag": _draw_magnitudes(sources, hosts, laws, rng),
        "host_id": sources.ids[hosts],
        "host_mag": sources.magnitude[hosts],
        "host_x": x,
        "host_y": y,
        "host_ra": sources.ra[hosts],
        "host_dec": sources.dec[hosts],
        "host_semi_major": on_sky.semi_major,
        "host_semi_minor": on_sky.semi_minor,
        "host_pa": np.degrees(on_sky.angle) % 180.0,
        "is_hostless": np.zeros(len(hosts), dtype=bool),
    }


def draw_hostless(
    sources: HostSources,
    candidates: _Rows,
    n: int,
    box: Box,
    margin: float,
    laws: InjectionLaws,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Draw position and magnitude of injections anywhere in a box.

    Parameters
    ----------
    sources
        All sources, N rows.
    candidates
        Rows that could be hosts; the law ``pooled`` takes their magnitudes.
    n
        Number of injections.
    box
        Box of the detector.
    margin
        Least distance from the edge of the box, in pixels.
    laws
        Laws to draw from.
    rng
        Source of randomness.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        The columns of `draw_hosted`, shape (n,) each.
    """
    # A box smaller than two margins still has a middle.
    inset_x, inset_y = (min(margin, (box[2 + i] - box[i]) / 2) for i in (0, 1))
    x = rng.uniform(box[0] + inset_x, box[2] - inset_x, n)
    y = rng.uniform(box[1] + inset_y, box[3] - inset_y, n)
    if laws.hostless_magnitude == "pooled" and len(candidates):
        magnitude = _draw_magnitudes(sources, rng.choice(candidates, size=n), laws, rng)
    else:
        magnitude = rng.uniform(*laws.hostless_range, n)
    return {
        "x": x,
        "y": y,
        "mag": magnitude,
        "host_id": np.zeros(n, dtype=np.int64),
        **dict.fromkeys(UNKNOWN_OF_HOSTLESS, np.full(n, np.nan)),
        "is_hostless": np.ones(n, dtype=bool),
    }


def _draw_magnitudes(
    sources: HostSources, hosts: _Rows, laws: InjectionLaws, rng: np.random.Generator
) -> _Array:
    """Draw a magnitude for each of some hosts."""
    if laws.magnitude in ("snr_uniform", "snr_log_uniform"):
        return draw_snr_magnitudes(
            len(hosts),
            flux_error=sources.point_flux_error,
            lowest=laws.snr[0],
            highest=laws.snr[1],
            rng=rng,
            logarithmic=laws.magnitude == "snr_log_uniform",
        )
    return draw_hosted_magnitudes(
        sources.magnitude[hosts], brighter=laws.brighter, fainter=laws.fainter, rng=rng
    )
