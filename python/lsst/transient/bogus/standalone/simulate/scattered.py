# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Light that is no point source: haloes, spikes, ghosts, satellite trails, glints."""

from __future__ import annotations

__all__ = ("Glint", "Streak", "draw_glints", "draw_streaks", "ghosts", "halo_and_spikes", "streak_light")

import dataclasses

import numpy as np
import scipy.special

from ...seeds import generator
from .config import SurveyConfig
from .schedule import Visit, detector_origin

_HALO_CORE, _HALO_EDGE = 6.0, 150.0
_SPIKE_LENGTH, _SPIKE_WIDTH = 35.0, 1.1


@dataclasses.dataclass(frozen=True)
class Streak:
    """A satellite trail across the focal plane.

    Parameters
    ----------
    u
        Focal-plane column of one of its points, pixels.
    v
        Focal-plane row of that point, pixels.
    angle
        Direction, radians.
    brightness
        Peak surface brightness in units of the noise of one pixel.
    width
        Width (FWHM), pixels.
    tumble
        Depth of its brightness modulation, between 0 and 1.
    period
        Period of that modulation, pixels.
    length
        Half length, pixels.
    """

    u: float
    v: float
    angle: float
    brightness: float
    width: float
    tumble: float
    period: float
    length: float


@dataclasses.dataclass(frozen=True)
class Glint:
    """One flash of a tumbling object.

    Parameters
    ----------
    u
        Focal-plane column, pixels.
    v
        Focal-plane row, pixels.
    snr
        Signal-to-noise ratio of its PSF flux.
    sharpness
        Factor on the PSF width; a flash is too short to be blurred like a star.
    """

    u: float
    v: float
    snr: float
    sharpness: float


def draw_streaks(config: SurveyConfig, visit: Visit) -> tuple[Streak, ...]:
    """Draw the satellite trails of a visit.

    Parameters
    ----------
    config
        Survey.
    visit
        Visit.

    Returns
    -------
    streaks : `tuple` [`Streak`]
        Trails; about a third of them begin or end inside the field.
    """
    rng = generator("streaks", config.seed, visit.index)
    half = config.half_width
    streaks = []
    for _ in range(rng.poisson(config.artifacts.trails)):
        is_short = rng.random() < 0.35
        u, v = rng.uniform(-half, half, 2)
        streaks.append(
            Streak(
                u=float(u),
                v=float(v),
                angle=float(rng.uniform(0.0, np.pi)),
                brightness=float(np.exp(rng.uniform(np.log(0.7), np.log(12.0)))),
                width=float(visit.seeing * rng.uniform(1.0, 1.6)),
                tumble=float(rng.uniform(0.5, 1.0) if rng.random() < 0.4 else 0.0),
                period=float(rng.uniform(30.0, 150.0)),
                length=float(rng.uniform(15.0, 120.0) if is_short else 10.0 * half),
            )
        )
    return tuple(streaks)


def draw_glints(config: SurveyConfig, visit: Visit) -> tuple[Glint, ...]:
    """Draw the glints of a visit: rows of flashes of one tumbling object.

    Parameters
    ----------
    config
        Survey.
    visit
        Visit.

    Returns
    -------
    glints : `tuple` [`Glint`]
        Flashes.
    """
    rng = generator("glints", config.seed, visit.index)
    glints: list[Glint] = []
    for _ in range(rng.poisson(config.artifacts.glints)):
        u, v = rng.uniform(-config.half_width, config.half_width, 2)
        angle, spacing = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(12.0, 70.0)
        brightness = np.exp(rng.uniform(np.log(6.0), np.log(60.0)))
        glints += [
            Glint(
                u=float(u + step * spacing * np.cos(angle)),
                v=float(v + step * spacing * np.sin(angle)),
                snr=float(brightness * rng.uniform(0.4, 1.6)),
                sharpness=float(rng.uniform(0.75, 1.0)),
            )
            for step in range(int(rng.integers(2, 9)))
        ]
    return tuple(glints)


