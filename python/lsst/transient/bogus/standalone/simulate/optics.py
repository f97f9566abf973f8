# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Optics and atmosphere: the PSF over the field, and where light really falls."""

from __future__ import annotations

__all__ = ("PsfField", "TrueAstrometry", "effective_pixels", "psf_field", "refraction", "true_astrometry")

import dataclasses

import galsim
import numpy as np

from ...seeds import generator
from .bands import BANDS
from .config import SurveyConfig
from .schedule import Visit, detector_origin

_MEAN_COLOUR = 1.2
"""The g − i at which calibration has absorbed the refraction."""


@dataclasses.dataclass(frozen=True)
class PsfField:
    """Moffat PSF that varies over the focal plane of one visit.

    Parameters
    ----------
    seeing
        Width (FWHM) at the centre, pixels.
    beta
        Moffat index.
    width
        Coefficients of the relative width for (u, v, u² + v²), where u and v
        run from −1 to 1 over the focal plane.
    shear1
        Coefficients of the first shear component for (1, u, v, u² − v²).
    shear2
        Coefficients of the second shear component for (1, u, v, 2uv).
    origin
        Focal-plane position of pixel (0, 0).
    half_width
        Half the side of the focal plane, pixels.
    """

    seeing: float
    beta: float
    width: np.ndarray
    shear1: np.ndarray
    shear2: np.ndarray
    origin: tuple[float, float]
    half_width: float

    def parameters(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return width and shear at some pixels.

        Parameters
        ----------
        x
            Columns.
        y
            Rows.

        Returns
        -------
        fwhm, g1, g2 : `numpy.ndarray`
            Full width at half maximum (pixels) and shear.
        """
        u = (np.asarray(x) + self.origin[0]) / self.half_width
        v = (np.asarray(y) + self.origin[1]) / self.half_width
        one = np.ones_like(u)
        fwhm = self.seeing * (1.0 + np.tensordot(self.width, np.array([u, v, u**2 + v**2]), axes=1))
        g1 = np.tensordot(self.shear1, np.array([one, u, v, u**2 - v**2]), axes=1)
        g2 = np.tensordot(self.shear2, np.array([one, u, v, 2.0 * u * v]), axes=1)
        return fwhm, g1, g2

    def at(self, x: float, y: float, *, broadening: float = 1.0) -> galsim.GSObject:
        """Return the effective PSF (pixel response included) at a pixel.

        Parameters
        ----------
        x
            Column.
        y
            Row.
        broadening
            Factor on the width.

        Returns
        -------
        psf : `galsim.GSObject`
            Profile of unit flux, in pixels.
        """
        fwhm, g1, g2 = (float(p) for p in self.parameters(np.asarray(x), np.asarray(y)))
        return galsim.Moffat(beta=self.beta, fwhm=fwhm * broadening).shear(g1=g1, g2=g2)


@dataclasses.dataclass(frozen=True)
class TrueAstrometry:
    """Displacement of the true positions from those that the attached WCS gives.

    Parameters
    ----------
    low_order
        Coefficients of (1, u, v, u², uv, v²) for each component, shape (2, 6).
    waves
        Wave vectors of the turbulence, radians per pixel, shape (K, 2).
    phases
        Their phases, shape (2, K).
    amplitude
        Amplitude of each wave, pixels.
    origin
        Focal-plane position of pixel (0, 0).
    half_width
        Half the side of the focal plane, pixels.
    """

    low_order: np.ndarray
    waves: np.ndarray
    phases: np.ndarray
    amplitude: float
    origin: tuple[float, float]
    half_width: float

    def displacement(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the displacement at some pixels.

        Parameters
        ----------
        x
            Columns by the attached WCS, shape (N,).
        y
            Rows by the attached WCS, shape (N,).

        Returns
        -------
        shift : `numpy.ndarray`
            True minus attached position, pixels, shape (2, N).
        """
        fx, fy = np.asarray(x) + self.origin[0], np.asarray(y) + self.origin[1]
        u, v = fx / self.half_width, fy / self.half_width
        smooth = self.low_order @ np.array([np.ones_like(u), u, v, u**2, u * v, v**2])
        argument = np.outer(self.waves[:, 0], fx) + np.outer(self.waves[:, 1], fy)
        waves = np.cos(argument[None] + self.phases[:, :, None]).sum(axis=1)
        return np.asarray(smooth + self.amplitude * waves)


def psf_field(config: SurveyConfig, visit: Visit, detector: int) -> PsfField:
    """Draw the PSF of a visit, as one of its detectors sees it.

    Parameters
    ----------
    config
        Survey.
    visit
        Visit.
    detector
        Detector number.

    Returns
    -------
    field : `PsfField`
        PSF; continuous across the detectors of the visit.
    """
    rng = generator("psf", config.seed, visit.index)
    optics = config.optics
    return PsfField(
        seeing=visit.seeing,
        beta=visit.beta,
        width=optics.field_variation * rng.normal(0.0, 0.5, 3),
        shear1=optics.ellipticity * rng.normal(0.0, [1.0, 0.6, 0.6, 0.4]),
        shear2=optics.ellipticity * rng.normal(0.0, [1.0, 0.6, 0.6, 0.4]),
        origin=detector_origin(config, detector),
        half_width=config.half_width,
    )


def true_astrometry(config: SurveyConfig, visit: Visit, detector: int) -> TrueAstrometry:
    """Draw the astrometric error of a visit, as one of its detectors sees it.

    Parameters
    ----------
    config
        Survey.
    visit
        Visit.
    detector
        Detector number.

    Returns
    -------
    astrometry : `TrueAstrometry`
        Displacement; continuous across the detectors of the visit.
    """
    rng = generator("astrometry", config.seed, visit.index)
    settings = config.calibration
    n_waves = 24
    # Over the square, u and v have variance 1/3, u² has 4/45, uv has 1/9.
    norm = np.sqrt(2.0 / 3.0 + 2.0 * 4.0 / 45.0 + 1.0 / 9.0)
    low_order = rng.normal(0.0, 1.0, (2, 6)) * settings.astrometry_smooth / norm
    low_order[:, 0] = rng.normal(0.0, settings.astrometry_shift, 2)
    # Zero mean of the squares, so that the shift is the shift.
    low_order[:, 0] -= (low_order[:, 3] + low_order[:, 5]) / 3.0
    length = np.exp(rng.uniform(np.log(100.0), np.log(600.0), n_waves))
    angle = rng.uniform(0.0, 2.0 * np.pi, n_waves)
    return TrueAstrometry(
        low_order=low_order,
        waves=2.0 * np.pi / length[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1),
        phases=rng.uniform(0.0, 2.0 * np.pi, (2, n_waves)),
        amplitude=settings.astrometry_turbulence * float(np.sqrt(2.0 / n_waves)),
        origin=detector_origin(config, detector),
        half_width=config.half_width,
    )


def refraction(config: SurveyConfig, visit: Visit, colour: np.ndarray) -> np.ndarray:
    """Return the shift that differential chromatic refraction leaves.

    Parameters
    ----------
    config
        Survey.
    visit
        Visit.
    colour
        g − i, shape (N,).

    Returns
    -------
    shift : `numpy.ndarray`
        Shift of each source, pixels, shape (2, N).  Blue light is displaced
        towards the zenith.
    """
    strength = config.optics.dcr * BANDS[visit.band].refraction * np.tan(np.radians(visit.zenith_angle))
    towards = -strength / config.pixel_scale * (np.asarray(colour) - _MEAN_COLOUR)
    direction = np.array([np.cos(visit.zenith_direction), np.sin(visit.zenith_direction)])
    return np.asarray(direction[:, None] * towards)


def effective_pixels(fwhm: float, beta: float) -> float:
    """Return the noise-equivalent area of a Moffat PSF.

    Parameters
    ----------
    fwhm
        Full width at half maximum, pixels.
    beta
        Moffat index.

    Returns
    -------
    area : `float`
        Inverse of the integral of the squared PSF, pixels.
    """
    alpha = fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / beta) - 1.0))
    return float(np.pi * alpha**2 * (2.0 * beta - 1.0) / (beta - 1.0) ** 2)
