# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of painting into the planes of an image."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.injection_canvas import Canvas
from lsst.transient.bogus.standalone.injection_draw import InjectionFlag, Painted

from .conftest import Field


def test_saturated_pixels_take_no_flux(field: Field) -> None:
    canvas = Canvas.of(field.image)
    before = canvas.image.copy()
    canvas.saturated[11, 22] = True
    painted = Painted(np.full((3, 3), 100.0), slice(10, 13), slice(21, 24), 3)
    canvas.add(painted, slope=0.5, rng=None, with_variance=True)
    added = canvas.image - before
    assert added.sum() == pytest.approx(800.0, rel=1e-3)
    assert added[11, 22] == 0.0
    assert (canvas.variance - field.image.variance.array).sum() == pytest.approx(400.0, rel=1e-2)
    assert canvas.injected.sum() == 9


def test_marks_at_the_border(field: Field) -> None:
    canvas = Canvas.of(field.image)
    assert canvas.mark_centre(-0.4, 0.2) == InjectionFlag(0)
    assert canvas.core.sum() == 4
    assert canvas.mark_centre(-1.2, 5.0) == InjectionFlag.CENTER_OFF_IMAGE
    assert canvas.mark_centre(1e4, 1e4) == InjectionFlag.CENTER_OFF_IMAGE