def _pixel_grid(config: SurveyConfig) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a detector, ready to broadcast."""
    axis = np.arange(config.size, dtype=float)
    return axis[:, None], axis[None, :]


def streak_light(config: SurveyConfig, detector: int, streak: Streak) -> np.ndarray:
    """Return the light of a trail on a detector.

    Parameters
    ----------
    config
        Survey.
    detector
        Detector number.
    streak
        Trail.

    Returns
    -------
    light : `numpy.ndarray`
        Surface brightness in units of the noise of one pixel, shape (H, W).
    """
    y, x = _pixel_grid(config)
    u0, v0 = detector_origin(config, detector)
    du, dv = x + u0 - streak.u, y + v0 - streak.v
    along = du * np.cos(streak.angle) + dv * np.sin(streak.angle)
    across = -du * np.sin(streak.angle) + dv * np.cos(streak.angle)
    sigma = streak.width / 2.355
    modulation = 1.0 - 0.5 * streak.tumble * (1.0 + np.cos(2.0 * np.pi * along / streak.period))
    ends = scipy.special.expit(streak.length - np.abs(along))
    return np.asarray(streak.brightness * modulation * ends * np.exp(-0.5 * (across / sigma) ** 2))


def halo_and_spikes(
    config: SurveyConfig, x: float, y: float, flux: float, *, floor: float
) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Return the extended light around a bright star.

    Parameters
    ----------
    config
        Survey.
    x
        Column of the star.
    y
        Row of the star.
    flux
        Flux of the star.
    floor
        Light per pixel that need not be drawn, in the unit of ``flux``.

    Returns
    -------
    light : `numpy.ndarray`
        Light in the unit of ``flux``.
    where : `tuple` [`slice`, `slice`]
        Rows and columns of the detector that it falls on.
    """
    # A power law of index −2.5 outside its core, normalised within its edge.
    total = 4.0 * np.pi * _HALO_CORE**2 * (1.0 - (1.0 + (_HALO_EDGE / _HALO_CORE) ** 2) ** -0.25)
    halo = config.optics.halo_fraction * flux / total
    spike = config.optics.spike_fraction * flux / (4.0 * _SPIKE_LENGTH * _SPIKE_WIDTH * np.sqrt(2.0 * np.pi))
    reach = max(
        _HALO_CORE * max(halo / floor, 1.0) ** 0.4,
        _SPIKE_LENGTH * np.log(max(spike / floor, 1.0)),
    )
    half = int(np.clip(np.ceil(reach), 4, 2 * _HALO_EDGE))
    rows, columns = (
        slice(max(0, round(p) - half), max(0, min(config.size, round(p) + half + 1))) for p in (y, x)
    )
    dy = np.arange(rows.start, rows.stop, dtype=float)[:, None] - y
    dx = np.arange(columns.start, columns.stop, dtype=float)[None, :] - x
    r2 = dx**2 + dy**2
    light = halo * (1.0 + r2 / _HALO_CORE**2) ** -1.25 * np.exp(-((r2 / (2.0 * _HALO_EDGE) ** 2) ** 2))
    for along, across in ((dx + dy, dx - dy), (dx - dy, dx + dy)):
        fall = np.abs(along) / (np.sqrt(2.0) * _SPIKE_LENGTH)
        light = light + spike * np.exp(-fall - (across / _SPIKE_WIDTH) ** 2 / 4.0)
    return light, (rows, columns)


def ghosts(config: SurveyConfig, detector: int, x: np.ndarray, y: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """Return the out-of-focus reflections of bright stars.

    Parameters
    ----------
    config
        Survey.
    detector
        Detector number.
    x
        Columns of the stars, on this detector's grid but anywhere in the field.
    y
        Rows of the stars.
    flux
        Fluxes of the stars.

    Returns
    -------
    light : `numpy.ndarray`
        Light in the unit of ``flux``, shape (H, W): rings opposite the stars.
    """
    rows, columns = _pixel_grid(config)
    u0, v0 = detector_origin(config, detector)
    outer, inner = 48.0, 16.0
    light = np.zeros((config.size, config.size))
    for star_x, star_y, star_flux in zip(x, y, flux, strict=True):
        centre_x, centre_y = -0.9 * (star_x + u0) - u0, -0.9 * (star_y + v0) - v0
        r = np.hypot(rows - centre_y, columns - centre_x)
        # Soft edges, as the pupil image is blurred by the seeing.
        ring = 1.0 / (1.0 + np.exp((r - outer).clip(-50, 50))) - 1.0 / (
            1.0 + np.exp((r - inner).clip(-50, 50))
        )
        light += star_flux * config.optics.ghost_fraction * ring / (np.pi * (outer**2 - inner**2))
    return light
