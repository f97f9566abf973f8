# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import galsim
import numpy as np
import pytest

from lsst.transient.bogus.standalone.simulate.config import SurveyConfig
from lsst.transient.bogus.standalone.simulate.optics import (
    effective_pixels,
    psf_field,
    refraction,
    true_astrometry,
)
from lsst.transient.bogus.standalone.simulate.schedule import detector_origin, plan_visits

CONFIG = SurveyConfig(visits_per_band=30, n_detectors=4, size=512)
VISITS = plan_visits(CONFIG)


def test_astrometric_errors_have_the_asked_rms() -> None:
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(0, 511, 12), np.linspace(0, 511, 12)))
    shifts, smooth = [], []
    for visit in VISITS:
        field = np.concatenate(
            [true_astrometry(CONFIG, visit, d).displacement(x, y) for d in range(4)], axis=1
        )
        shifts.append(field.mean(axis=1))
        smooth.append(field - field.mean(axis=1, keepdims=True))
    settings = CONFIG.calibration
    assert np.std(shifts) == pytest.approx(settings.astrometry_shift, rel=0.25)
    expected = np.hypot(settings.astrometry_smooth, settings.astrometry_turbulence)
    assert np.std(smooth) == pytest.approx(expected, rel=0.2)
    total = float(np.hypot(np.std(shifts), np.std(smooth)))
    assert 0.05 < total < 0.1


@pytest.mark.parametrize("quantity", [true_astrometry, psf_field])
def test_fields_are_continuous_across_detectors(quantity) -> None:
    visit = VISITS[0]
    left, right = quantity(CONFIG, visit, 0), quantity(CONFIG, visit, 1)
    x0 = np.array([600.0])
    x1 = x0 + detector_origin(CONFIG, 0)[0] - detector_origin(CONFIG, 1)[0]
    evaluate = "displacement" if quantity is true_astrometry else "parameters"
    y = np.array([100.0])
    np.testing.assert_allclose(getattr(left, evaluate)(x0, y), getattr(right, evaluate)(x1, y))


def test_psf_varies_over_field_and_visit() -> None:
    fwhm = np.array(
        [psf_field(CONFIG, v, 0).parameters(np.array([0.0, 511.0]), np.zeros(2))[0] for v in VISITS]
    )
    assert (np.abs(fwhm[:, 0] / fwhm[:, 1] - 1.0) > 1e-3).mean() > 0.5
    assert np.log(fwhm[:, 0]).std() > 0.1


def test_psf_has_the_asked_width_and_unit_flux() -> None:
    visit = dataclasses.replace(VISITS[0], seeing=4.0, beta=3.0)
    config = dataclasses.replace(
        CONFIG, optics=dataclasses.replace(CONFIG.optics, ellipticity=0.0, field_variation=0.0)
    )
    psf = psf_field(config, visit, 0).at(100.0, 200.0)
    image = psf.drawImage(nx=201, ny=201, scale=1.0, method="no_pixel").array
    assert image.sum() == pytest.approx(1.0, abs=1e-3)
    # The width where the profile falls to half, on a fine grid.
    fine = psf.drawImage(nx=201, ny=1, scale=0.05, method="no_pixel").array[0]
    assert np.sum(fine > 0.5 * fine.max()) * 0.05 == pytest.approx(4.0, abs=0.1)
    assert effective_pixels(4.0, 3.0) == pytest.approx(1.0 / np.sum(image**2), rel=0.01)


def test_broadening_scales_the_width() -> None:
    field = psf_field(CONFIG, VISITS[0], 0)
    plain, broad = field.at(5.0, 6.0), field.at(5.0, 6.0, broadening=1.1)
    assert isinstance(broad, galsim.GSObject)
    assert broad.calculateFWHM() == pytest.approx(1.1 * plain.calculateFWHM(), rel=0.01)


def test_refraction_moves_blue_light_to_the_zenith() -> None:
    visit = dataclasses.replace(VISITS[0], band="g", zenith_angle=45.0, zenith_direction=0.0)
    shift = refraction(CONFIG, visit, np.array([0.2, 2.2]))
    # 0.06 arcsec per magnitude at 45 degrees, 0.2 arcsec a pixel, two magnitudes.
    assert shift[0, 0] - shift[0, 1] == pytest.approx(2.0 * 0.06 / 0.2)
    np.testing.assert_allclose(shift[1], 0.0)
    red = refraction(CONFIG, dataclasses.replace(visit, band="r"), np.array([0.2, 2.2]))
    assert np.ptp(red) < 0.5 * np.ptp(shift[0])
