# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the task that injects sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from lsst.images import Box, VisitImage
from lsst.images.psfs import GaussianPointSpreadFunction
from lsst.pipe.base import InvalidQuantumError
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.columns import INJECTED_CATALOG, INJECTION_CATALOG
from lsst.transient.bogus.standalone.inject import (
    InjectVisitConfig,
    InjectVisitConnections,
    InjectVisitTask,
)
from lsst.transient.bogus.standalone.injection_draw import InjectionFlag

from .conftest import X0, Y0, Field


def make_task(**settings: object) -> InjectVisitTask:
    config = InjectVisitConfig()
    config.update(**settings)
    return InjectVisitTask(config=config)


def added(result: object, image: VisitImage) -> np.ndarray:
    return result.output_exposure.image.array.astype(float) - image.image.array


@pytest.mark.parametrize(
    "psf", [{}, {"fwhm": 6.0}, {"fwhm": 1.8, "gaussian": True}], ids=["measured", "wide", "sharp"]
)
def test_flux_and_position_without_noise(
    psf: dict[str, Any], make_field: Callable[..., Field], make_injections: Callable[..., Table]
) -> None:
    """Every magnitude at every sub-pixel phase, far enough apart to be measured alone."""
    image = make_field(**psf).image
    rows, columns = (a.ravel() for a in np.mgrid[40:270:55, 40:310:55])
    rng = np.random.default_rng(4)
    x, y = (X0 + columns + rng.uniform(-0.5, 0.5, 25)), (Y0 + rows + rng.uniform(-0.5, 0.5, 25))
    # The middle of a pixel, an edge and a corner.
    x[:3], y[:3] = X0 + columns[:3] + np.array([0.0, 0.5, -0.5]), Y0 + rows[:3] + np.array([0.0, 0.0, -0.5])
    mag = rng.permutation(np.linspace(16.0, 25.0, 25))
    task = make_task(addNoise=False)
    result = task.run(input_exposure=image, injection_catalogs=make_injections(image, x, y, mag))
    assertValidOutput(task, result)
    INJECTED_CATALOG.check(result.output_catalog)
    difference = added(result, image)
    for i in range(25):
        top, left = rows[i] - 27, columns[i] - 27
        part = np.s_[top : top + 55, left : left + 55]
        grid_y, grid_x = np.mgrid[part]
        flux = (mag[i] * u.ABmag).to_value(u.nJy)
        total = difference[part].sum()
        assert total == pytest.approx(flux, rel=0.01)
        assert np.sum(grid_x * difference[part]) / total + X0 == pytest.approx(x[i], abs=0.05)
        assert np.sum(grid_y * difference[part]) / total + Y0 == pytest.approx(y[i], abs=0.05)
    assert list(result.output_catalog["injection_flag"]) == [0] * 25
    assert np.all(result.output_catalog["injection_draw_size"] > 20)


def test_noise_is_that_of_photons(field: Field, make_injections: Callable[..., Table]) -> None:
    rng = np.random.default_rng(6)
    x, y = X0 + rng.uniform(30, 310, 60), Y0 + rng.uniform(30, 270, 60)
    catalogue = make_injections(field.image, x, y, np.full(60, 19.0))
    noisy, clean = (
        make_task(addNoise=add).run(input_exposure=field.image, injection_catalogs=catalogue).output_exposure
        for add in (True, False)
    )
    expected = clean.image.array - field.image.image.array
    where = expected > 20.0
    noise = (noisy.image.array - clean.image.array)[where]
    # The variance plane of the field is one per nJy.
    assert np.mean(noise**2 / expected[where]) == pytest.approx(1.0, abs=0.1)
    for image in (noisy, clean):
        extra = image.variance.array - field.image.variance.array
        assert extra.sum() == pytest.approx(expected.sum(), rel=0.02)


def test_noise_depends_on_names_alone(field: Field, make_injections: Callable[..., Table]) -> None:
    x, y = X0 + np.array([60.0, 250.0]), Y0 + np.array([60.0, 250.0])
    catalogue = make_injections(field.image, x, y, np.array([19.0, 19.0]))
    first, reordered = (
        make_task().run(input_exposure=field.image, injection_catalogs=c).output_exposure.image.array
        for c in (catalogue, catalogue[::-1])
    )
    assert np.array_equal(first, reordered)
    other = make_task(seed=1).run(input_exposure=field.image, injection_catalogs=catalogue)
    assert not np.array_equal(first, other.output_exposure.image.array)


