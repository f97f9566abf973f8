# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps from tables, and which can be judged."""

from __future__ import annotations

import numpy as np

from lsst.transient.bogus.columns import CUTOUTS
from lsst.transient.bogus.nn.stamps import Stamps


def test_from_table():
    image = np.arange(2 * 9, dtype=np.float32).reshape(2, 1, 3, 3)
    cutouts = CUTOUTS.build(
        {"diaSourceId": [1, 2], "image": image, "variance": image, "mask": image, "cutout_flag": 0},
        meta={"CHANNELS": ["difference"], "MASK_BITS": {"SATURATED": 2, "BAD": 1}},
    )
    stamps = Stamps.from_table(cutouts)
    assert np.array_equal(stamps.image, image)
    assert stamps.channels == ("difference",)
    assert stamps.mask_bits == ("BAD", "SATURATED")
    assert np.array_equal(stamps[1:].image, image[1:])
    assert len(stamps[np.array([0])]) == 1


def test_usable_needs_the_centre_of_every_channel():
    image = np.zeros((5, 2, 30, 30), np.float32)
    image[0, 1] = np.nan  # a whole channel
    image[1, :, :, 17:] = np.nan  # an edge that hides one of five central columns
    image[2, :, :, 14:] = np.nan  # an edge that hides four of five
    image[3, 0, 15, 15] = np.nan  # a dead central pixel
    assert Stamps(image).usable.tolist() == [False, True, False, True, True]


def test_no_stamps():
    assert Stamps(np.zeros((0, 3, 30, 30), np.float32)).usable.shape == (0,)
