# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering of one detector of one visit."""

from __future__ import annotations

__all__ = ("Rendered", "Survey", "plan_survey", "render")

import dataclasses
import functools
import math

import galsim
import numpy as np
import scipy.ndimage

from ...seeds import generator
from .artifacts import bleed, cosmic_rays, crosstalk, detector_defects, interpolate
from .bands import BANDS, flux_of
from .config import SurveyConfig
from .optics import PsfField, effective_pixels, psf_field, refraction, true_astrometry
from .scattered import draw_glints, draw_streaks, ghosts, halo_and_spikes, streak_light
from .schedule import Visit, detector_origin, detector_wcs, plan_visits
from .sky import Galaxies, Stars, draw_galaxies, draw_stars, offset_position
from .transients import Changing, draw_changing

_YEAR = 365.25
_MARGIN = 80.0
_ZONES = 2


@dataclasses.dataclass(frozen=True)
class Survey:
    """Everything about a survey that is decided before a pixel is drawn.

    Parameters
    ----------
    config
        Settings.
    visits
        Visits in time order.
    stars
        Constant stars; those that vary are in ``changing`` instead.
    galaxies
        Galaxies.
    changing
        Sources that change.
    """

    config: SurveyConfig
    visits: tuple[Visit, ...]
    stars: Stars
    galaxies: Galaxies
    changing: Changing


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


@functools.lru_cache(maxsize=2)
def plan_survey(config: SurveyConfig) -> Survey:
    """Draw visits and sky of a survey.

    Parameters
    ----------
    config
        Settings.

    Returns
    -------
    survey : `Survey`
        The same for the same settings in every process.
    """
    visits = plan_visits(config)
    stars, galaxies = draw_stars(config), draw_galaxies(config)
    changing = draw_changing(config, visits, stars, galaxies)
    constant = ~np.isin(stars.star_id, changing.star_id)
    stars = Stars(**{f.name: getattr(stars, f.name)[constant] for f in dataclasses.fields(Stars)})
    return Survey(config=config, visits=visits, stars=stars, galaxies=galaxies, changing=changing)


