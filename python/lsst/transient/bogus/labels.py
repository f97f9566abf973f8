# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What DIA sources are taken for: detected injections, the rest, and what is neither.

A source is labelled 1 if it is the detection of an injection, and 0 otherwise.  It is
ambiguous, and used neither for training nor for evaluation, where that is in doubt.
"""

from __future__ import annotations

__all__ = (
    "LabelFlag",
    "Matches",
    "contradicts_flux",
    "flag_bits",
    "label_flags",
    "magnitude_to_flux",
    "match_by_position",
    "match_by_table",
)

import dataclasses
import enum

import numpy as np
import numpy.typing as npt

from .matching import match_one_to_one, nearest

type _Array = npt.NDArray[np.float64]
type _Bools = npt.NDArray[np.bool_]
type _Ids = npt.NDArray[np.int64]

ZERO_POINT = 31.4
"""AB magnitude of 1 nJy."""


class LabelFlag(enum.IntFlag):
    """Why a DIA source is ambiguous."""

    NO_POSITION = enum.auto()
    """The position is not finite, so that it cannot be matched."""
    NEAR_INJECTION = enum.auto()
    """Within the exclusion radius of an injection, but not its detection."""
    FLUX_CONTRADICTS = enum.auto()
    """Matched, but the measured flux cannot be that of the injection."""
    FAR_MATCH = enum.auto()
    """Matched by the table, but farther away than the match radius."""
    PAIR_DISAGREES = enum.auto()
    """The processing without injections says otherwise."""
    GLINT_TRAIL = enum.auto()
    """One of a row of flashes: bogus, but a stamp does not show it."""


def flag_bits() -> dict[str, int]:
    """Return the names of the bits, for the metadata of a table.

    Returns
    -------
    bits : `dict` [`str`, `int`]
        Value of each bit by name.
    """
    return {str(flag.name): int(flag) for flag in LabelFlag}


@dataclasses.dataclass(frozen=True)
class Matches:
    """The injection that each DIA source is the detection of.

    Parameters
    ----------
    injection
        Row of the injected catalogue; -1 if none.  Shape (N,), int64.
    separation
        Separation of the match in arcsec; NaN if none.  Shape (N,).
    """

    injection: npt.NDArray[np.int64]
    separation: _Array

    @property
    def is_matched(self) -> _Bools:
        """Whether each DIA source has a match, shape (N,)."""
        return self.injection >= 0


def magnitude_to_flux(magnitude: npt.ArrayLike) -> _Array:
    """Convert AB magnitudes to fluxes.

    Parameters
    ----------
    magnitude
        AB magnitudes.

    Returns
    -------
    flux : `numpy.ndarray`
        Fluxes in nJy.
    """
    return 10.0 ** (-0.4 * (np.asarray(magnitude, dtype=float) - ZERO_POINT))


def match_by_position(
    ra: npt.ArrayLike,
    dec: npt.ArrayLike,
    injected_ra: npt.ArrayLike,
    injected_dec: npt.ArrayLike,
    *,
    radius_arcsec: float,
) -> Matches:
    """Match DIA sources to injections: mutual nearest neighbours on the sphere.

    Parameters
    ----------
    ra
        Right ascension of the DIA sources in degrees, shape (N,).
    dec
        Declination of the DIA sources in degrees, shape (N,).
    injected_ra
        Right ascension of the injections in degrees, shape (M,).
    injected_dec
        Declination of the injections in degrees, shape (M,).
    radius_arcsec
        Largest separation in arcsec.

    Returns
    -------
    matches : `Matches`
        The match of each DIA source.
    """
    n = np.size(ra)
    injection, separation = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
    rows, partners, distances = match_one_to_one(
        ra, dec, injected_ra, injected_dec, radius_arcsec=radius_arcsec
    )
    injection[rows], separation[rows] = partners, distances
    return Matches(injection, separation)


def match_by_table(
    ids: _Ids,
    *,
    matched_dia_source: _Ids,
    matched_injection: _Ids,
    matched_separation: _Array,
    injection_ids: _Ids,
) -> Matches:
    """Take the matches of DIA sources from a match table.

    Parameters
    ----------
    ids
        Ids of the DIA sources, shape (N,), int64.
    matched_dia_source
        Id of the DIA source of each row of the match table; 0 if none.  Shape (P,).
    matched_injection
        Id of the injection of each row of the match table, shape (P,).
    matched_separation
        Separation of each row of the match table in arcsec, shape (P,).
    injection_ids
        Ids of the rows of the injected catalogue, shape (M,).

    Returns
    -------
    matches : `Matches`
        The match of each DIA source.  Where the table gives a source to several
        injections, the closest has it.
    """
    injection, separation = np.full(len(ids), -1, dtype=np.int64), np.full(len(ids), np.nan)
    rows = np.flatnonzero(matched_dia_source != 0)
    # Farthest first, so that the closest is written last.
    rows = rows[np.argsort(-matched_separation[rows], kind="stable")]
    source = _lookup(matched_dia_source[rows], ids)
    partner = _lookup(matched_injection[rows], injection_ids)
    known = (source >= 0) & (partner >= 0)
    injection[source[known]] = partner[known]
    separation[source[known]] = matched_separation[rows][known]
    return Matches(injection, separation)


def _lookup(values: _Ids, table: _Ids) -> npt.NDArray[np.int64]:
    """Return the position of each value in a table of ids; -1 where it is not there."""
    if len(table) == 0:
        return np.full(len(values), -1, dtype=np.int64)
    order = np.argsort(table, kind="stable")
    place = np.clip(np.searchsorted(table, values, sorter=order), 0, len(table) - 1)
    found = order[place]
    return np.where(table[found] == values, found, -1).astype(np.int64)


def contradicts_flux(
    flux: npt.ArrayLike,
    flux_error: npt.ArrayLike,
    injected_flux: npt.ArrayLike,
    *,
    n_sigma: float,
    factor: float,
) -> _Bools:
    """Tell where a measured flux cannot be that of the matched injection.

    Parameters
    ----------
    flux
        Measured fluxes on the difference, shape (N,).
    flux_error
        Standard errors of the measured fluxes, shape (N,).
    injected_flux
        Injected fluxes in the same unit, shape (N,).
    n_sigma
        Smallest difference that counts, in standard errors.
    factor
        Smallest ratio of the two, either way, that counts.

    Returns
    -------
    contradicts : `numpy.ndarray`
        Whether the fluxes differ by more than both limits, shape (N,), bool.  False
        where no flux was measured: there is nothing to contradict.

    Notes
    -----
    Two limits, since a bright source is measured to many standard errors of its
    flux but the subtraction is not that good, and a faint one has a wide range of
    ratios by noise alone.
    """
    measured, error, injected = (np.asarray(a, dtype=float) for a in (flux, flux_error, injected_flux))
    with np.errstate(invalid="ignore"):
        is_far = np.abs(measured - injected) > n_sigma * error
        is_other = (measured * factor < injected) | (measured > injected * factor)
    return is_far & is_other & np.isfinite(measured) & np.isfinite(error)


def label_flags(
    matches: Matches,
    ra: npt.ArrayLike,
    dec: npt.ArrayLike,
    injected_ra: npt.ArrayLike,
    injected_dec: npt.ArrayLike,
    *,
    contradicts: _Bools,
    match_radius_arcsec: float,
    exclusion_radius_arcsec: float,
) -> tuple[npt.NDArray[np.int32], _Array]:
    """Find the DIA sources whose label is in doubt.

    Parameters
    ----------
    matches
        The match of each DIA source.
    ra
        Right ascension of the DIA sources in degrees, shape (N,).
    dec
        Declination of the DIA sources in degrees, shape (N,).
    injected_ra
        Right ascension of all injections in degrees, shape (M,).
    injected_dec
        Declination of all injections in degrees, shape (M,).
    contradicts
        Whether the flux of a matched DIA source contradicts the injected one.
    match_radius_arcsec
        Matches beyond this are in doubt.
    exclusion_radius_arcsec
        Unmatched DIA sources within this distance of an injection are in doubt.

    Returns
    -------
    flags : `numpy.ndarray`
        `LabelFlag` bits, shape (N,), int32; ambiguous where not 0.
    separation : `numpy.ndarray`
        Separation from the nearest injection in arcsec, shape (N,); NaN if there is
        none.
    """
    _, separation = nearest(ra, dec, injected_ra, injected_dec)
    has_position = np.isfinite(np.asarray(ra, dtype=float)) & np.isfinite(np.asarray(dec, dtype=float))
    with np.errstate(invalid="ignore"):
        conditions = {
            LabelFlag.NO_POSITION: ~has_position,
            LabelFlag.NEAR_INJECTION: ~matches.is_matched & (separation <= exclusion_radius_arcsec),
            LabelFlag.FLUX_CONTRADICTS: matches.is_matched & contradicts,
            LabelFlag.FAR_MATCH: matches.is_matched & (matches.separation > match_radius_arcsec),
        }
    flags = np.zeros(len(separation), dtype=np.int32)
    for flag, condition in conditions.items():
        flags[condition] |= int(flag)
    return flags, separation
