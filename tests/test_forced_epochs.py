# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the join of forced photometry to objects."""

from __future__ import annotations

import numpy as np
from astropy.table import Table

from lsst.transient.bogus.forced_epochs import FORCED_COLUMNS, join_forced


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


def _join(forced, visits=(1,), owner=(0,), injected=None):
    n = len(visits)
    detections = {
        "visit": np.array(visits),
        "ra": np.full(n, 10.0),
        "dec": np.zeros(n),
        "is_injected": np.zeros(n, bool) if injected is None else np.array(injected),
    }
    return join_forced(
        forced,
        detections,
        np.array(owner),
        np.array([10.0, 10.0]),
        np.array([0.0, 5.0]) / 3600.0,
        radius_arcsec=0.5,
        injection_radius_arcsec=3.0,
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


def test_forced_fluxes_that_hold_an_injection_are_flagged():
    # Objects at 0 and 5 arcsec, injections at 0 in visits 2 and 3; visit 3 has the second object alone.
    forced = _forced([2, 2, 3, 4], [0.0, 5.0, 5.0, 0.0])
    epochs, owner = _join(forced, visits=(1, 2, 3), owner=(0, -1, -1), injected=[False, True, True])
    place = np.lexsort((epochs["visit"], owner))
    assert owner[place].tolist() == [0, 0, 1, 1]
    assert epochs["visit"][place].tolist() == [2, 4, 2, 3]
    assert epochs["is_injected"][place].tolist() == [True, False, False, False]
