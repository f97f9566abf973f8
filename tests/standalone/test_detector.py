# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from lsst.images import Box
from lsst.transient.bogus.standalone.detector import make_detector


def test_detector_knows_its_box_and_name() -> None:
    box = Box.from_shape((100, 200), start=(30, 40))
    detector = make_detector(instrument="Frames", detector=5, box=box)
    assert (detector.id, detector.name, detector.instrument) == (5, "det5", "Frames")
    assert detector.bbox == box
    assert detector.frame.bbox == box
    assert detector.amplifiers == []


def test_pixels_map_to_the_focal_plane() -> None:
    detector = make_detector(instrument="Frames", detector=0, box=Box.from_shape((10, 10)), name="A")
    xy = detector.to_focal_plane.apply_forward(x=np.array([0.0, 100.0]), y=np.array([0.0, 50.0]))
    np.testing.assert_allclose(xy.x, [0.0, 1.0])
    np.testing.assert_allclose(xy.y, [0.0, 0.5])
