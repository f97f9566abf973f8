# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import math

import galsim
import numpy as np
import pytest

from lsst.transient.bogus.standalone.simulate.bands import BANDS, flux_of
from lsst.transient.bogus.standalone.simulate.config import SurveyConfig
from lsst.transient.bogus.standalone.simulate.scene import Scene, add_galaxies, add_orbiting
from lsst.transient.bogus.standalone.simulate.schedule import plan_visits
from lsst.transient.bogus.standalone.simulate.settings import (
    ArtifactConfig,
    CalibrationConfig,
    OpticsConfig,
)
from lsst.transient.bogus.standalone.simulate.sky import Galaxies

PERFECT = SurveyConfig(
    n_detectors=1,
    size=200,
    optics=OpticsConfig(ellipticity=0.0, field_variation=0.0, dcr=0.0),
    calibration=CalibrationConfig(
        astrometry_shift=0.0, astrometry_smooth=0.0, astrometry_turbulence=0.0, transparency=0.0
    ),
)


@pytest.fixture
def scene() -> Scene:
    return Scene(PERFECT, plan_visits(PERFECT)[1], 0)


def galaxy(scene: Scene, x: float, y: float, **changes) -> Galaxies:
    ra, dec = scene.wcs.all_pix2world(x, y, 0)
    columns = {
        "galaxy_id": 1,
        "ra": float(ra),
        "dec": float(dec),
        "mag": 20.0,
        "colour": 1.2,
        "sersic": 1.0,
        "half_light_radius": 0.6,
        "axis_ratio": 0.5,
        "position_angle": 0.4,
        **changes,
    }
    return Galaxies(**{name: np.array([value]) for name, value in columns.items()})


def electrons_of(scene: Scene, galaxies: Galaxies) -> float:
    mag = galaxies.mag[0] + galaxies.colour[0] * BANDS[scene.visit.band].colour_term
    return float(flux_of(mag) * scene.gain)


@pytest.mark.parametrize("sersic", [1.0, 2.0, 3.5])
def test_galaxies_are_what_galsim_draws_directly(scene: Scene, sersic: float) -> None:
    x, y = 80.3, 120.8
    galaxies = galaxy(scene, x, y, sersic=sersic)
    add_galaxies(scene, galaxies)
    # The major axis in pixels, from two positions on the sky.
    step = 1.0 / 3600.0
    east, north = math.sin(0.4) * step / math.cos(math.radians(galaxies.dec[0])), math.cos(0.4) * step
    x1, y1 = scene.wcs.all_world2pix(galaxies.ra[0] + east, galaxies.dec[0] + north, 0)
    profile = galsim.Sersic(sersic, half_light_radius=0.6 / PERFECT.pixel_scale).shear(
        q=0.5, beta=math.atan2(y1 - y, x1 - x) * galsim.radians
    )
    direct = galsim.ImageD(200, 200, xmin=0, ymin=0, scale=1.0)
    galsim.Convolve(profile, scene.psf.at(50.0, 150.0)).withFlux(electrons_of(scene, galaxies)).drawImage(
        direct, method="no_pixel", center=galsim.PositionD(x, y)
    )
    assert np.abs(scene.canvas.array - direct.array).max() < 0.004 * direct.array.max()
    assert scene.canvas.array.sum() == pytest.approx(electrons_of(scene, galaxies), rel=0.01)


def test_galaxy_at_the_edge_is_cut(scene: Scene) -> None:
    add_galaxies(scene, galaxy(scene, -0.5, 100.0))
    assert scene.canvas.array.sum() == pytest.approx(
        0.5 * electrons_of(scene, galaxy(scene, 0.0, 0.0)), rel=0.05
    )


def test_point_source_keeps_its_flux_and_position(scene: Scene) -> None:
    scene.add_point(60.25, 130.6, 20_000.0)
    image = scene.canvas.array
    assert image.sum() == pytest.approx(20_000.0, rel=0.03)
    y, x = np.indices(image.shape)
    assert (image * x).sum() / image.sum() == pytest.approx(60.25, abs=0.02)
    assert (image * y).sum() / image.sum() == pytest.approx(130.6, abs=0.02)


def test_bright_stars_are_broader(scene: Scene) -> None:
    def width(electrons: float) -> float:
        scene.canvas.array[...] = 0.0
        scene.add_point(100.0, 100.0, electrons)
        core = scene.canvas.array[97:104, 97:104]
        return float(core.sum() / core.max())

    assert width(1e6) > 1.002 * width(1e4)


def test_sky_and_noise_follow_the_conditions(scene: Scene) -> None:
    dark = dataclasses.replace(scene.visit, sky=scene.visit.sky + 2.5)
    assert Scene(PERFECT, dark, 0).sky == pytest.approx(0.1 * scene.sky)
    assert scene.noise**2 == pytest.approx(scene.sky + PERFECT.artifacts.read_noise**2)
    # A PSF flux of this error is what an optimal fit of the PSF to the noise gives.
    psf = scene.psf.at(100.0, 100.0).drawImage(nx=81, ny=81, scale=1.0, method="no_pixel").array
    sigma = scene.noise / np.sqrt(np.sum(psf**2)) / scene.gain
    assert scene.flux_sigma == pytest.approx(sigma, rel=0.01)


def test_glints_and_trails_are_optional() -> None:
    config = dataclasses.replace(PERFECT, artifacts=ArtifactConfig(trails=0.0, glints=0.0))
    scene = Scene(config, plan_visits(config)[0], 0)
    add_orbiting(scene)
    assert not scene.canvas.array.any()
    config = dataclasses.replace(PERFECT, artifacts=ArtifactConfig(trails=5.0, glints=5.0))
    scene = Scene(config, plan_visits(config)[0], 0)
    add_orbiting(scene)
    assert scene.canvas.array.max() > 0.5 * scene.noise
