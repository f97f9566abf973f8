# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the task that detects DIA sources."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from astropy.table import Table

from lsst.images import Box, DifferenceImage, Image
from lsst.pipe.base import NoWorkFound, Struct
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.columns import DIA_SOURCE
from lsst.transient.bogus.standalone.detect import (
    DetectDiaSourcesConfig,
    DetectDiaSourcesConnections,
    DetectDiaSourcesTask,
)
from lsst.transient.bogus.standalone.mask_planes import set_planes
from lsst.transient.bogus.standalone.subtract import SubtractImagesConfig, SubtractImagesTask

from .conftest import X0, Y0, Field

NEW = {(X0 + 90.4, Y0 + 120.7): 3e4, (X0 + 230.0, Y0 + 200.2): 8e3, (X0 + 300.5, Y0 + 60.5): 5e3}
GONE = {(X0 + 180.2, Y0 + 40.9): 1.5e4}


@pytest.fixture(scope="module")
def subtracted(make_field: Callable[..., Field]) -> Struct:
    """A visit with three new sources, its template with one that is gone, and their difference."""
    science = make_field(visit=61, fwhm=4.4, extra=NEW)
    template = make_field(visit=62, fwhm=3.9, extra=GONE, day=1)
    task = SubtractImagesTask(config=SubtractImagesConfig())
    result = task.run(science=science.image, template=template.image)
    return Struct(science=science.image, template=template.image, difference=result.difference)


@pytest.fixture
def task() -> DetectDiaSourcesTask:
    return DetectDiaSourcesTask(config=DetectDiaSourcesConfig())


def run(task: DetectDiaSourcesTask, images: Struct, difference: DifferenceImage | None = None) -> Table:
    return task.run(
        science=images.science, template=images.template, difference=difference or images.difference
    ).dia_sources


def nearest(sources: Table, x: float, y: float) -> tuple[int, float]:
    distance = np.hypot(np.asarray(sources["x"]) - x, np.asarray(sources["y"]) - y)
    return int(np.argmin(distance)), float(distance.min())


def test_every_change_is_found(task: DetectDiaSourcesTask, subtracted: Struct) -> None:
    sources = run(task, subtracted)
    assertValidOutput(task, Struct(dia_sources=sources))
    DIA_SOURCE.check(sources)
    assert len(sources) <= 6
    for (x, y), flux in {**NEW, **{position: -f for position, f in GONE.items()}}.items():
        row, distance = nearest(sources, x, y)
        source = sources[row]
        assert distance < 0.35
        assert source["psfFlux"] == pytest.approx(
            flux, abs=max(4 * float(source["psfFluxErr"]), 0.04 * abs(flux))
        )
        assert source["isNegative"] == (flux < 0)
        assert source["snr"] == pytest.approx(abs(source["psfFlux"]) / source["psfFluxErr"], rel=0.35)
        change = source["scienceFlux"] - source["templateFlux"]
        assert change == pytest.approx(flux, abs=max(1500.0, 0.1 * abs(flux)))
    assert np.all(np.diff(sources["snr"]) <= 0)
    assert task.metadata["n_dia_sources"] == len(sources)


def test_identifiers_and_times(task: DetectDiaSourcesTask, subtracted: Struct) -> None:
    sources = run(task, subtracted)
    assert len(np.unique(sources["diaSourceId"])) == len(sources)
    assert sources["midpointMjdTai"][0] == pytest.approx(60000.2 + 15.0 / 86400.0)
    assert set(sources["visit"]) == {61}


def test_shapes_of_point_sources(task: DetectDiaSourcesTask, subtracted: Struct) -> None:
    sources = run(task, subtracted)
    bright = np.asarray(sources["snr"]) > 25
    size = np.asarray(sources["ixx"] + sources["iyy"])[bright]
    psf_size = np.asarray(sources["ixxPSF"] + sources["iyyPSF"])[bright]
    assert bright.sum() >= 2
    assert size == pytest.approx(psf_size, rel=0.15)
    assert np.all(np.asarray(sources["extendedness"])[bright] == 0.0)