def test_bad_rows_are_flagged_and_kept(
    make_field: Callable[..., Field], make_injections: Callable[..., Table]
) -> None:
    saturated, empty = np.zeros((2, 300, 340), dtype=bool)
    saturated[145:156, 95:106], empty[200:210, 200:210] = True, True
    image = make_field(mask_bits={"SATURATED": saturated, "NO_DATA": empty}).image
    x = X0 + np.array([50.0, 50.0, -3.0, -4000.0, 100.0, 205.0, 50.0])
    y = Y0 + np.array([50.0, 100.0, 50.0, 50.0, 150.0, 205.0, 200.0])
    mag = np.array([20.0, np.nan, 20.0, 20.0, 20.0, 20.0, 20.0])
    kinds = np.array(["Star"] * 6 + ["Unicorn"])
    catalogue = make_injections(image, x, y, mag, source_type=kinds)
    result = make_task(addNoise=False).run(input_exposure=image, injection_catalogs=catalogue)
    flags = list(result.output_catalog["injection_flag"])
    assert flags == [
        0,
        InjectionFlag.MAG_BAD,
        InjectionFlag.CENTER_OFF_IMAGE,
        InjectionFlag.NO_OVERLAP | InjectionFlag.CENTER_OFF_IMAGE,
        InjectionFlag.CENTER_SATURATED,
        InjectionFlag.CENTER_NO_DATA,
        InjectionFlag.TYPE_UNKNOWN,
    ]
    # Together, and one by one as in the tables of the stack's tasks.
    meta = result.output_catalog.meta
    assert meta["INJECTION_FLAG_BITS"] == {name: meta[name] for name in meta["INJECTION_FLAG_BITS"]}
    names = [name for name, bit in meta["INJECTION_FLAG_BITS"].items() if flags[6] & (1 << bit)]
    assert names == ["TYPE_UNKNOWN"]
    # A saturated pixel stays as it was.
    assert np.all(added(result, image)[saturated] == 0.0)


def test_failing_psf_is_flagged(field: Field, make_injections: Callable[..., Table]) -> None:
    class BrokenPsf(GaussianPointSpreadFunction):
        def compute_kernel_image(self, *, x: float, y: float) -> object:
            raise ValueError("no PSF here")

    image = field.image.copy()
    image.psf = BrokenPsf(2.0, Box.factory[0:10, 0:10], 21)
    catalogue = make_injections(field.image, np.array([X0 + 50.0]), np.array([Y0 + 50.0]), np.array([20.0]))
    result = make_task().run(input_exposure=image, injection_catalogs=catalogue)
    assert list(result.output_catalog["injection_flag"]) == [InjectionFlag.PSF_COMPUTE_ERROR]


def test_mask_planes(field: Field, make_injections: Callable[..., Table]) -> None:
    catalogue = make_injections(field.image, np.array([X0 + 50.2]), np.array([Y0 + 60.4]), np.array([20.0]))
    mask = make_task().run(input_exposure=field.image, injection_catalogs=catalogue).output_exposure.mask
    rows, columns = np.nonzero(mask.get("INJECTED_CORE"))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (59, 61, 49, 51)
    assert mask.get("INJECTED").sum() > 400
    assert not field.image.mask.get("INJECTED").any()


def test_empty_catalogue_copies_the_image(field: Field) -> None:
    result = make_task().run(input_exposure=field.image, injection_catalogs=INJECTION_CATALOG.empty())
    assert len(result.output_catalog) == 0
    INJECTED_CATALOG.check(result.output_catalog)
    assert np.array_equal(result.output_exposure.image.array, field.image.image.array)


def test_flat_variance_is_reported(
    field: Field, make_injections: Callable[..., Table], caplog: pytest.LogCaptureFixture
) -> None:
    image = field.image.copy()
    image.variance.array[...] = 400.0
    catalogue = make_injections(image, np.array([X0 + 50.2]), np.array([Y0 + 60.4]), np.array([20.0]))
    result = make_task().run(input_exposure=image, injection_catalogs=catalogue)
    assert "does not rise with flux" in caplog.text
    assert added(result, image).sum() == pytest.approx((20.0 * u.ABmag).to_value(u.nJy), rel=0.01)


def test_uncalibrated_image_is_refused(field: Field) -> None:
    image = field.image
    other = VisitImage(
        type(image.image)(image.image.array, bbox=image.bbox, unit=u.electron),
        mask=image.mask,
        sky_projection=image.sky_projection,
        obs_info=image.obs_info,
        psf=image.psf,
        detector=image.detector,
        band="r",
    )
    with pytest.raises(InvalidQuantumError, match="electron"):
        make_task().run(input_exposure=other, injection_catalogs=INJECTION_CATALOG.empty())


def test_connections() -> None:
    lintConnections(InjectVisitConnections)
