# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of contact sheets: classes, choice of sources, and where pixels go."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from lsst.transient.bogus.plots.contact_sheet import (
    CLASSES,
    SheetRow,
    choose_rows,
    class_of,
    contact_sheet_figure,
)


def test_classes() -> None:
    labels = Table(
        {
            "label": np.arange(8) % 5 == 0,
            "is_ambiguous": np.arange(8) % 7 == 6,
            "sign": np.where(np.arange(8) % 2, -1, 1),
        }
    )
    # Of 0…7: 0 and 5 are injected, 6 is ambiguous, odd ones are negative.
    assert [CLASSES[c].split(", ")[-1] for c in class_of(labels)] == [
        "injected",
        "negative",
        "positive",
        "negative",
        "positive",
        "injected",
        "ambiguous",
        "negative",
    ]


@pytest.mark.parametrize(("n", "wanted", "expected"), [(100, 5, 5), (3, 5, 3), (0, 5, 0), (1, 1, 1)])
def test_chosen_rows_cover_the_range(n: int, wanted: int, expected: int) -> None:
    snr = np.random.default_rng(1).permutation(n).astype(float)
    rows = choose_rows(snr, wanted)
    assert len(rows) == expected
    assert np.all(np.diff(snr[rows]) > 0)
    if expected > 1:
        assert (snr[rows][0], snr[rows][-1]) == (0.0, n - 1)


def test_stamps_stand_upright_and_apart() -> None:
    pixels = np.zeros((2, 1, 10, 10), dtype=np.float32)
    pixels[0, 0, 9, 0] = 7.0  # top left
    pixels[1, 0, :, 9] = np.nan  # right column missing
    row = SheetRow("injected", 7, np.array([11, 12]), np.array([5.0, 6.0]), pixels)
    figure = contact_sheet_figure([row], ["difference"], "")
    canvas = figure.axes[0].images[0].get_array()
    assert canvas.shape == (12, 24)
    # Rows are drawn from the top: the gap of two pixels, then the top row of the stamps.
    assert canvas[2, 0] == canvas.max() > 1.0
    assert np.ma.getmaskarray(canvas)[2:, 21].all()
    assert np.ma.getmaskarray(canvas)[:2].all()
    assert not np.ma.getmaskarray(canvas)[2:, 12:21].any()
    assert figure.axes[0].get_title(loc="left") == "injected: 2 of 7"


def test_all_stamps_of_a_channel_have_the_same_scale() -> None:
    """Channels have scales of their own; the faint class is not stretched to look as the bright one."""
    rng = np.random.default_rng(1)
    pixels = rng.uniform(0.0, 1.0, (8, 2, 10, 10)) * np.array([10.0, 1.0])[:, np.newaxis, np.newaxis]
    rows = [
        SheetRow(name, 4, np.arange(4), np.ones(4), part)
        for name, part in (("injected", pixels[:4]), ("ambiguous", 0.1 * pixels[4:]))
    ]
    figure = contact_sheet_figure(rows, ["difference", "valid"], "")
    bright, faint = (axis.images[0].get_array() for axis in figure.axes)
    for half in (slice(0, 12), slice(12, 24)):
        assert bright[half].max() == pytest.approx(1.0, abs=0.05)
        assert faint[half].max() == pytest.approx(0.1, abs=0.02)


def test_constant_channels_are_drawn() -> None:
    row = SheetRow("injected", 1, np.array([1]), np.array([5.0]), np.ones((1, 1, 5, 5)))
    canvas = contact_sheet_figure([row], ["valid"], "").axes[0].images[0].get_array()
    assert set(canvas.compressed().tolist()) == {0.5}