def test_dipole(task: DetectDiaSourcesTask, subtracted: Struct) -> None:
    difference = subtracted.difference.copy()
    psf = difference.psf
    for dx, sign in ((-2.2, 1.0), (2.2, -1.0)):
        stamp = psf.compute_stellar_image(x=X0 + 250.2 + dx, y=Y0 + 150.3)
        difference.image[stamp.bbox].array += 3e4 * sign * stamp.array
    sources = run(task, subtracted, difference)
    row, distance = nearest(sources, X0 + 250.2, Y0 + 150.3)
    assert distance < 5.0
    assert sources["isDipole"][row]
    assert np.sum(sources["isDipole"]) == 1


def test_flags(task: DetectDiaSourcesTask, subtracted: Struct) -> None:
    (x, y), _ = next(iter(NEW.items()))
    difference = subtracted.difference.copy()
    core = np.zeros(difference.image.array.shape, dtype=bool)
    core[round(y) - Y0, round(x) - X0] = True
    set_planes(difference.mask, {"INJECTED_CORE": core, "INJECTED": core, "SATURATED": core})
    sources = run(task, subtracted, difference)
    row, _ = nearest(sources, x, y)
    for name in ("injected", "injectedCenter", "saturated", "saturatedCenter"):
        assert sources[f"pixelFlags_{name}"][row]
        assert np.sum(sources[f"pixelFlags_{name}"]) == 1


@pytest.mark.parametrize(
    ("settings", "n_expected"),
    [
        ({}, 5),
        ({"glintSpacing": 20.0}, 0),
        ({"glintSpacing": 0.0}, 0),
        ({"glintMinPoints": 6}, 0),
        ({"glintTolerance": 0.1}, 0),
    ],
)
def test_rows_of_flashes(subtracted: Struct, settings: dict[str, float], n_expected: int) -> None:
    difference = subtracted.difference.copy()
    y, x = np.mgrid[: difference.bbox.y.size, : difference.bbox.x.size]
    for step, aside in enumerate((0.0, 0.3, -0.2, 0.3, 0.0)):
        column, row = 60.0 + 40.0 * step, 160.0 + 20.0 * step + aside
        difference.image.array += 400.0 * np.exp(-0.5 * ((x - column) ** 2 + (y - row) ** 2) / 1.9**2)
    config = DetectDiaSourcesConfig()
    config.update(**settings)
    task = DetectDiaSourcesTask(config=config)
    sources = run(task, subtracted, difference)
    assert np.count_nonzero(sources["glint_trail"]) == task.metadata["n_glints"] == n_expected
    assert not np.any(sources["glint_trail"] & sources["isNegative"])


def test_flat_difference_gives_an_empty_table(task: DetectDiaSourcesTask, subtracted: Struct) -> None:
    difference = subtracted.difference.copy()
    difference.image.array[...] = 0.0
    sources = run(task, subtracted, difference)
    assert len(sources) == 0
    DIA_SOURCE.check(sources)


def test_no_usable_pixel(task: DetectDiaSourcesTask, subtracted: Struct) -> None:
    difference = subtracted.difference.copy()
    set_planes(difference.mask, {"NO_DATA": np.ones(difference.image.array.shape, dtype=bool)})
    with pytest.raises(NoWorkFound, match="visit 61, detector 3"):
        run(task, subtracted, difference)


def test_pure_noise_has_no_more_than_its_share(task: DetectDiaSourcesTask, subtracted: Struct) -> None:
    difference = subtracted.difference.copy()
    rng = np.random.default_rng(1)
    difference.image.array[...] = 3.0 * rng.normal(size=difference.image.array.shape)
    difference.variance.array[...] = 1.0  # wrong, and found out
    assert len(run(task, subtracted, difference)) <= 2
    assert task.metadata["snr_rms"] == pytest.approx(3.0, rel=0.1)
    assert isinstance(difference.image, Image)
    assert isinstance(difference.bbox, Box)


def test_connections() -> None:
    lintConnections(DetectDiaSourcesConnections)
