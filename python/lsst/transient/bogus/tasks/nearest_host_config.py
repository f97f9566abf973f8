# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of what can be the host of an object."""

from __future__ import annotations

__all__ = ("HostConfig",)

from collections.abc import Iterator, Mapping

import numpy as np
from astropy.table import Table

from lsst.pex.config import Config, DictField, RangeField

from ..geometry import fit_sky_map
from ..hosts import sky_ellipses
from ..injection_laws import flux_to_magnitude
from ..nearest_hosts import Galaxies, nearest_hosts
from .host_selection import pick_columns

_QUANTITIES = ("id", "ra", "dec", "x", "y", "ixx", "iyy", "ixy", "extendedness", "flux", "flux_error")
_MIN_POSITIONS = 10


class HostConfig(Config):
    """What can be the host of an object."""

    columns = DictField[str, str](
        doc="Column of the source table for each quantity. Positions in degrees and pixels, moments in "
        "square pixels, fluxes in nJy.",
        default={
            "id": "sourceId",
            "ra": "ra",
            "dec": "dec",
            "x": "x",
            "y": "y",
            "ixx": "ixx",
            "iyy": "iyy",
            "ixy": "ixy",
            "extendedness": "extendedness",
            "flux": "ap12Flux",
            "flux_error": "ap12FluxErr",
        },
        keyCheck=lambda quantity: quantity in _QUANTITIES,
    )
    minExtendedness = RangeField(
        dtype=float,
        doc="Least extendedness of a host. 0 takes stars too.",
        default=0.5,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    minSnr = RangeField(
        dtype=float,
        doc="Least signal-to-noise of the flux of a host. Low values take noise for galaxies.",
        default=10.0,
        min=0.0,
    )
    maxOffset = RangeField(
        dtype=float,
        doc="Largest separation of an object from its host in arcsec.",
        default=15.0,
        min=0.0,
        inclusiveMin=False,
    )
    maxNormalizedOffset = RangeField(
        dtype=float,
        doc="Largest separation of an object from its host, in units of the host's radius (square root of "
        "its moments, with those of the PSF in it) towards the object. Nearly all supernovae lie within 5.",
        default=5.0,
        min=0.0,
        inclusiveMin=False,
    )

    def find(
        self, ra: np.ndarray, dec: np.ndarray, sources: Mapping[tuple[int, int], Table] | None
    ) -> dict[str, np.ndarray]:
        """Find the hosts of objects.

        Parameters
        ----------
        ra, dec
            Positions of the objects in degrees, shape (M,).
        sources
            Sources by visit and detector.

        Returns
        -------
        columns : `dict` [`str`, `numpy.ndarray`]
            Host columns of ``transient_objects``, each of shape (M,).

        Raises
        ------
        TableSchemaError
            Raised if a table does not have the columns.
        """
        return nearest_hosts(
            ra,
            dec,
            self._galaxies(sources or {}),
            max_offset=self.maxOffset,
            max_normalized_offset=self.maxNormalizedOffset,
        )

    def _galaxies(self, sources: Mapping[tuple[int, int], Table]) -> Iterator[Galaxies]:
        """Give the galaxies of each detector; one with too few positions for a map has none."""
        for (visit, detector), table in sorted(sources.items(), key=lambda item: item[0]):
            where = f"visit {visit}, detector {detector}"
            columns = pick_columns(table, self.columns, f"source table of {where}")
            position = [columns[name] for name in ("x", "y", "ra", "dec")]
            if np.count_nonzero(np.isfinite(position).all(axis=0)) < _MIN_POSITIONS:
                continue
            sky_map = fit_sky_map(*position, max_rms_pixel=np.inf, where=where)
            with np.errstate(invalid="ignore", divide="ignore"):
                chosen = columns["extendedness"] >= self.minExtendedness
                chosen &= columns["flux"] >= self.minSnr * columns["flux_error"]
            galaxy = {name: column[chosen] for name, column in columns.items()}
            ellipses = sky_ellipses(
                galaxy["ixx"], galaxy["iyy"], galaxy["ixy"], sky_map.jacobian(galaxy["x"], galaxy["y"])
            )
            yield Galaxies(
                ids=galaxy["id"],
                ra=galaxy["ra"],
                dec=galaxy["dec"],
                semi_major=ellipses.semi_major,
                semi_minor=ellipses.semi_minor,
                angle=ellipses.angle,
                magnitude=flux_to_magnitude(galaxy["flux"]),
            )
