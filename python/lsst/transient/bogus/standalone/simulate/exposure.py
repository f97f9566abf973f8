# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering of one detector of one visit."""

from __future__ import annotations

__all__ = ("Rendered", "render")

import dataclasses

import numpy as np
import scipy.ndimage

from ...seeds import generator
from .artifacts import bleed, cosmic_rays, crosstalk, detector_defects, interpolate
from .config import SurveyConfig
from .plan import Survey
from .scene import Scene, add_changing, add_galaxies, add_orbiting, add_stars
from .schedule import Visit


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A calibrated image of one detector, with the truth about what changes on it.

    Parameters
    ----------
    image
        Pixels, nJy, shape (H, W).
    variance
        Variance, nJy², shape (H, W).
    mask_bits
        Boolean planes, shape (H, W), by mask plane name.
    truth
        Row of each changing source of the survey that is on the detector.
    x
        Its true column.
    y
        Its true row.
    flux_sigma
        Standard error of a PSF flux, nJy.
    """

    image: np.ndarray
    variance: np.ndarray
    mask_bits: dict[str, np.ndarray]
    truth: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux_sigma: float


def _smooth_field(rng: np.random.Generator, config: SurveyConfig) -> np.ndarray:
    """Draw a smooth field of unit rms on scales of 100 pixels and more."""
    axis = np.arange(config.size, dtype=float)
    field = np.zeros((config.size, config.size))
    n_waves = 8
    for _ in range(n_waves):
        length, angle = rng.uniform(120.0, 700.0), rng.uniform(0.0, 2.0 * np.pi)
        kx, ky = 2.0 * np.pi / length * np.cos(angle), 2.0 * np.pi / length * np.sin(angle)
        field += np.cos(kx * axis[None, :] + ky * axis[:, None] + rng.uniform(0.0, 2.0 * np.pi))
    return field * np.sqrt(2.0 / n_waves)


def render(survey: Survey, visit: Visit, detector: int) -> Rendered:
    """Render and calibrate one detector of one visit.

    Parameters
    ----------
    survey
        Survey.
    visit
        One of its visits.
    detector
        Detector number.

    Returns
    -------
    rendered : `Rendered`
        Image, variance, mask and truth.

    Notes
    -----
    Depends on the survey's settings, the visit and the detector alone, so that
    detectors may be rendered in any order and in any process.
    """
    config, settings = survey.config, survey.config.artifacts
    scene = Scene(config, visit, detector)
    add_galaxies(scene, survey.galaxies)
    add_stars(scene, survey.stars)
    rows, x, y = add_changing(scene, survey.changing)
    add_orbiting(scene)

    rng = generator("pixels", config.seed, visit.index, detector)
    residual = config.calibration.sky * scene.noise * _smooth_field(rng, config)
    mean = np.maximum(scene.canvas.array + scene.sky + residual, 0.0)
    electrons = rng.poisson(mean) + rng.normal(0.0, settings.read_noise, mean.shape)
    defects = detector_defects(config, detector)
    rays, ray_mask = cosmic_rays(config, rng, noise=scene.noise)
    electrons += defects.draw(rng) + rays
    electrons, saturated = bleed(electrons, settings.full_well)
    electrons += crosstalk(electrons, settings.crosstalk, settings.full_well)

    calibration = (
        1.0 + visit.zero_point_error + 0.5 * config.calibration.flat * _smooth_field(rng, config)
    ) / scene.gain
    replaced = (defects.masked | ray_mask) & ~saturated
    pixels = interpolate(electrons - scene.sky, replaced)
    variance = np.maximum(pixels + scene.sky, 0.0) + settings.read_noise**2
    grown = scipy.ndimage.binary_dilation(saturated, iterations=1)
    return Rendered(
        image=(pixels * calibration).astype(np.float32),
        variance=(variance * calibration**2).astype(np.float32),
        mask_bits={
            "BAD": defects.masked,
            "COSMIC_RAY": ray_mask,
            "INTERPOLATED": replaced,
            "SATURATED": grown,
            "SUSPECT": scipy.ndimage.binary_dilation(grown, iterations=2) & ~grown,
        },
        truth=rows,
        x=x,
        y=y,
        flux_sigma=scene.flux_sigma,
    )
