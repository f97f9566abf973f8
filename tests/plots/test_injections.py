# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the figure of injections: its panels are the catalogue."""

from __future__ import annotations

import numpy as np
from astropy.table import Table

from lsst.transient.bogus.plots.injections import injection_figure


def catalogue() -> Table:
    return Table(
        {
            "x": [1.0, 2.0, 3.0],
            "y": [4.0, 5.0, 6.0],
            "mag": [20.0, 21.0, 22.0],
            "host_mag": [19.0, 20.0, np.nan],
            "host_semi_major": [1.0, 2.0, np.nan],
            "offset_arcsec": [0.5, 20.0, np.nan],
            "is_hostless": [False, False, True],
        }
    )


def test_offsets_are_in_units_of_the_host() -> None:
    panel = injection_figure(catalogue(), "").axes[0]
    filled = [bar for bar in panel.patches if bar.get_height() > 0]
    # 0.5 of the first; 10 of the second is in the last bin.
    assert filled[0].get_x() <= 0.5 < filled[0].get_x() + filled[0].get_width()
    assert filled[-1].get_x() + filled[-1].get_width() == 4.0
    assert len(filled) == 2


def test_host_less_injections_are_marks_at_the_edge() -> None:
    panel = injection_figure(catalogue(), "").axes[1]
    marks = [line for line in panel.lines if list(line.get_ydata()) == [22.0, 22.0]]
    assert len(marks) == 1
    assert panel.yaxis_inverted()
