# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detections matched to true changes."""

from __future__ import annotations

import numpy as np

from lsst.transient.bogus.columns import SIMULATED_TRUTH
from lsst.transient.bogus.evaluation.truth_match import match_truth, truth_significance, truth_table

from .survey_data import fill_table

ARCSEC = 1 / 3600


def _truth(change, ra=(10.0,), kind="supernova"):
    n = len(ra)
    values = {
        "truth_id": np.arange(1, n + 1),
        "kind": kind,
        "ra": np.asarray(ra),
        "dec": 0.0,
        "flux": 1000.0 + np.broadcast_to(change, (n,)),
        "reference_flux": 1000.0,
        "flux_sigma": 100.0,
    }
    return fill_table(SIMULATED_TRUTH, values, n)


def _match(ra, flux, truth, **kwargs):
    settings = {"radius_arcsec": 1.0, "min_significance": 3.0} | kwargs
    return match_truth(np.asarray(ra, float), np.zeros(len(ra)), np.asarray(flux, float), truth, **settings)


def test_near_and_changed_is_real():
    match = _match([10.0 + 0.5 * ARCSEC, 10.1], [500, 500], _truth(500))
    assert match.kind.tolist() == ["supernova", ""]
    assert match.truth_id.tolist() == [1, 0]
    assert match.is_found.tolist() == [True]
    assert truth_significance(_truth(-500)).tolist() == [-5.0]


def test_too_far_too_little_change_or_the_other_sign_is_bogus():
    for truth, flux in ((_truth(500, [10.0 + 2 * ARCSEC]), 500), (_truth(200), 500), (_truth(-500), 500)):
        assert _match([10.0], [flux], truth).kind.tolist() == [""]
    # A fading source is found as a negative detection; a flux that is not known fits either sign.
    assert _match([10.0], [-500], _truth(-500)).kind.tolist() == ["supernova"]
    assert _match([10.0], [np.nan], _truth(-500)).kind.tolist() == ["supernova"]


def test_one_true_source_is_one_detection():
    match = _match([10.0, 10.0 + 0.4 * ARCSEC], [500, 500], _truth(500, [10.0 + 0.1 * ARCSEC]))
    assert match.kind.tolist() == ["supernova", ""]


def test_no_truth_and_no_detection():
    assert _match([10.0], [500], None).kind.tolist() == [""]
    match = _match([], [], _truth(500))
    assert match.is_found.tolist() == [False]
    assert truth_table(match)["kind"].tolist() == ["supernova"]
    assert len(_match([], [], SIMULATED_TRUTH.empty()).kind) == 0
