# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the task that forces photometry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from astropy.table import Table

from lsst.pipe.base import Struct
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.columns import DIA_OBJECT, FORCED_DIA_OBJECT
from lsst.transient.bogus.standalone.forced import (
    ForcedPhotometryConfig,
    ForcedPhotometryConnections,
    ForcedPhotometryTask,
)
from lsst.transient.bogus.standalone.mask_planes import set_planes
from lsst.transient.bogus.standalone.subtract import SubtractImagesConfig, SubtractImagesTask

from .conftest import X0, Y0, Field

NEW = {(X0 + 90.4, Y0 + 120.7): 3e4}


@pytest.fixture(scope="module")
def images(make_field: Callable[..., Field]) -> Struct:
    science, template = make_field(visit=71, fwhm=4.4, extra=NEW), make_field(visit=72, fwhm=3.9, day=1)
    task = SubtractImagesTask(config=SubtractImagesConfig())
    difference = task.run(science=science.image, template=template.image).difference
    return Struct(science=science.image, difference=difference)


@pytest.fixture
def task() -> ForcedPhotometryTask:
    return ForcedPhotometryTask(config=ForcedPhotometryConfig())


def objects(images: Struct, x: list[float], y: list[float]) -> Table:
    sky = images.science.sky_projection.pixel_to_sky(x=np.array(x), y=np.array(y))
    return DIA_OBJECT.build(
        {"diaObjectId": np.arange(len(x)) + 1, "ra": sky.ra.deg, "dec": sky.dec.deg, "nDiaSources": 2}
    )


def test_fluxes_of_objects_on_the_detector(task: ForcedPhotometryTask, images: Struct) -> None:
    table = objects(images, [X0 + 90.4, X0 + 200.0, X0 - 30.0], [Y0 + 120.7, Y0 + 250.0, Y0 + 10.0])
    result = task.run(
        dia_objects=[table[:1], table[1:]], difference=images.difference, science=images.science
    )
    assertValidOutput(task, result)
    forced = result.forced_sources
    FORCED_DIA_OBJECT.check(forced)
    assert list(forced["diaObjectId"]) == [1, 2]
    assert forced["psfDiffFlux"][0] == pytest.approx(3e4, rel=0.05)
    assert abs(forced["psfDiffFlux"][1]) < 4 * forced["psfDiffFluxErr"][1]
    assert not forced["psfDiffFlux_flag"].any()
    assert set(forced["visit"]) == {71}


def test_masked_objects_are_flagged_and_kept(task: ForcedPhotometryTask, images: Struct) -> None:
    difference = images.difference.copy()
    hole = np.zeros(difference.image.array.shape, dtype=bool)
    hole[100:140, 70:110] = True
    set_planes(difference.mask, {"NO_DATA": hole})
    table = objects(images, [X0 + 90.4, X0 + 200.0], [Y0 + 120.7, Y0 + 250.0])
    forced = task.run(dia_objects=[table], difference=difference, science=images.science).forced_sources
    assert list(forced["psfDiffFlux_flag"]) == [True, False]


@pytest.mark.parametrize("tables", [[], [DIA_OBJECT.empty()]])
def test_no_objects(task: ForcedPhotometryTask, images: Struct, tables: list[Table]) -> None:
    forced = task.run(dia_objects=tables, difference=images.difference, science=images.science).forced_sources
    assert len(forced) == 0
    FORCED_DIA_OBJECT.check(forced)


def test_connections() -> None:
    lintConnections(ForcedPhotometryConnections)
