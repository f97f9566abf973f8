# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources whose flux or position changes, as columns."""

from __future__ import annotations

__all__ = ("Changing", "concatenate")

import dataclasses
from collections.abc import Sequence

import numpy as np

from .schedule import Visit


@dataclasses.dataclass(frozen=True)
class Changing:
    """Sources whose flux or position changes; N sources, V visits.

    Parameters
    ----------
    truth_id
        Identifier, shape (N,).
    kind
        supernova, variable_star, nucleus or moving; shape (N,).
    host_id
        Host galaxy or 0, shape (N,).
    star_id
        The star of the constant sky that this source replaces or 0, shape (N,).
    colour
        g − i, shape (N,).
    ra
        Right ascension at each visit, degrees, shape (N, V).
    dec
        Declination at each visit, degrees, shape (N, V).
    flux
        Flux at each visit, nJy, shape (N, V).
    trail_ra
        Motion in right ascension times cos(dec) during an exposure,
        arcseconds, shape (N,).
    trail_dec
        Motion in declination during an exposure, arcseconds, shape (N,).
    """

    truth_id: np.ndarray
    kind: np.ndarray
    host_id: np.ndarray
    star_id: np.ndarray
    colour: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    flux: np.ndarray
    trail_ra: np.ndarray
    trail_dec: np.ndarray

    def __len__(self) -> int:
        return len(self.truth_id)

    def reference_flux(self, visits: Sequence[Visit], index: int) -> np.ndarray:
        """Return the mean flux over the other nights of a visit's band.

        Parameters
        ----------
        visits
            All visits.
        index
            The visit.

        Returns
        -------
        flux : `numpy.ndarray`
            Flux, nJy, shape (N,); 0 for moving objects and where no other night
            has this band.
        """
        here = visits[index]
        others = [v.index for v in visits if v.band == here.band and v.day_obs != here.day_obs]
        mean = self.flux[:, others].mean(axis=1) if others else np.zeros(len(self))
        return np.where(self.kind == "moving", 0.0, mean)


def concatenate(parts: Sequence[Changing]) -> Changing:
    """Put sources of several kinds into one set of columns.

    Parameters
    ----------
    parts
        Sources; all with the same visits.

    Returns
    -------
    changing : `Changing`
        All of them, in the order given.
    """
    fields = [f.name for f in dataclasses.fields(Changing)]
    return Changing(**{f: np.concatenate([getattr(part, f) for part in parts]) for f in fields})
