# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the search for visits that may enter a template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lsst.images import Box, VisitImage
from lsst.transient.bogus.standalone.template_candidates import find_candidates, without_pixels

from .conftest import Field


class CountingHandle:
    """A handle that remembers how many pixels were asked of it."""

    def __init__(self, image: VisitImage) -> None:
        self.image = image
        self.n_pixels = 0

    def get(self, *, component: str | None = None, parameters: dict[str, Any] | None = None) -> Any:
        if component == "components":
            return {name: getattr(self.image, name) for name in (parameters or {})["components"]}
        if component is not None:
            return getattr(self.image, component)
        box: Box = (parameters or {})["bbox"]
        self.n_pixels += box.area
        return self.image[box]


def test_nights_overlap_and_seeing(field: Field, make_field: Callable[..., Field]) -> None:
    images = [
        make_field(visit=81, fwhm=5.0, dx=100.0, day=1),
        make_field(visit=82),  # same night
        make_field(visit=83, dx=1000.0, day=2),  # elsewhere
    ]
    handles = [CountingHandle(f.image) for f in images]
    found = find_candidates(field.image, field.image.bbox, handles)
    assert [c.visit for c in found] == [81]
    assert found[0].fwhm == pytest.approx(5.1, abs=0.4)
    assert found[0].inside.mean() == pytest.approx(240 / 340, abs=0.01)
    assert sum(h.n_pixels for h in handles) == 0


def test_description_without_pixels(field: Field) -> None:
    handle = CountingHandle(field.image)
    image, box = without_pixels(handle)
    assert box == field.image.bbox
    assert image.obs_info.visit_id == 7
    assert handle.n_pixels == 1
