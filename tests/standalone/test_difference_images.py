# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of difference images from planes."""

from __future__ import annotations

import numpy as np

from lsst.transient.bogus.standalone.difference_images import (
    Subtraction,
    make_difference_image,
    make_matched_template,
    template_on_box,
)

from .conftest import Field


def test_template_is_cut_or_extended(field: Field) -> None:
    image = field.image
    smaller = image.bbox.padded(-10)
    assert template_on_box(image, smaller).bbox == smaller
    larger = template_on_box(image, image.bbox.padded(5))
    no_data = larger.mask.get("NO_DATA")
    assert no_data[:5].all()
    assert no_data[:, -5:].all()
    assert not no_data[5:-5, 5:-5].any()
    assert np.array_equal(larger.image.array[5:-5, 5:-5], image.image.array)


def test_planes_and_masks(field: Field) -> None:
    shape = field.image.image.array.shape
    flags = np.zeros((2, *shape), dtype=bool)
    flags[0, 3, 4], flags[1, 5, 6] = True, True
    planes = Subtraction(np.full(shape, 2.0), np.full(shape, 3.0), np.ones(shape), np.ones(shape), *flags)
    difference = make_difference_image(field.image, planes)
    assert np.all(difference.image.array == 2.0)
    assert difference.mask.get("NO_DATA")[3, 4]
    assert difference.mask.get("SAT_TEMPLATE").sum() == 1
    assert difference.psf is field.image.psf
    matched = make_matched_template(field.image, planes)
    assert np.all(matched.image.array == 3.0)
    assert matched.mask.get("SATURATED")[5, 6]
    assert matched.bbox == field.image.bbox
