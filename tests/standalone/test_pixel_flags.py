# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the pixel flags."""

from __future__ import annotations

import numpy as np

from lsst.images import Box
from lsst.transient.bogus.standalone.mask_planes import empty_mask, set_planes
from lsst.transient.bogus.standalone.pixel_flags import pixel_flags


def test_footprint_and_centre() -> None:
    segments = np.zeros((20, 30), dtype=np.int64)
    segments[5:12, 5:12], segments[0:3, 20:23] = 1, 2
    planes = {name: np.zeros((20, 30), dtype=bool) for name in ("SATURATED", "COSMIC_RAY")}
    planes["SATURATED"][8, 8] = True
    planes["COSMIC_RAY"][5, 5] = True
    mask = empty_mask(Box.factory[100:120, 200:230])
    set_planes(mask, planes)
    flags = pixel_flags(
        mask, np.zeros((20, 30), dtype=bool), segments, np.array([8.0, 21.0]), np.array([8.0, 1.0])
    )
    true = {name for name, values in flags.items() if values[0]}
    assert true == {"pixelFlags_saturated", "pixelFlags_saturatedCenter", "pixelFlags_cr"}
    assert {name for name, values in flags.items() if values[1]} == {"pixelFlags_edge"}
