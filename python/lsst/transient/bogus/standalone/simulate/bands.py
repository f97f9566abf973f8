# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What distinguishes the bands of a simulated survey."""

from __future__ import annotations

__all__ = ("BANDS", "ZERO_POINT", "Band", "flux_of")

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

ZERO_POINT = 31.4
"""AB magnitude of 1 nJy."""


@dataclasses.dataclass(frozen=True)
class Band:
    """A band of a 6.5 m survey telescope.

    Parameters
    ----------
    wavelength
        Effective wavelength, nanometres.
    zero_point
        Magnitude that gives one electron per second.
    sky
        Dark sky brightness, magnitudes per square arcsecond.
    colour_term
        Change of magnitude from r per unit of g − i.
    refraction
        Differential refraction per unit of g − i and of tan(zenith angle),
        arcseconds.
    """

    wavelength: float
    zero_point: float
    sky: float
    colour_term: float
    refraction: float

    def electrons_per_njy(self, exposure_time: float) -> float:
        """Return the electrons that 1 nJy gives.

        Parameters
        ----------
        exposure_time
            Exposure time, seconds.

        Returns
        -------
        factor : `float`
            Electrons per nJy.
        """
        return float(exposure_time * 10 ** (0.4 * (self.zero_point - ZERO_POINT)))


BANDS: Mapping[str, Band] = {
    "u": Band(367.0, 27.03, 22.96, 1.7, 0.12),
    "g": Band(483.0, 28.38, 22.26, 0.7, 0.06),
    "r": Band(622.0, 28.16, 21.20, 0.0, 0.015),
    "i": Band(755.0, 27.85, 20.48, -0.3, 0.008),
    "z": Band(869.0, 27.46, 19.60, -0.45, 0.004),
    "y": Band(971.0, 26.68, 18.61, -0.55, 0.003),
}
"""The bands, by name.  Values resemble those of the Rubin Observatory."""


def flux_of(mag: npt.ArrayLike) -> np.ndarray:
    """Convert AB magnitudes to fluxes.

    Parameters
    ----------
    mag
        AB magnitudes.

    Returns
    -------
    flux : `numpy.ndarray`
        Fluxes, nJy.
    """
    return np.asarray(10 ** (0.4 * (ZERO_POINT - np.asarray(mag, dtype=float))))
