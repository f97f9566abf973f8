# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the gathering of epochs from tables."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from lsst.transient.bogus.epochs import FORCED_COLUMNS, gather_detections, join_forced, values


def _dia_sources(n=4, scale=0.3, angle=0.7):
    x, y = np.random.default_rng(0).uniform(1000.0, 1500.0, (2, n))
    dx, dy = (x - 1200.0) * scale / 3600.0, (y - 1200.0) * scale / 3600.0
    dec = -40.0 + np.sin(angle) * dx + np.cos(angle) * dy
    ra = 200.0 + (np.cos(angle) * dx - np.sin(angle) * dy) / np.cos(np.radians(-40.0))
    return Table(
        {
            "diaSourceId": np.arange(n),
            "visit": np.full(n, 3),
            "detector": np.full(n, 1, np.int16),
            "band": np.full(n, "r"),
            "midpointMjdTai": np.full(n, 5.0),
            "ra": ra,
            "dec": dec,
            "x": x,
            "y": y,
            "xErr": np.full(n, 0.4),
            "yErr": np.full(n, 0.4),
            "snr": np.full(n, 5.0),
            "psfFlux": np.full(n, 1.0),
            "psfFluxErr": np.full(n, 0.2),
        }
    )


def _gather(table, **kwargs):
    return gather_detections(table, None, None, where="here", **{"position_error_floor": 0.09} | kwargs)


def test_position_errors_are_in_arcsec():
    errors = _gather(_dia_sources())["position_error"]
    # 0.4 pixel of 0.3 arcsec, and the floor, in quadrature.
    np.testing.assert_allclose(errors, 0.15, rtol=1e-3)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_positions_leave_the_floor(n):
    np.testing.assert_array_equal(_gather(_dia_sources(n))["position_error"], np.full(n, 0.09))


def test_unknown_pixel_errors_leave_the_floor():
    table = _dia_sources()
    table["xErr"][1] = np.nan
    errors = _gather(table)["position_error"]
    assert errors[1] == 0.09
    assert errors[0] > 0.1


def test_masked_values_are_unknown():
    table = Table({"a": MaskedColumn([1.0, 2.0], mask=[0, 1]), "b": MaskedColumn([True, True], mask=[0, 1])})
    np.testing.assert_array_equal(values(table, "a", float), [1.0, np.nan])
    np.testing.assert_array_equal(values(table, "b", bool), [True, False])


def _forced(visit, dec, flux=10.0, error=2.0, flag=False):
    n = len(visit)
    columns = dict.fromkeys(FORCED_COLUMNS, 0.0) | {
        "visit": visit,
        "detector": np.zeros(n, int),
        "band": np.full(n, "r"),
        "midpointMjdTai": np.asarray(visit, float),
        "ra": np.full(n, 10.0),
        "dec": np.asarray(dec) / 3600.0,
        "psfDiffFlux": np.broadcast_to(flux, n).astype(float),
        "psfDiffFluxErr": np.broadcast_to(error, n).astype(float),
        "psfDiffFlux_flag": np.broadcast_to(flag, n).astype(bool),
    }
    return Table(columns)


def _join(forced, visits=(1,), owner=(0,)):
    detections = {"visit": np.array(visits)}
    return join_forced(
        forced,
        detections,
        np.array(owner),
        np.array([10.0, 10.0]),
        np.array([0.0, 5.0]) / 3600.0,
        radius_arcsec=0.5,
    )


def test_forced_points_go_to_the_nearest_object_once_a_visit():
    # Two at the first object in visit 2 (the nearer stays), one at the second, one at none.
    epochs, owner = _join(_forced([2, 2, 2, 2, 1], [0.3, 0.1, 5.2, 2.0, 0.0], flux=[1, 2, 3, 4, 5]))
    assert owner.tolist() == [0, 1]
    assert epochs["psfFlux"].tolist() == [2.0, 3.0]
    assert epochs["snr"].tolist() == [1.0, 1.5]
    assert epochs["is_forced"].all()
    assert np.isnan(epochs["score"]).all()


def test_unusable_forced_points_are_left_out():
    forced = _forced(
        [2, 3, 4, 5], [0, 0, 0, 0], [1, np.nan, 1, 1], [1, 1, 0, np.nan], [True, False, False, False]
    )
    epochs, owner = _join(forced)
    assert len(owner) == len(epochs["psfFlux"]) == 0
