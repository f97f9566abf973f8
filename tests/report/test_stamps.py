# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps side by side."""

from __future__ import annotations

import numpy as np

from lsst.transient.bogus.report.stamps import stamp_mosaic, to_data_uri


def test_rows_are_channels_columns_are_epochs_and_up_is_up():
    stamps = np.zeros((3, 2, 5, 5))
    stamps[1, 0, 0, :] = 100.0  # lowest row of the second epoch, first channel
    stamps[2, 1] = np.nan
    mosaic = stamp_mosaic(stamps)
    assert mosaic.shape == (2 * 6 - 1, 3 * 6 - 1)
    assert mosaic[4, 6:11].min() == 250
    assert mosaic[0, 6:11].max() == 0
    assert np.all(mosaic[6:, 12:] == 255)
    assert np.all(mosaic[:, 5] == 255)
    assert to_data_uri(mosaic).startswith("data:image/png;base64,iVBOR")


def test_a_scale_for_each_stamp_shows_faint_ones_too():
    stamps = np.zeros((2, 1, 5, 5))
    stamps[0, 0, 2, 2], stamps[1, 0, 2, 2] = 1.0, 1000.0
    stamps[1, 0, :, 0] = 1000.0
    assert stamp_mosaic(stamps)[2, 2] < 5
    assert stamp_mosaic(stamps, own_scale=True)[2, 2] == 250
