# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the figure of injections: its panels are the catalogue."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection

from lsst.transient.bogus.plots.injections import injection_figure


def catalogue(**meta: object) -> Table:
    """Return two injections north and east of their hosts, whose major axes point north, and a free one."""
    return Table(
        {
            "x": [10.0, 20.0, 30.0],
            "y": [40.0, 50.0, 60.0],
            "ra": [0.0, 20.0 / 3600, 5.0],
            "dec": [0.5 / 3600, 0.0, 0.0],
            "mag": [20.0, 21.0, 22.0],
            "host_x": [10.0, 24.0, np.nan],
            "host_y": [42.0, 50.0, np.nan],
            "host_ra": [0.0, 0.0, np.nan],
            "host_dec": [0.0, 0.0, np.nan],
            "host_mag": [19.0, 20.0, np.nan],
            "host_semi_major": [1.0, 2.0, np.nan],
            "host_semi_minor": [0.5, 1.0, np.nan],
            "host_pa": [0.0, 0.0, np.nan],
            "offset_arcsec": [0.5, 1.0, np.nan],
            "is_hostless": [False, False, True],
        },
        meta=meta,
    )


def filled_bins(panel: Axes) -> list[tuple[float, float]]:
    return [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in panel.patches if bar.get_height() > 0]


@pytest.mark.parametrize(
    ("law", "expected"),
    [("signed_normal", (0.5, 0.5)), ("elliptical_normal", (0.5, 1.0)), ("light", (0.5, 1.0))],
)
def test_offsets_are_in_the_units_of_their_law(law: str, expected: tuple[float, ...]) -> None:
    panel = injection_figure(catalogue(OFFSET_LAW=law), "").axes[0]
    bins = filled_bins(panel)
    assert len(bins) == len(set(expected))
    assert all(any(low <= value < high for low, high in bins) for value in expected)


def test_offsets_beyond_the_axis_are_in_its_last_bin() -> None:
    table = catalogue(OFFSET_LAW="signed_normal")
    table["offset_arcsec"] = [0.5, 20.0, np.nan]
    assert filled_bins(injection_figure(table, "").axes[0])[-1][1] == 4.0


@pytest.mark.parametrize("law", ["signed_normal", "elliptical_normal", "light"])
def test_law_is_drawn_as_a_density(law: str) -> None:
    (line,) = injection_figure(catalogue(OFFSET_LAW=law), "").axes[0].lines
    assert line.get_label() == f"law {law}"
    # Nearly all of it is within four semi-major axes.
    assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("law", ["", "none"])
def test_no_law_no_line(law: str) -> None:
    assert len(injection_figure(catalogue(OFFSET_LAW=law), "").axes[0].lines) == 0


def test_hosts_without_shape_have_no_offsets_to_show() -> None:
    table = catalogue(OFFSET_LAW="none")
    table["host_semi_major"] = np.nan
    assert filled_bins(injection_figure(table, "").axes[0]) == []


def test_limits_of_the_magnitudes_are_drawn() -> None:
    panel = injection_figure(catalogue(MAGNITUDE_RANGE=[-1.0, 3.0]), "").axes[1]
    lines = {line.get_label(): list(line.get_ydata()) for line in panel.lines}
    assert lines["as bright as the host"] == [19.0, 20.0]
    assert lines["host -1 mag"] == [18.0, 19.0]
    assert lines["host +3 mag"] == [22.0, 23.0]
    assert "host -1 mag" not in {line.get_label() for line in injection_figure(catalogue(), "").axes[1].lines}


def test_host_less_injections_are_marks_at_the_edge() -> None:
    panel = injection_figure(catalogue(), "").axes[1]
    marks = panel.lines[-1]
    assert (list(marks.get_xdata()), list(marks.get_ydata())) == ([0.0], [22.0])
    assert marks.get_transform() == panel.get_yaxis_transform()
    assert panel.yaxis_inverted()


def test_hosts_are_circled() -> None:
    image = np.zeros((30, 40))
    panel = injection_figure(catalogue(PIXEL_SCALE=0.2), "", image=image, origin=(5, 35)).axes[0]
    (circles,) = (c for c in panel.collections if isinstance(c, EllipseCollection))
    np.testing.assert_array_equal(circles.get_offsets(), [[10.0, 42.0], [24.0, 50.0]])
    # Three semi-major axes of 1 and 2 arcsec to either side.
    np.testing.assert_allclose(circles.get_widths(), [30.0, 60.0])
    np.testing.assert_allclose(circles.get_heights(), [30.0, 60.0])


def test_large_images_are_averaged_in_blocks() -> None:
    image = np.zeros((1500, 3000))
    image[300:303, 600:603] = 9.0
    image[0:3, 0:3] = np.nan
    (shown,) = injection_figure(catalogue(), "", image=image, origin=(100, 200)).axes[0].images
    assert shown.get_array().shape == (500, 1000)
    assert shown.get_extent() == [99.5, 3099.5, 199.5, 1699.5]
    assert np.ma.masked_invalid(shown.get_array()).argmax() == 100 * 1000 + 200
