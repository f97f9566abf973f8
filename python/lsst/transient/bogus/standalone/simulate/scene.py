# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The light that falls on one detector of one visit."""

from __future__ import annotations

__all__ = ("Scene", "add_changing", "add_galaxies", "add_orbiting", "add_stars")

import math

import galsim
import numpy as np

from .bands import BANDS, flux_of
from .changing import Changing
from .config import SurveyConfig
from .optics import PsfField, effective_pixels, psf_field, refraction, true_astrometry
from .scattered import draw_glints, draw_streaks, ghosts, halo_and_spikes, streak_light
from .schedule import Visit, detector_origin, detector_wcs
from .sky import Galaxies, Stars, offset_position

_YEAR = 365.25
_MARGIN = 80.0
_ZONES = 2


class Scene:
    """The light that falls on one detector, in electrons.

    Parameters
    ----------
    config
        Survey.
    visit
        Visit.
    detector
        Detector number.
    """

    def __init__(self, config: SurveyConfig, visit: Visit, detector: int) -> None:
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
            floor = 0.02 * self.noise
            light, where = halo_and_spikes(self.config, x, y, electrons, floor=floor)
            self.canvas.array[where] += light


class _ZonePsf:
    """Fourier transforms of the PSF at the centre of each zone of a detector.

    Parameters
    ----------
    scene
        Detector that is drawn.
    """

    def __init__(self, scene: Scene) -> None:
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


def add_galaxies(scene: Scene, galaxies: Galaxies) -> None:
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


def add_stars(scene: Scene, stars: Stars) -> None:
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


def add_changing(scene: Scene, changing: Changing) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def add_orbiting(scene: Scene) -> None:
    """Add satellite trails and glints."""
    config, visit = scene.config, scene.visit
    for streak in draw_streaks(config, visit):
        scene.canvas.array[...] += scene.noise * streak_light(config, scene.detector, streak)
    u0, v0 = detector_origin(config, scene.detector)
    for glint in draw_glints(config, visit):
        x, y = glint.u - u0, glint.v - v0
        if scene.near(np.asarray(x), np.asarray(y), 20.0):
            electrons = glint.snr * scene.flux_sigma * scene.gain
            scene.add_point(x, y, electrons, broadening=glint.sharpness)
