# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the figures of light curves: what is drawn is what the table says."""

from __future__ import annotations

import io

import numpy as np
import pytest

from lsst.transient.bogus.columns import LIGHT_CURVES, OBJECTS
from lsst.transient.bogus.plots.light_curves import (
    candidate_figure,
    gallery_figure,
    light_curve_figure,
)
from lsst.transient.bogus.plots.object_text import host_text

N = 5


def _light_curve(object_id=9):
    fill = {c.name: c.fill for c in LIGHT_CURVES.columns}
    return LIGHT_CURVES.build(
        fill
        | {
            "diaObjectId": np.full(N, object_id),
            "band": ["g", "r", "g", "r", "r"],
            "midpointMjdTai": 60000.0 + np.arange(N),
            "psfFlux": 100.0 * np.arange(N),
            "psfFluxErr": 10.0,
            "snr": 10.0 * np.arange(N),
            "score": [0.1, 0.5, np.nan, 0.9, np.nan],
            "is_forced": [0, 0, 0, 0, 1],
            "is_injected": [0, 1, 0, 0, 0],
        }
    )


def _objects(ids):
    fill = {c.name: c.fill for c in OBJECTS.columns}
    return OBJECTS.build(
        fill
        | {
            "diaObjectId": ids,
            "probability": np.linspace(0.1, 0.9, len(ids)),
            "peak_snr": 5.0,
            "first_mjd": 6e4,
        }
    )


def _draw(figure):
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return figure


@pytest.mark.parametrize("dark", [False, True])
def test_a_panel_for_each_band_with_all_its_points(dark):
    figure = _draw(light_curve_figure(_light_curve(), _objects([9])[0], dark=dark))
    panels = [axis for axis in figure.axes if axis.get_ylabel().endswith("flux [nJy]")]
    assert [axis.get_ylabel()[0] for axis in panels] == ["g", "r"]
    drawn = [
        sum(len(c.get_offsets()) for c in axis.collections if hasattr(c, "get_sizes")) for axis in panels
    ]
    assert drawn == [2, 3]
    assert "9" in panels[0].get_title(loc="left")


def test_candidate_page_shows_the_epochs_with_stamps_in_order_of_time():
    stamps = np.random.default_rng(0).normal(size=(N, 3, 8, 8))
    stamps[4] = np.nan
    figure = _draw(
        candidate_figure(_light_curve(), stamps, ["difference", "science", "template"], max_epochs=3)
    )
    images = [axis for sub in figure.subfigs for axis in sub.axes if axis.images]
    assert len(images) == 3 * 3
    # The faintest of the four epochs with stamps is left out.
    times = [axis.get_title(loc="center").split()[0] for axis in images if axis.get_title(loc="center")]
    assert times == ["60001.0", "60002.0", "60003.0"]


def test_candidate_page_shows_the_host():
    stamps = np.random.default_rng(0).normal(size=(N, 2, 8, 8))
    stamps[0, 1, 3, 4] = np.nan
    objects = _objects([9])
    for name, value in {
        "host_id": 5,
        "host_mag": 21.34,
        "host_offset": 1.5,
        "host_normalized_offset": 2.0,
    }.items():
        objects[name] = value
    figure = _draw(candidate_figure(_light_curve(), stamps, ["difference", "template"], objects[0]))
    [axis] = [axis for sub in figure.subfigs[0].subfigs for axis in sub.axes if axis.images]
    template = axis.images[0].get_array()
    np.testing.assert_allclose(template[0, 0], stamps[:, 1, 0, 0].mean())
    np.testing.assert_allclose(template[3, 4], stamps[1:, 1, 3, 4].mean())
    assert axis.get_xlabel() == "host 21.3 mag\n1.5″ away\n2.0 of its radii"
    objects["host_id"] = 0
    assert host_text(objects[0]) == "no host known"


def test_candidate_without_stamps():
    figure = _draw(candidate_figure(_light_curve(), np.full((N, 1, 4, 4), np.nan), ["difference"]))
    assert not any(axis.images for axis in figure.axes)


def test_gallery_is_in_order_of_probability():
    from astropy.table import vstack

    figure = _draw(
        gallery_figure(_objects([1, 2, 3, 4]), vstack([_light_curve(i) for i in (1, 2, 3, 4)]), max_objects=3)
    )
    shown = [axis.texts[0].get_text() for axis in figure.axes if axis.texts]
    assert shown == ["4", "3", "2"]


@pytest.mark.parametrize(
    "figure",
    [
        light_curve_figure(LIGHT_CURVES.empty()),
        candidate_figure(LIGHT_CURVES.empty(), np.zeros((0, 1, 4, 4)), ["difference"]),
        gallery_figure(OBJECTS.empty(), LIGHT_CURVES.empty()),
    ],
    ids=["light_curve", "candidate", "gallery"],
)
def test_nothing_to_draw_is_said(figure):
    assert _draw(figure).texts[0].get_text().startswith("No ")
