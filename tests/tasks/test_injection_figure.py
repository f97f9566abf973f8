# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the tasks that draw injection catalogues."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from lsst.images import Box, Image
from lsst.pipe.base.testUtils import lintConnections
from lsst.transient.bogus.columns import INJECTION_CATALOG
from lsst.transient.bogus.tasks.injection_figure import (
    InjectionFigureConfig,
    InjectionFigureConnections,
    InjectionFigureTask,
    SurveyInjectionFigureConnections,
    SurveyInjectionFigureTask,
)


class Handle:
    def __init__(self, table: Table) -> None:
        self.table = table

    def get(self, *, parameters: dict[str, Any] | None = None, **_: Any) -> Table:
        return self.table


def catalogue(n_hosted: int, n_hostless: int, law: str = "signed_normal") -> Table:
    n = n_hosted + n_hostless
    rng = np.random.default_rng(n)
    hostless = np.arange(n) >= n_hosted
    data = {c.name: np.full(n, c.fill) for c in INJECTION_CATALOG.columns}
    host = np.where(hostless, np.nan, rng.uniform(18, 24, n))
    data |= {
        "x": rng.uniform(100, 180, n),
        "y": rng.uniform(200, 260, n),
        "mag": rng.uniform(18, 26, n),
        "host_mag": host,
        "host_semi_major": np.where(hostless, np.nan, 1.0),
        "offset_arcsec": np.where(hostless, np.nan, np.abs(rng.normal(size=n))),
        "is_hostless": hostless,
    }
    return INJECTION_CATALOG.build(data, meta={"OFFSET_LAW": law})


@pytest.mark.parametrize("connections", [InjectionFigureConnections, SurveyInjectionFigureConnections])
def test_connections(connections: type) -> None:
    lintConnections(connections)


@pytest.mark.parametrize("do_image", [True, False])
def test_image_is_read_only_if_wanted(do_image: bool) -> None:
    connections = InjectionFigureConnections(config=InjectionFigureConfig(doImage=do_image))
    assert ("image" in connections.inputs) == do_image


def test_injections_are_marked_where_they_are() -> None:
    catalog = catalogue(6, 2)
    box = Box.factory[200:260, 100:180]
    image = Image(np.random.default_rng(1).normal(size=(60, 80)).astype(np.float32), bbox=box, unit=u.nJy)
    figure = InjectionFigureTask().run(injection_catalog=Handle(catalog), image=image).figure
    panel, offsets, magnitudes = figure.axes
    assert panel.images[0].get_extent() == [99.5, 179.5, 199.5, 259.5]
    marks = np.concatenate([marks.get_offsets() for marks in panel.collections[:2]])
    np.testing.assert_allclose(marks, np.stack([catalog["x"], catalog["y"]], axis=1))
    assert len(offsets.lines) == 1
    points = magnitudes.collections[0].get_offsets()
    np.testing.assert_allclose(points, np.stack([catalog["host_mag"], catalog["mag"]], axis=1)[:6])


def test_image_without_data() -> None:
    box = Box.factory[0:5, 0:5]
    image = Image(np.full((5, 5), np.nan, dtype=np.float32), bbox=box, unit=u.nJy)
    assert (
        len(InjectionFigureTask().run(injection_catalog=Handle(catalogue(2, 1)), image=image).figure.axes)
        == 3
    )


@pytest.mark.parametrize(("n_hosted", "n_hostless"), [(5, 0), (0, 3)])
def test_without_image(n_hosted: int, n_hostless: int) -> None:
    catalog = catalogue(n_hosted, n_hostless)
    figure = InjectionFigureTask().run(injection_catalog=Handle(catalog)).figure
    assert len(figure.axes) == 2
    assert f"{n_hosted} hosted and {n_hostless} host-less" in figure.get_supxlabel()


def test_no_injection() -> None:
    figure = InjectionFigureTask().run(injection_catalog=Handle(catalogue(0, 0))).figure
    assert [text.get_text() for text in figure.texts] == ["No injection to show"]


def test_image_follows_the_science_image() -> None:
    config = InjectionFigureConfig()
    config.connections.science = "other_image"
    assert InjectionFigureConnections(config=config).image.name == "other_image.image"


@pytest.mark.parametrize(("laws", "lines"), [(("signed_normal",) * 2, 1), (("signed_normal", "light"), 0)])
def test_survey_draws_the_law_if_there_is_one(laws: tuple[str, str], lines: int) -> None:
    handles = [Handle(catalogue(5, 1, law)) for law in laws]
    figure = SurveyInjectionFigureTask().run(injection_catalogs=handles).figure
    assert len(figure.axes[0].lines) == lines
    assert "10 hosted and 2 host-less" in figure.get_supxlabel()
