# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the gathering of epochs from tables."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from lsst.transient.bogus.epochs import gather_detections, values


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
