# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the task that measures sources."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lsst.pipe.base import NoWorkFound
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.columns import SOURCE
from lsst.transient.bogus.standalone.measure import (
    MeasureSourcesConfig,
    MeasureSourcesConnections,
    MeasureSourcesTask,
)

from .conftest import X0, Y0, Field


@pytest.fixture
def task() -> MeasureSourcesTask:
    return MeasureSourcesTask(config=MeasureSourcesConfig())


def matched(field: Field, sources: object, chosen: np.ndarray) -> np.ndarray:
    """Return the row of the source nearest to each chosen object."""
    distance = np.hypot(
        np.asarray(sources["x"])[:, None] - field.x[chosen],
        np.asarray(sources["y"])[:, None] - field.y[chosen],
    )
    return np.argmin(distance, axis=0)


def test_measurements(task: MeasureSourcesTask, field: Field) -> None:
    result = task.run(visit_image=field.image)
    assertValidOutput(task, result)
    sources = result.sources
    SOURCE.check(sources)
    inside = (np.abs(field.x - X0 - 170) < 150) & (np.abs(field.y - Y0 - 150) < 130) & (field.flux > 3e4)
    stars = inside & field.is_star
    # A star beside another object has a flux of its own and its neighbour's.
    separation = np.hypot(field.x[:, None] - field.x, field.y[:, None] - field.y)
    stars &= np.sort(separation, axis=1)[:, 1] > 20
    rows = matched(field, sources, stars)
    assert len(rows) >= 5
    assert np.asarray(sources["psfFlux"])[rows] == pytest.approx(field.flux[stars], rel=0.05)
    assert np.all(sources["extendedness"][rows] == 0.0)
    galaxies = matched(field, sources, inside & ~field.is_star)
    assert np.mean(sources["extendedness"][galaxies] == 1.0) > 0.8
    assert np.sum(sources["calib_psf_used"]) >= 6
    sky = field.image.sky_projection.pixel_to_sky(x=np.asarray(sources["x"]), y=np.asarray(sources["y"]))
    assert np.asarray(sources["ra"]) == pytest.approx(sky.ra.deg)
    assert task.metadata["n_sources"] == len(sources)


def test_ids_are_unique_and_depend_on_the_data_id(task: MeasureSourcesTask, field: Field) -> None:
    sources = task.run(visit_image=field.image).sources
    assert len(np.unique(sources["sourceId"])) == len(sources)
    assert set(sources["visit"]) == {7}
    assert set(sources["detector"]) == {3}


def test_empty_sky_gives_an_empty_table(task: MeasureSourcesTask, make_field: Callable[..., Field]) -> None:
    image = make_field(shape=(64, 80), n_stars=0, n_galaxies=0, gaussian=True, noise=False).image
    sources = task.run(visit_image=image).sources
    assert len(sources) == 0
    SOURCE.check(sources)


def test_masked_image_is_no_work(task: MeasureSourcesTask, make_field: Callable[..., Field]) -> None:
    everything = {"NO_DATA": np.ones((64, 80), dtype=bool)}
    image = make_field(shape=(64, 80), n_stars=0, n_galaxies=0, gaussian=True, mask_bits=everything).image
    with pytest.raises(NoWorkFound, match="visit 7, detector 3"):
        task.run(visit_image=image)


def test_connections() -> None:
    lintConnections(MeasureSourcesConnections)
