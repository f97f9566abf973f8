# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the tables of objects and light curves."""

from __future__ import annotations

import numpy as np

from lsst.transient.bogus.columns import LIGHT_CURVES, OBJECTS
from lsst.transient.bogus.epochs import no_truth
from lsst.transient.bogus.evidence import ConfirmationRule, EvidenceModel
from lsst.transient.bogus.objects import match_epochs, object_tables


def _epochs(visit, dec_arcsec, injected=None):
    n = len(visit)
    return {
        "diaSourceId": 100 * np.asarray(visit) + np.arange(n),
        "visit": np.asarray(visit),
        "detector": np.zeros(n, int),
        "band": np.full(n, "r"),
        "midpointMjdTai": 60000.2 + np.asarray(visit),
        "ra": np.full(n, 10.0),
        "dec": np.asarray(dec_arcsec) / 3600.0,
        "snr": np.full(n, 8.0),
        "psfFlux": np.full(n, 80.0),
        "psfFluxErr": np.full(n, 10.0),
        "score": np.full(n, 0.9),
        "score_std": np.zeros(n),
        "score_flag": np.zeros(n, int),
        "position_error": np.full(n, 0.1),
        "is_forced": np.zeros(n, bool),
        **no_truth(n),
        "is_injected": np.zeros(n, bool) if injected is None else np.asarray(injected, bool),
    }


def _tables(epochs, owner, names, owned=None):
    return object_tables(
        epochs,
        np.asarray(owner),
        names=np.asarray(names),
        owned=np.ones(len(names), bool) if owned is None else np.asarray(owned),
        evidence=EvidenceModel(),
        rule=ConfirmationRule(),
        meta={"EXTRA": 1},
    )


def test_injections_share_no_object():
    epochs = _epochs([1, 2, 2, 3, 3], [0.0, 0.0, 0.1, 0.05, 9.0], [0, 0, 1, 1, 1])
    owner = match_epochs(epochs, radius_arcsec=1.0)
    assert owner[0] == owner[1]
    assert len(set(owner.tolist())) == 4


def test_injections_without_position_have_no_object():
    epochs = _epochs([1, 2], [0.0, np.nan], [0, 1])
    assert match_epochs(epochs, radius_arcsec=1.0).tolist() == [0, -1]


def test_tables_are_in_order_of_object_and_time():
    epochs = _epochs([3, 1, 2, 1, 9], [0, 0, 0, 5, 9])
    objects, curves = _tables(epochs, [1, 1, 1, 0, -1], [70, 20])
    assert objects["diaObjectId"].tolist() == [20, 70]
    assert objects["n_detections"].tolist() == [3, 1]
    assert curves["diaObjectId"].tolist() == [20, 20, 20, 70]
    assert curves["visit"].tolist() == [1, 2, 3, 1]
    assert objects.meta["EXTRA"] == curves.meta["EXTRA"] == 1
    OBJECTS.check(objects)
    LIGHT_CURVES.check(curves)


def test_objects_of_other_shards_are_left_out():
    objects, curves = _tables(_epochs([1, 2, 1], [0, 0, 5]), [0, 0, 1], [5, 6], owned=[False, True])
    assert objects["diaObjectId"].tolist() == [6]
    assert curves["visit"].tolist() == [1]


def test_truth_is_that_of_the_injection_and_kept_apart():
    epochs = _epochs([1, 2, 2], [0, 0, 5], [0, 0, 1])
    epochs |= {
        "truth_injection_id": np.array([0, 0, 2**60 + 1]),
        "truth_mag": np.array([np.nan, np.nan, 22.5]),
        "truth_separation": np.array([np.nan, np.nan, 0.03]),
    }
    objects, _ = _tables(epochs, [0, 0, 1], [5, 6])
    assert objects["truth_injection_id"].tolist() == [0, 2**60 + 1]
    np.testing.assert_allclose(objects["truth_mag"], [np.nan, 22.5])
    np.testing.assert_allclose(objects["truth_separation"], [np.nan, 0.03], rtol=1e-6)
    assert objects["n_injected"].tolist() == [0, 1]
    assert "truth" not in objects.meta["CONFIRMATION_RULE"]


def test_no_objects_at_all():
    objects, curves = _tables(_epochs([], []), np.zeros(0, int), np.zeros(0, int))
    assert len(objects) == len(curves) == 0
    objects, curves = _tables(_epochs([1], [0]), [-1], np.zeros(0, int))
    assert len(objects) == len(curves) == 0
