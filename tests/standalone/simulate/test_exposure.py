# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from astropy.wcs import WCS

from lsst.transient.bogus.standalone.frames.parallel import in_order
from lsst.transient.bogus.standalone.simulate import (
    Rendered,
    Survey,
    SurveyConfig,
    detector_wcs,
    load_config,
    plan_survey,
    render,
)
from lsst.transient.bogus.standalone.simulate.bands import BANDS, flux_of

CLEAN = {
    "n_detectors": 1,
    "size": 512,
    "bands": ["r"],
    "visits_per_band": 3,
    "sky": {"galaxy_density": 0.0, "star_density": 4.0, "star_bright": 18.5, "star_faint": 21.0},
    "transients": {"supernova_density": 0.0, "nucleus_density": 0.0, "variable_star_fraction": 0.0},
    "artifacts": {
        "cosmic_rays": 0,
        "hot_pixels": 0,
        "bad_columns": 0,
        "warm_columns": 0,
        "trails": 0,
        "glints": 0,
    },
}
PERFECT = {
    "astrometry_shift": 0.0,
    "astrometry_smooth": 0.0,
    "astrometry_turbulence": 0.0,
    "zero_point": 0.0,
    "flat": 0.0,
    "sky": 0.0,
}


def aperture(image: np.ndarray, x: float, y: float, radius: float) -> float:
    rows, columns = np.indices(image.shape)
    return float(image[np.hypot(rows - y, columns - x) < radius].sum())


def isolated(survey: Survey, wcs: WCS) -> list[int]:
    """Return bright stars with no other star within 40 pixels and well inside the detector."""
    x, y = wcs.all_world2pix(survey.stars.ra, survey.stars.dec, 0)
    separation = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(len(x))
    inside = (x > 40) & (x < survey.config.size - 40) & (y > 40) & (y < survey.config.size - 40)
    return list(np.flatnonzero(inside & (separation.min(axis=1) > 45.0) & (survey.stars.mag < 20.5)))


@functools.cache
def rendered(seed: int, index: int, zero_point: float = 0.0) -> tuple[Survey, Rendered]:
    overrides = {**CLEAN, "seed": seed, "calibration": {**PERFECT, "zero_point": zero_point}}
    overrides["transients"] = {**CLEAN["transients"], "moving_per_night": 0.0}
    overrides["optics"] = {"dcr": 0.0, "brighter_fatter": 0.0, "halo_fraction": 0.0, "spike_fraction": 0.0}
    survey = plan_survey(load_config(overrides=overrides))
    return survey, render(survey, survey.visits[index], 0)


def test_fluxes_are_calibrated() -> None:
    ratios, errors = [], []
    for seed in range(4):
        survey, image = rendered(seed, 0)
        visit = survey.visits[0]
        wcs = detector_wcs(survey.config, visit, 0)
        x, y = wcs.all_world2pix(survey.stars.ra, survey.stars.dec, 0)
        for i in isolated(survey, wcs):
            flux = flux_of(survey.stars.mag[i] + survey.stars.colour[i] * BANDS["r"].colour_term)
            # The part of a Moffat profile within a circular aperture.
            alpha = visit.seeing / (2.0 * np.sqrt(2.0 ** (1.0 / visit.beta) - 1.0))
            inside = 1.0 - (1.0 + (20.0 / alpha) ** 2) ** (1.0 - visit.beta)
            ratios.append(aperture(image.image, x[i], y[i], 20.0) / (flux * inside))
            errors.append(np.sqrt(aperture(image.variance, x[i], y[i], 20.0)) / flux)
    assert len(ratios) > 5
    weight = 1.0 / np.square(errors)
    mean = np.average(ratios, weights=weight)
    assert mean == pytest.approx(1.0, abs=max(0.005, 4.0 / np.sqrt(weight.sum())))


def test_variance_is_that_of_the_pixels() -> None:
    survey, image = rendered(0, 1)
    sky = np.abs(image.image) < 4.0 * np.sqrt(image.variance)
    assert np.std(image.image[sky] / np.sqrt(image.variance[sky])) == pytest.approx(1.0, abs=0.03)
    assert abs(np.median(image.image)) < 0.1 * np.sqrt(np.median(image.variance))
    assert survey.visits[1].sky > 15.0


def test_zero_point_error_scales_the_image() -> None:
    survey, right = rendered(0, 0)
    wrong_survey, wrong = rendered(0, 0, 0.05)
    error = wrong_survey.visits[0].zero_point_error
    assert survey.visits[0].zero_point_error == 0.0
    assert error != 0.0
    np.testing.assert_allclose(wrong.image, right.image * (1.0 + error), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(wrong.variance, right.variance * (1.0 + error) ** 2, rtol=1e-4)


def test_truth_is_where_the_pixels_are() -> None:
    """A supernova appears between two renderings that differ in nothing else."""
    survey = plan_survey(load_config(preset="small", overrides={"seed": 3}))
    found = 0
    for visit in survey.visits:
        with_all = render(survey, visit, 0)
        changing = survey.changing
        gone = dataclasses.replace(changing, flux=np.zeros_like(changing.flux))
        without = render(dataclasses.replace(survey, changing=gone), visit, 0)
        difference = (with_all.image - without.image).astype(float)
        for row, x, y in zip(with_all.truth, with_all.x, with_all.y, strict=True):
            flux = changing.flux[row, visit.index]
            if changing.kind[row] == "moving" or not (12 < x < 243 and 12 < y < 243):
                continue
            if flux < 30.0 * with_all.flux_sigma or flux > 1e5:
                continue
            rows, columns = np.indices(difference.shape)
            near = np.hypot(rows - y, columns - x) < 6.0
            assert difference[near].sum() == pytest.approx(0.85 * flux, rel=0.3)
            centre = (difference * columns)[near].sum() / difference[near].sum()
            assert centre == pytest.approx(x, abs=0.4)
            found += 1
    assert found > 0


def test_attached_wcs_differs_from_the_truth_by_the_calibration_error(small_survey: Survey) -> None:
    offsets = []
    for visit in small_survey.visits:
        image = render(small_survey, visit, 0)
        changing = small_survey.changing
        wcs = detector_wcs(small_survey.config, visit, 0)
        x, y = wcs.all_world2pix(
            changing.ra[image.truth, visit.index], changing.dec[image.truth, visit.index], 0
        )
        offsets += [*(image.x - x), *(image.y - y)]
    assert 0.02 < np.std(offsets) < 0.3


def test_masks(small_survey: Survey) -> None:
    image = render(small_survey, small_survey.visits[0], 1)
    bits = image.mask_bits
    assert bits["BAD"].sum() >= 2 * 256
    assert bits["COSMIC_RAY"].any()
    assert not (bits["INTERPOLATED"] & ~(bits["BAD"] | bits["COSMIC_RAY"])).any()
    assert not (bits["SATURATED"] & bits["SUSPECT"]).any()
    assert np.isfinite(image.image).all()
    assert (image.variance > 0.0).all()


def _render(config: SurveyConfig, job: tuple[int, int]) -> np.ndarray:
    survey = plan_survey(config)
    return render(survey, survey.visits[job[0]], job[1]).image


def test_same_pixels_in_any_order_and_any_process(small_config: SurveyConfig) -> None:
    jobs = [(0, 0), (1, 1)]
    here = [_render(small_config, job) for job in reversed(jobs)][::-1]
    elsewhere = list(in_order(functools.partial(_render, small_config), jobs, workers=2))
    for one, other in zip(here, elsewhere, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(here[0], here[1])
