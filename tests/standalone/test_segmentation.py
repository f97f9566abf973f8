# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the extraction of connected regions."""

from __future__ import annotations

import numpy as np
import pytest
import sep

from lsst.transient.bogus.standalone.segmentation import extract


def test_crowded_field_and_restored_limits() -> None:
    # A blend of far more peaks than SEP's default buffers hold.
    rng = np.random.default_rng(3)
    rows, columns = np.indices((9, 9)) - 4
    stamp = np.exp(-0.5 * (rows**2 + columns**2) / 1.2**2)
    image = np.full((330, 330), 50.0, dtype=np.float32)
    for y in range(5, 320, 9):
        for x in range(5, 320, 9):
            image[y : y + 9, x : x + 9] += 1000.0 * rng.uniform(0.5, 1.0) * stamp
    limits = sep.get_extract_pixstack(), sep.get_sub_object_limit()
    options = {"minarea": 5, "deblend_cont": 1e-6, "deblend_nthresh": 3, "segmentation_map": True}
    with pytest.raises(Exception, match="overflow"):
        sep.extract(image, 1.0, **options)
    found, segments = extract(image, 1.0, **options)
    assert len(found) > 1024
    assert segments.max() == len(found)
    assert (sep.get_extract_pixstack(), sep.get_sub_object_limit()) == limits
