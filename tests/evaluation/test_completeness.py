# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Completeness counts undetected injections, in bins of magnitude and expected significance."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from lsst.transient.bogus.columns import INJECTED_MATCH
from lsst.transient.bogus.evaluation.completeness import (
    completeness_curves,
    completeness_metrics,
    injection_table,
)

from .survey_data import fill_table


@pytest.fixture
def injections():
    """Four injections of 1000 nJy and 100 nJy with flux errors of 10 nJy; the faint ones are lost."""
    sources = Table({"diaSourceId": [7, 5, 9], "rank": [0.9, 0.2, 0.5], "flux_err": [10.0, 10.0, 1000.0]})
    matches = fill_table(
        INJECTED_MATCH,
        {
            "mag": 31.4 - 2.5 * np.log10([1000.0, 1000.0, 100.0, 100.0, 1000.0]),
            "band": "r",
            "diaSourceId": np.array([5, 7, 0, 0, 0]),
            "is_hostless": np.array([True, False, False, False, False]),
            # The last one fell off the detector.
            "injection_flag": np.array([0, 0, 0, 0, 1]),
        },
        5,
    )
    return injection_table(matches, sources, visit=3, detector=2)


def test_each_injection_finds_its_score_by_identifier(injections):
    assert injections["is_found"].tolist() == [True, True, False, False]
    assert injections["rank"][:2].tolist() == [0.2, 0.9]
    assert np.isnan(injections["rank"][2:]).all()
    np.testing.assert_allclose(injections["snr"], [100, 100, 10, 10])


def test_metrics(injections):
    rows = {(r.metric, r.subset): r.estimate for r in completeness_metrics(injections, 0.5)}
    assert rows["n_injected", "all"].value == 4
    assert rows["completeness", "all"].value == 0.5
    assert rows["completeness_selected", "all"].value == 0.25
    assert rows["completeness", "host=hostless"].value == 1.0
    assert rows["completeness", "all"].low < 0.5 < rows["completeness", "all"].high


def test_curves(injections):
    curves = {
        (c.curve, c.subset): c for c in completeness_curves(injections, 0.5, snr_edges=[5.0, 20.0, 200.0])
    }
    snr = curves["completeness_snr", "all"]
    assert snr.y.tolist() == [0.0, 1.0]
    assert snr.n.tolist() == [2, 2]
    assert curves["completeness_snr_selected", "all"].y.tolist() == [0.0, 0.5]
    magnitude = curves["completeness_mag", "all"]
    assert magnitude.n.sum() == 4
    assert magnitude.y[0] == 1.0
    assert magnitude.y[-1] == 0.0


def test_a_table_of_the_stack_needs_no_columns_of_ours():
    sources = Table({"diaSourceId": [7], "rank": [0.9], "flux_err": [10.0], "band": ["i"]})
    matches = Table({"mag": [20.0, 21.0], "diaSourceId": [7, 0]})
    table = injection_table(matches, sources, visit=1, detector=1)
    assert table["band"].tolist() == ["i", "i"]
    assert table["is_found"].tolist() == [True, False]
    assert not table["is_hostless"].any()


def test_a_detector_without_detections():
    sources = Table({"diaSourceId": np.zeros(0, int), "rank": np.zeros(0), "flux_err": np.zeros(0)})
    matches = fill_table(INJECTED_MATCH, {"mag": 20.0, "band": "r"}, 2)
    table = injection_table(matches, sources, visit=1, detector=1)
    assert table["is_found"].tolist() == [False, False]
    assert np.isnan(table["snr"]).all()
    assert completeness_curves(table[:0], 0.5, snr_edges=[5, 10]) == []
