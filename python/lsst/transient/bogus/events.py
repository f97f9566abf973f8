# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that every visit draws alike, with nothing shared between quanta.

The sky is covered by small tiles.  Each has an anchor: a point in it, and random numbers
that are hashed from the tile and a seed.  Whether an anchor is the place of an event, when
the event peaks and how bright it is depends on these alone, so that all visits and bands
agree.
"""

from __future__ import annotations

__all__ = ("ANCHORS_PER_SQUARE_ARCSEC", "Anchors", "LightCurve", "hash_uniform", "sky_anchors")

import dataclasses
from collections.abc import Mapping

import hpgeom
import numpy as np
import numpy.typing as npt

from .hashing import mix
from .seeds import derive_seed
from .sphere import sky_positions, unit_vectors

type _Array = npt.NDArray[np.float64]

_NSIDE = 2**17
_INNER_NSIDE = 2**29
ANCHORS_PER_SQUARE_ARCSEC = 12 * _NSIDE**2 / (4 * np.pi * (180 / np.pi * 3600) ** 2)
"""Density of anchors before any are left out."""


def hash_uniform(keys: npt.NDArray[np.int64], *names: str | int) -> _Array:
    """Return random numbers that depend on integer keys and names alone.

    Parameters
    ----------
    keys
        Keys, shape (N,).
    *names
        What the numbers are for, and the seed.

    Returns
    -------
    numbers : `numpy.ndarray`
        Uniform in [0, 1), shape (N,).
    """
    mixed = mix(mix(keys.astype(np.uint64) ^ np.uint64(derive_seed("events", *names))))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclasses.dataclass(frozen=True)
class Anchors:
    """Places where events can be.

    Parameters
    ----------
    ids
        Identifiers, the same in all visits, shape (N,), int64.
    ra
        Right ascension in degrees, shape (N,).
    dec
        Declination in degrees, shape (N,).
    """

    ids: npt.NDArray[np.int64]
    ra: _Array
    dec: _Array

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> Anchors:
        return Anchors(self.ids[rows], self.ra[rows], self.dec[rows])

    def __len__(self) -> int:
        return len(self.ids)


def sky_anchors(ra: float, dec: float, radius: float, *, rate: float, seed: int) -> Anchors:
    """Return the anchors in a circle.

    Parameters
    ----------
    ra
        Right ascension of the centre in degrees.
    dec
        Declination of the centre in degrees.
    radius
        Radius in degrees.  Anchors a little outside may be returned too.
    rate
        Fraction of the anchors to return.
    seed
        Another seed gives other anchors.

    Returns
    -------
    anchors : `Anchors`
        In order of their identifiers.
    """
    tiles = np.asarray(
        hpgeom.query_circle(_NSIDE, ra, dec, radius, inclusive=True, fact=1, nest=True), dtype=np.int64
    )
    tiles = np.sort(tiles[hash_uniform(tiles, "active", seed) < rate])
    # A random pixel of a much finer tiling: uniform in the tile, whatever its shape.
    ratio = (_INNER_NSIDE // _NSIDE) ** 2
    inner = tiles * ratio + (hash_uniform(tiles, "place", seed) * ratio).astype(np.int64)
    lon, lat = hpgeom.pixel_to_angle(_INNER_NSIDE, inner, nest=True, lonlat=True)
    # Once through vectors, for right ascensions in [0, 360).
    return Anchors(tiles, *sky_positions(unit_vectors(lon, lat)))


@dataclasses.dataclass(frozen=True)
class LightCurve:
    """Light curves of supernovae that recur at each anchor.

    Parameters
    ----------
    period
        Days from one event at an anchor to the next.
    peak
        Brightest and faintest magnitude at the peak.
    rise
        Time scale of the rise in days.
    fall
        Time scale of the decline in days, in a band that is not in ``fall_by_band``.
    colours
        Magnitudes that a band is fainter at the peak; 0 for others.
    fall_by_band
        Factor on the time scale of the decline by band; 1 for others.
    """

    period: float = 120.0
    peak: tuple[float, float] = (20.0, 24.5)
    rise: float = 4.0
    fall: float = 22.0
    colours: Mapping[str, float] = dataclasses.field(default_factory=dict)
    fall_by_band: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def magnitudes(
        self, ids: npt.NDArray[np.int64], mjd: float, band: str, *, seed: int
    ) -> tuple[_Array, npt.NDArray[np.int64]]:
        """Return magnitudes at an epoch.

        Parameters
        ----------
        ids
            Identifiers of the anchors, shape (N,).
        mjd
            Epoch in days.
        band
            Band.
        seed
            Another seed gives other events.

        Returns
        -------
        magnitude : `numpy.ndarray`
            Magnitudes, shape (N,); infinite long before the rise.
        cycle : `numpy.ndarray`
            Number of the event at its anchor, shape (N,), int64.

        Notes
        -----
        Flux follows exp(−t/fall) / (1 + exp(−t/rise)) (Bazin et al. 2009), scaled to
        its peak; the peak is a quarter of the period after the start of a cycle.
        """
        phase = mjd / self.period + hash_uniform(ids, "phase", seed)
        cycle = np.floor(phase).astype(np.int64)
        key = ids ^ (cycle << np.int64(40))
        since = (phase - cycle - 0.25) * self.period
        stretch = 0.8 + 0.5 * hash_uniform(key, "stretch", seed)
        rise = self.rise * stretch
        fall = self.fall * self.fall_by_band.get(band, 1.0) * stretch
        # The maximum of Bazin's function is at rise · ln(fall/rise − 1).
        top = rise * np.log(fall / rise - 1.0)
        with np.errstate(over="ignore", divide="ignore"):
            shape = _bazin(since + top, rise, fall) / _bazin(top, rise, fall)
            brightness = -2.5 * np.log10(shape)
        low, high = self.peak
        peak = low + (high - low) * hash_uniform(key, "peak", seed)
        return peak + self.colours.get(band, 0.0) + brightness, cycle


def _bazin(time: _Array, rise: _Array, fall: _Array) -> _Array:
    """Return Bazin's function."""
    return np.exp(-time / fall) / (1.0 + np.exp(-time / rise))
