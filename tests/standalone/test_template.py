# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the task that builds templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lsst.images import VisitImage
from lsst.pipe.base import NoWorkFound
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.standalone.psf_stamps import PsfStamps
from lsst.transient.bogus.standalone.template import (
    BuildTemplateConfig,
    BuildTemplateConnections,
    BuildTemplateTask,
)

from .conftest import Field

DITHERS = [(0.0, 0.0), (6.2, -3.3), (-4.5, 5.1), (2.5, 8.8)]
SEEING = [4.4, 3.8, 4.0, 5.5]


@pytest.fixture(scope="module")
def fields(make_field: Callable[..., Field]) -> list[Field]:
    """Four visits of four nights; the first of them is the target."""
    return [
        make_field(visit=20 + i, fwhm=SEEING[i], dx=dx, dy=dy, day=i) for i, (dx, dy) in enumerate(DITHERS)
    ]


class FakeHandle:
    """A handle of an image in memory that can be asked for components and parts, as the butler's can."""

    def __init__(self, image: VisitImage) -> None:
        self.image = image
        self.dataId = {"visit": image.obs_info.visit_id, "detector": image.detector.id}

    def get(self, *, component: str | None = None, parameters: dict[str, Any] | None = None) -> Any:
        if component == "components":
            return {name: getattr(self.image, name) for name in (parameters or {})["components"]}
        if component is not None:
            return getattr(self.image, component)
        return self.image[parameters["bbox"]] if parameters else self.image


def handle(field: Field) -> Any:
    return FakeHandle(field.image)


def make_task(**settings: object) -> BuildTemplateTask:
    config = BuildTemplateConfig()
    config.update(**settings)
    return BuildTemplateTask(config=config)


def test_template_shows_the_same_sky(fields: list[Field], make_field: Callable[..., Field]) -> None:
    task = make_task()
    result = task.run(visit_image=handle(fields[0]), visit_images=[handle(f) for f in fields])
    assertValidOutput(task, result)
    template, target = result.template, fields[0].image
    assert template.bbox == target.bbox.padded(20)
    assert template.metadata["VISITS"] == "21,22,23"
    noiseless = make_field(fwhm=4.4, noise=False).image
    inner = target.bbox.padded(-30)
    difference = template[inner].image.array - noiseless[inner].image.array
    faint = noiseless[inner].image.array < 20.0
    rms = 1.4826 * np.median(np.abs(difference[faint] - np.median(difference[faint])))
    assert rms == pytest.approx(np.sqrt(np.median(template.variance.array)), rel=0.15)
    # The same stars at the same places: the light of each is where it was.
    assert template[inner].image.array.sum() == pytest.approx(noiseless[inner].image.array.sum(), rel=0.03)
    assert PsfStamps.sample(template.psf, template.bbox).fwhm == pytest.approx(4.2, abs=0.4)
    assert not template.mask.get("NO_DATA")[40:-40, 40:-40].any()


def test_best_seeing_first(fields: list[Field]) -> None:
    result = make_task(maxVisits=2).run(
        visit_image=handle(fields[0]), visit_images=[handle(f) for f in fields[1:]]
    )
    assert result.template.metadata["VISITS"].split(",")[:2] == ["21", "22"]


@pytest.mark.parametrize(("days", "expected"), [(0.0, "21,22"), (1.5, "22,23"), (2.5, "21,22")])
def test_visits_of_another_time_come_first(fields: list[Field], days: float, expected: str) -> None:
    """Two and three days apart are two visits; three days or more is one, too few to prefer."""
    task = make_task(maxVisits=2, minDaysApart=days)
    task.run(visit_image=handle(fields[0]), visit_images=[handle(f) for f in fields[1:]])
    assert ",".join(map(str, task.metadata.getArray("visits")[:2])) == expected


def test_own_night_is_left_out(fields: list[Field], make_field: Callable[..., Field]) -> None:
    twin = make_field(visit=99, day=0)
    task = make_task()
    task.run(visit_image=handle(fields[0]), visit_images=[handle(f) for f in [twin, *fields[1:]]])
    assert task.metadata["n_candidates"] == 3


def test_too_few_visits(fields: list[Field]) -> None:
    with pytest.raises(NoWorkFound, match=r"visit 20, detector 3: 1 of 1 other images.*needs 2"):
        make_task().run(visit_image=handle(fields[0]), visit_images=[handle(fields[1])])
    with pytest.raises(NoWorkFound, match="0 of 0"):
        make_task().run(visit_image=handle(fields[0]), visit_images=[handle(fields[0])])


def test_too_little_coverage(fields: list[Field], make_field: Callable[..., Field]) -> None:
    far = [make_field(visit=50 + i, dx=260.0, day=1 + i) for i in range(2)]
    with pytest.raises(NoWorkFound, match=r"2 visits cover 0\.2"):
        make_task().run(visit_image=handle(fields[0]), visit_images=[handle(f) for f in far])


def test_saturation_is_remembered(fields: list[Field], make_field: Callable[..., Field]) -> None:
    saturated = np.zeros((300, 340), dtype=bool)
    saturated[150:153, 100:104] = True
    other = make_field(visit=31, day=5, mask_bits={"SATURATED": saturated})
    result = make_task().run(
        visit_image=handle(fields[0]), visit_images=[handle(f) for f in [other, fields[1], fields[2]]]
    )
    assert result.template.mask.get("SATURATED")[20:-20, 20:-20][151, 101]


def test_connections() -> None:
    # The graph gives a quantum the images of other visits too: see adjust_all_quanta.
    lintConnections(BuildTemplateConnections, checkUnnecessaryMultiple=False)
