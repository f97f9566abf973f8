# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels from a pair of processings of one visit: with and without injections.

What is detected only with injections, and where one is, is the detection of an injection.
What is detected in both is not.
"""

from __future__ import annotations

__all__ = ("PairedLabels", "pair_detections", "resolve")

import dataclasses

import numpy as np
import numpy.typing as npt

from .labels import Matches
from .matching import match_one_to_one

type _Array = npt.NDArray[np.float64]
type _Bools = npt.NDArray[np.bool_]
type _Positions = tuple[npt.ArrayLike, npt.ArrayLike]


@dataclasses.dataclass(frozen=True)
class PairedLabels:
    """What the pair says of each DIA source of the processing with injections.

    Parameters
    ----------
    matches
        The injection that each source is the detection of.
    counterpart
        Row of the same detection without injections; -1 if there is none.
        Shape (N,), int64.
    """

    matches: Matches
    counterpart: npt.NDArray[np.int64]

    def disagreement(self, matches: Matches) -> _Bools:
        """Tell which sources another way of matching labels differently.

        Parameters
        ----------
        matches
            Matches by position or by table.

        Returns
        -------
        disagrees : `numpy.ndarray`
            Shape (N,), bool.
        """
        return self.matches.injection != matches.injection


def pair_detections(
    with_injections: _Positions,
    without_injections: _Positions,
    injections: _Positions,
    *,
    pair_radius_arcsec: float,
    footprint_radius_arcsec: float,
) -> PairedLabels:
    """Compare the detections of two processings of one visit.

    Parameters
    ----------
    with_injections
        Right ascension and declination of the DIA sources with injections in
        degrees, shape (N,) each.
    without_injections
        The same of the DIA sources without injections, shape (M,) each.
    injections
        The same of the injections, shape (P,) each.
    pair_radius_arcsec
        Largest distance of two detections of the same source.
    footprint_radius_arcsec
        Largest distance of the detection of an injection from it.

    Returns
    -------
    labels : `PairedLabels`
        One detection for each injection at most: the nearest new one.
    """
    n = np.size(with_injections[0])
    counterpart = np.full(n, -1, dtype=np.int64)
    rows, partners, _ = match_one_to_one(
        *with_injections, *without_injections, radius_arcsec=pair_radius_arcsec
    )
    counterpart[rows] = partners
    new = np.flatnonzero(counterpart < 0)
    ra, dec = (np.asarray(c, dtype=float)[new] for c in with_injections)
    rows, partners, distances = match_one_to_one(ra, dec, *injections, radius_arcsec=footprint_radius_arcsec)
    injection, separation = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
    injection[new[rows]], separation[new[rows]] = partners, distances
    return PairedLabels(Matches(injection, separation), counterpart)


def resolve(rule: str, paired: PairedLabels, matches: Matches) -> tuple[Matches, _Bools, _Bools]:
    """Decide where the pair and the matches disagree.

    Parameters
    ----------
    rule
        ``both``: sources on which they disagree are in doubt.  ``paired``: the pair
        decides.  ``position``: the matches decide.
    paired
        What the pair says.
    matches
        What the matches say.

    Returns
    -------
    decided : `Matches`
        The injection that each source is taken for.
    in_doubt : `numpy.ndarray`
        Sources whose label is in doubt, shape (N,), bool.
    is_sure : `numpy.ndarray`
        Sources that are surely no injection, however close to one, shape (N,), bool.

    Raises
    ------
    ValueError
        Raised if there is no such rule.
    """
    none = np.zeros(len(matches.injection), dtype=bool)
    if rule == "position":
        return matches, none, none
    if rule == "paired":
        return paired.matches, none, paired.counterpart >= 0
    if rule == "both":
        return matches, paired.disagreement(matches), none
    raise ValueError(f"No rule {rule!r}.")