class _Scene:
    """The light that falls on one detector, in electrons.

    Parameters
    ----------
    survey
        Survey.
    visit
        Visit.
    detector
        Detector number.
    """

    def __init__(self, survey: Survey, visit: Visit, detector: int) -> None:
        config = survey.config
        self.config, self.visit, self.detector = config, visit, detector
        self.wcs = detector_wcs(config, visit, detector)
        self.astrometry = true_astrometry(config, visit, detector)
        self.psf: PsfField = psf_field(config, visit, detector)
        band = BANDS[visit.band]
        self.gain = band.electrons_per_njy(config.exposure_time) * visit.transparency
        area = config.pixel_scale**2
        self.sky = float(flux_of(visit.sky)) * area * band.electrons_per_njy(config.exposure_time)
        self.noise = math.hypot(math.sqrt(self.sky), config.artifacts.read_noise)
        self.flux_sigma = self.noise * math.sqrt(effective_pixels(visit.seeing, visit.beta)) / self.gain
        self.canvas = galsim.ImageD(config.size, config.size, xmin=0, ymin=0, scale=1.0)

    def locate(self, ra: np.ndarray, dec: np.ndarray, colour: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where light of some positions and colours truly falls."""
        x, y = self.wcs.all_world2pix(ra, dec, 0)
        shift = self.astrometry.displacement(x, y) + refraction(self.config, self.visit, colour)
        return x + shift[0], y + shift[1]

    def near(self, x: np.ndarray, y: np.ndarray, margin: float = _MARGIN) -> np.ndarray:
        """Return which positions are on the detector or within a margin of it."""
        high = self.config.size - 0.5 + margin
        low = -0.5 - margin
        return np.asarray((x > low) & (x < high) & (y > low) & (y < high))

    def add(self, profile: galsim.GSObject, x: float, y: float, half: int) -> None:
        """Add a profile (pixel response included) within a square stamp."""
        bounds = galsim.BoundsI(round(x) - half, round(x) + half, round(y) - half, round(y) + half)
        bounds &= self.canvas.bounds
        if bounds.isDefined():
            stamp = self.canvas[bounds]
            profile.drawImage(stamp, method="no_pixel", center=galsim.PositionD(x, y), add_to_image=True)

    def add_stamp(self, stamp: galsim.Image, column: int, row: int) -> None:
        """Add a drawn stamp whose centre is the origin."""
        stamp.shift(column, row)
        bounds = stamp.bounds & self.canvas.bounds
        if bounds.isDefined():
            self.canvas[bounds] += stamp[bounds]

    def add_point(self, x: float, y: float, electrons: float, *, broadening: float = 1.0) -> None:
        """Add a point source; bright ones are broader and get haloes and spikes."""
        peak = 0.7 * electrons / self.visit.seeing**2
        full_well = self.config.artifacts.full_well
        broadening *= 1.0 + self.config.optics.brighter_fatter * min(peak / full_well, 1.0)
        # The Moffat wings fall as r**(−2 beta); stop where they drop below a
        # twentieth of the noise.
        reach = (20.0 * max(peak, self.noise) / self.noise) ** (0.5 / self.visit.beta)
        half = int(np.clip(math.ceil(0.75 * self.visit.seeing * reach), 6, 200))
        self.add(self.psf.at(x, y, broadening=broadening).withFlux(electrons), x, y, half)
        if peak > 0.15 * full_well:
            self.canvas.array[...] += halo_and_spikes(self.config, x, y, electrons)


class _ZonePsf:
    """Fourier transforms of the PSF at the centre of each zone of a detector.

    Parameters
    ----------
    scene
        Detector that is drawn.
    """

    def __init__(self, scene: _Scene) -> None:
        self._scene = scene
        self._transforms: dict[tuple[int, int, int], np.ndarray] = {}

    def transform(self, x: float, y: float, size: int) -> np.ndarray:
        """Return the transform at the frequencies of a stamp of some size."""
        zone = self._scene.config.size / _ZONES
        column, row = (int(np.clip(p // zone, 0, _ZONES - 1)) for p in (x, y))
        key = (column, row, size)
        if key not in self._transforms:
            psf = self._scene.psf.at((column + 0.5) * zone, (row + 0.5) * zone)
            self._transforms[key] = _transform(psf, size).array.copy()
        return self._transforms[key]


def _transform(profile: galsim.GSObject, size: int) -> galsim.Image:
    """Return the Fourier transform of a profile, up to the Nyquist frequency."""
    bounds = galsim.BoundsI(0, size // 2, -size // 2, size // 2)
    image = galsim.ImageCD(bounds=bounds, scale=2.0 * np.pi / size)
    profile._drawKImage(image)
    return image


def _add_galaxies(scene: _Scene, galaxies: Galaxies) -> None:
    """Add all galaxies, each with the PSF of its zone of the detector."""
    x, y = scene.locate(galaxies.ra, galaxies.dec, galaxies.colour)
    inverse = np.linalg.inv(scene.wcs.wcs.cd)
    along = inverse @ np.array([np.sin(galaxies.position_angle), np.cos(galaxies.position_angle)])
    direction = np.arctan2(along[1], along[0])
    electrons = flux_of(galaxies.mag + galaxies.colour * BANDS[scene.visit.band].colour_term) * scene.gain
    psf = _ZonePsf(scene)
    for i in np.flatnonzero(scene.near(x, y, 40.0)):
        radius = galaxies.half_light_radius[i] / scene.config.pixel_scale
        n = float(galaxies.sersic[i])
        half = 2.0 * scene.visit.seeing + radius * (5.0 if n < 1.5 else 8.0)
        size = int(np.clip(2 ** math.ceil(math.log2(2.0 * half)), 32, 256))
        column, row = round(x[i]), round(y[i])
        profile = (
            galsim.Sersic(n, half_light_radius=radius, flux=electrons[i])
            .shear(q=galaxies.axis_ratio[i], beta=direction[i] * galsim.radians)
            .shift(x[i] - column, y[i] - row)
        )
        spectrum = _transform(profile, size)
        spectrum.array[...] *= psf.transform(x[i], y[i], size)
        scene.add_stamp(spectrum.calculate_inverse_fft(), column, row)


def _add_stars(scene: _Scene, stars: Stars) -> None:
    """Add all constant stars, with their proper motion, and the ghosts of bright ones."""
    years = (scene.visit.mjd_mid - scene.config.first_mjd) / _YEAR
    ra, dec = offset_position(stars.ra, stars.dec, stars.motion_ra * years, stars.motion_dec * years)
    x, y = scene.locate(ra, dec, stars.colour)
    electrons = flux_of(stars.mag + stars.colour * BANDS[scene.visit.band].colour_term) * scene.gain
    for i in np.flatnonzero(scene.near(x, y)):
        scene.add_point(x[i], y[i], electrons[i])
    u0, v0 = detector_origin(scene.config, scene.detector)
    bright = (electrons > 20.0 * scene.config.artifacts.full_well) & (
        np.maximum(np.abs(x + u0), np.abs(y + v0)) < scene.config.half_width + _MARGIN
    )
    scene.canvas.array[...] += ghosts(scene.config, scene.detector, x[bright], y[bright], electrons[bright])


def _add_changing(scene: _Scene, changing: Changing) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add all changing sources; return rows and true positions of those on the detector."""
    index = scene.visit.index
    ra, dec = changing.ra[:, index], changing.dec[:, index]
    x, y = scene.locate(ra, dec, changing.colour)
    electrons = changing.flux[:, index] * scene.gain
    inverse = np.linalg.inv(scene.wcs.wcs.cd) / 3600.0
    trail = inverse @ np.array([changing.trail_ra, changing.trail_dec])
    for i in np.flatnonzero(scene.near(x, y) & (electrons > 0.0)):
        steps = 1 + int(np.hypot(*trail[:, i]) > 0.3) * 4
        for offset in np.linspace(-0.5, 0.5, steps) if steps > 1 else (0.0,):
            scene.add_point(x[i] + offset * trail[0, i], y[i] + offset * trail[1, i], electrons[i] / steps)
    is_here = scene.near(x, y, 0.0) & ((electrons > 0.0) | (changing.kind != "moving"))
    rows = np.flatnonzero(is_here)
    return rows, x[rows], y[rows]


def _add_orbiting(scene: _Scene) -> None:
    """Add satellite trails and glints."""
    config, visit = scene.config, scene.visit
    for streak in draw_streaks(config, visit):
        scene.canvas.array[...] += scene.noise * streak_light(config, scene.detector, streak)
    u0, v0 = detector_origin(config, scene.detector)
    for glint in draw_glints(config, visit):
        x, y = glint.u - u0, glint.v - v0
        if scene.near(np.float64(x), np.float64(y), 20.0):
            electrons = glint.snr * scene.flux_sigma * scene.gain
            scene.add_point(x, y, electrons, broadening=glint.sharpness)


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
    scene = _Scene(survey, visit, detector)
    _add_galaxies(scene, survey.galaxies)
    _add_stars(scene, survey.stars)
    rows, x, y = _add_changing(scene, survey.changing)
    _add_orbiting(scene)

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
