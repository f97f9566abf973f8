# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the task that subtracts templates."""

from __future__ import annotations

from collections.abc import Callable

import astropy.units as u
import numba
import numpy as np
import pytest

from lsst.images import DifferenceImage, MaskedImage
from lsst.pipe.base import NoWorkFound
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.standalone.subtract import (
    SubtractImagesConfig,
    SubtractImagesConnections,
    SubtractImagesTask,
)

from .conftest import X0, Y0, Field

TRANSIENTS = {(X0 + 90.4, Y0 + 120.7): 3e4, (X0 + 230.0, Y0 + 200.2): 8e3}


@pytest.fixture(scope="module")
def science(make_field: Callable[..., Field]) -> Field:
    return make_field(visit=41, fwhm=4.6, extra=TRANSIENTS)


@pytest.fixture(scope="module")
def template(make_field: Callable[..., Field]) -> Field:
    return make_field(visit=42, fwhm=3.8, day=1)


@pytest.fixture
def task() -> SubtractImagesTask:
    return SubtractImagesTask(config=SubtractImagesConfig())


def test_only_the_transients_are_left(task: SubtractImagesTask, science: Field, template: Field) -> None:
    result = task.run(science=science.image, template=template.image)
    assertValidOutput(task, result)
    difference = result.difference
    assert isinstance(difference, DifferenceImage)
    assert isinstance(result.matched_template, MaskedImage)
    assert (difference.bbox, difference.unit) == (science.image.bbox, u.nJy)
    significance = difference.image.array / np.sqrt(difference.variance.array)
    good = ~difference.mask.get("NO_DATA")
    quiet = good.copy()
    for (x, y), flux in TRANSIENTS.items():
        part = np.s_[round(y) - Y0 - 15 : round(y) - Y0 + 16, round(x) - X0 - 15 : round(x) - X0 + 16]
        error = float(np.sqrt(difference.variance.array[part].sum()))
        assert difference.image.array[part].sum() == pytest.approx(flux, abs=4 * error)
        quiet[part] = False
    assert np.std(significance[quiet]) == pytest.approx(1.0, abs=0.06)
    assert np.abs(significance[quiet]).max() < 7.0
    assert task.metadata["kernel_sum"] == pytest.approx(1.0, abs=0.03)
    assert task.metadata["residual_rms"] == pytest.approx(1.0, abs=0.05)


def test_sfft_leaves_only_the_transients(
    monkeypatch: pytest.MonkeyPatch, science: Field, template: Field
) -> None:
    pytest.importorskip("sfft", reason="the sfft extra is not installed")
    # Compiling its functions would take half a minute; so few terms do without.
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    config = SubtractImagesConfig(method="sfft", kernelOrder=0, kernelHalfWidth=0.9)
    task = SubtractImagesTask(config=config)
    difference = task.run(science=science.image, template=template.image).difference
    significance = difference.image.array / np.sqrt(difference.variance.array)
    quiet = np.ones(significance.shape, dtype=bool)
    for (x, y), flux in TRANSIENTS.items():
        part = np.s_[round(y) - Y0 - 15 : round(y) - Y0 + 16, round(x) - X0 - 15 : round(x) - X0 + 16]
        error = float(np.sqrt(difference.variance.array[part].sum()))
        assert difference.image.array[part].sum() == pytest.approx(flux, abs=4 * error)
        quiet[part] = False
    assert np.std(significance[quiet]) == pytest.approx(1.0, abs=0.06)
    assert task.metadata["kernel_sum"] == pytest.approx(1.0, abs=0.03)
    assert task.metadata["n_stamps_used"] >= config.minStamps


def test_edges_without_template_have_no_data(
    task: SubtractImagesTask, science: Field, template: Field
) -> None:
    part = template.image[template.image.bbox.padded(-40)]
    difference = task.run(science=science.image, template=part).difference
    no_data = difference.mask.get("NO_DATA")
    assert no_data[:38].all()
    assert no_data[:, :38].all()
    assert not no_data[60:-60, 60:-60].any()
    assert np.all(np.isfinite(difference.image.array))
    assert np.all(difference.variance.array > 0)


def test_saturation_of_the_template_spreads(
    task: SubtractImagesTask, science: Field, make_field: Callable[..., Field]
) -> None:
    saturated = np.zeros((300, 340), dtype=bool)
    saturated[150, 170] = True
    other = make_field(visit=43, fwhm=3.8, day=1, mask_bits={"SATURATED": saturated})
    mask = task.run(science=science.image, template=other.image).difference.mask
    assert 1 < mask.get("SAT_TEMPLATE").sum() < 200
    assert mask.get("SAT_TEMPLATE")[150, 170]


def test_field_without_bright_sources(
    task: SubtractImagesTask, make_field: Callable[..., Field], caplog: pytest.LogCaptureFixture
) -> None:
    empty = {"n_stars": 0, "n_galaxies": 0, "gaussian": True, "shape": (120, 140)}
    extra = {(X0 + 60.0, Y0 + 50.0): 2e4}
    science, template = (make_field(visit=v, fwhm=f, **empty) for v, f in ((51, 4.5), (52, 4.0)))
    difference = task.run(science=make_field(visit=53, extra=extra, **empty).image, template=template.image)
    assert "using the PSF models" in caplog.text
    assert difference.difference.image.array[35:66, 45:76].sum() == pytest.approx(2e4, rel=0.1)
    assert task.run(science=science.image, template=template.image).difference.bbox == science.image.bbox


def test_nothing_in_common(
    task: SubtractImagesTask, science: Field, make_field: Callable[..., Field]
) -> None:
    nothing = {"NO_DATA": np.ones((300, 340), dtype=bool)}
    template = make_field(visit=44, gaussian=True, n_stars=0, n_galaxies=0, mask_bits=nothing)
    with pytest.raises(NoWorkFound, match="visit 41, detector 3"):
        task.run(science=science.image, template=template.image)


def test_connections() -> None:
    lintConnections(SubtractImagesConnections)
