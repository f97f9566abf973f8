# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the statistics of light curves, against analytic answers."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.evidence import ConfirmationRule, EvidenceModel
from lsst.transient.bogus.light_curves import (
    astrometry,
    log_slope,
    nights,
    object_statistics,
    reduced_chi2_of_constant,
)


def _rows(n, **changed):
    rows = {
        "ra": np.full(n, 10.0),
        "dec": np.full(n, 60.0),
        "position_error": np.full(n, 0.1),
        "midpointMjdTai": 100.0 + np.arange(n),
        "band": np.full(n, "r"),
        "psfFlux": np.full(n, 100.0),
        "psfFluxErr": np.full(n, 10.0),
        "snr": np.full(n, 10.0),
        "score": np.full(n, 0.8),
        "is_forced": np.zeros(n, bool),
        "is_injected": np.zeros(n, bool),
    }
    rows |= {name: np.asarray(value) for name, value in changed.items()}
    rows["night"] = nights(rows["midpointMjdTai"])
    return rows


def _statistics(rows, owner, n_objects):
    return object_statistics(
        rows, owner, n_objects=n_objects, evidence=EvidenceModel(), rule=ConfirmationRule()
    )


def test_noon_divides_nights():
    np.testing.assert_array_equal(nights([100.4, 100.6, 101.4]), [99, 100, 100])
    np.testing.assert_array_equal(nights([100.6], offset=-0.2), [99])


def test_counts_peak_and_times():
    rows = _rows(
        5,
        midpointMjdTai=[100.9, 101.1, 102.0, 100.0, 100.0],
        band=["r", "i", "r", "g", "g"],
        psfFlux=[50.0, -300.0, 200.0, np.nan, 1.0],
        snr=[5.0, 30.0, 20.0, np.nan, 3.0],
        score=[0.9, 0.4, 0.6, np.nan, 0.7],
        is_injected=[0, 0, 1, 0, 0],
        is_forced=[0, 0, 0, 0, 1],
    )
    columns = _statistics(rows, [1, 1, 1, 0, 0], 2)
    expected = {
        "n_detections": [1, 3],
        "n_nights": [1, 2],
        "n_nights_above": [0, 2],
        "n_nights_supporting": [0, 2],
        "n_bands": [1, 2],
        "bands": ["g", "ir"],
        "n_injected": [0, 1],
    }
    expected |= {"detections_by_band": ["g1", "i1 r2"], "nights_by_band": ["g1", "i1 r2"]}
    for name, value in expected.items():
        assert columns[name].tolist() == value, name
    np.testing.assert_allclose(columns["first_score"], [np.nan, 0.9])
    np.testing.assert_allclose(columns["last_score"], [np.nan, 0.6])
    np.testing.assert_allclose(columns["score_scatter"], [np.nan, np.std([0.9, 0.4, 0.6])])
    np.testing.assert_allclose(columns["negative_fraction"], [0.0, 1 / 3])
    np.testing.assert_allclose(columns["persistence"], [0.5, 1.0])
    np.testing.assert_allclose(columns["max_score"], [np.nan, 0.9])
    np.testing.assert_allclose(columns["mean_score"], [np.nan, 19 / 30])
    np.testing.assert_allclose(columns["peak_flux"], [np.nan, -300.0])
    np.testing.assert_allclose(columns["peak_snr"], [np.nan, 30.0])
    np.testing.assert_allclose(columns["peak_mjd"], [100.0, 101.1])
    np.testing.assert_allclose(columns["duration"], [0.0, 1.1])


def test_chi2_of_a_constant_is_taken_in_each_band():
    rows = _rows(5, band=["r", "r", "i", "i", "i"], psfFlux=[90, 110, 500, 520, np.nan])
    chi2 = reduced_chi2_of_constant(rows, np.array([0, 0, 0, 0, 1]), n_objects=2)
    # Each pair is 10 from its mean with errors of 10: 4 over 4 - 2.
    np.testing.assert_allclose(chi2, [2.0, np.nan])


@pytest.mark.parametrize("sign", [1, -1])
def test_rise_and_fade_of_exponentials(sign):
    time = np.array([0.0, 1.0, 2.0, 4.0, 6.0, 9.0])
    flux = sign * 1000.0 * np.where(time < 2.0, np.exp(0.5 * (time - 2.0)), np.exp(-0.25 * (time - 2.0)))
    # Neither another band nor a point of the other sign matters.
    rows = _rows(
        8,
        midpointMjdTai=[*time, 5.0, 5.5],
        psfFlux=[*flux, 7.0 * sign, -500.0 * sign],
        psfFluxErr=np.full(8, 1.0),
        band=["r"] * 6 + ["i", "r"],
    )
    columns = _statistics(rows, np.zeros(8, int), 1)
    assert columns["rise_rate"][0] == pytest.approx(0.5)
    assert columns["fade_rate"][0] == pytest.approx(-0.25)


def test_slope_needs_two_times():
    rows = _rows(2, midpointMjdTai=[5.0, 5.0])
    peak = {name: value[:1] for name, value in rows.items()}
    assert np.isnan(log_slope(rows, np.zeros(2, int), peak, side=1)).all()


def test_motion_and_position_of_a_mover_across_ra_zero():
    time = np.array([0.0, 1.0, 2.0, 3.0])
    # 0.3 arcsec/d to the east and 0.4 to the north.
    rows = _rows(
        4,
        midpointMjdTai=time,
        ra=np.mod((time - 1.5) * 0.3 / 3600.0 / np.cos(np.radians(60.0)), 360.0),
        dec=60.0 + (time - 1.5) * 0.4 / 3600.0,
    )
    columns = astrometry(rows, np.zeros(4, int), n_objects=1)
    assert columns["motion"][0] == pytest.approx(0.5, rel=1e-4)
    # The error of a slope is 0.1 / sqrt(sum dt^2 = 5).
    assert columns["motion_significance"][0] == pytest.approx(0.5 / (0.1 / np.sqrt(5.0)), rel=1e-4)
    assert columns["dec"][0] == pytest.approx(60.0, abs=1e-9)
    assert columns["raErr"][0] == pytest.approx(0.1 / 2.0 / 3600.0, rel=1e-4)


def test_scatter_enlarges_errors():
    offsets = np.array([1.0, -1.0, -1.0, 1.0])
    rows = _rows(4, dec=60.0 + offsets / 3600.0)
    columns = astrometry(rows, np.zeros(4, int), n_objects=1)
    # Chi-squared 400 for 4 degrees of freedom, no slope.
    assert columns["decErr"][0] == pytest.approx(0.05 * 10.0 / 3600.0, rel=1e-6)
    assert columns["motion"][0] == pytest.approx(0.0, abs=1e-6)


def test_one_time_has_no_motion():
    columns = astrometry(_rows(2, midpointMjdTai=[5.0, 5.0]), np.zeros(2, int), n_objects=1)
    assert np.isnan(columns["motion"][0])
    assert np.isnan(columns["motion_significance"][0])


def test_no_objects():
    columns = _statistics(_rows(0), np.zeros(0, int), 0)
    assert {len(column) for column in columns.values()} == {0}


def test_echoes_in_the_template_say_nothing_new():
    score = [0.9, 0.9, 0.9]
    glint = _rows(3, psfFlux=[-40.0, -50.0, 100.0], score=score)
    # A second positive detection, or one of another band, is not from the template.
    twice = _rows(3, psfFlux=[-40.0, 80.0, 100.0], score=score)
    bands = _rows(3, psfFlux=[-40.0, -50.0, 100.0], band=["r", "g", "r"], score=score)
    rows = {name: np.concatenate([r[name] for r in (glint, twice, bands)]) for name in glint}
    owner = np.repeat([0, 1, 2], 3)
    columns = _statistics(rows, owner, 3)
    assert columns["n_nights"].tolist() == [3, 3, 3]
    assert columns["n_nights_above"].tolist() == [1, 3, 2]
    assert columns["n_nights_supporting"].tolist() == [1, 3, 2]
    assert columns["max_score"].tolist() == [0.9, 0.9, 0.9]
    single = columns["score_log_ratio"][0]
    np.testing.assert_allclose(columns["score_log_ratio"][2] / single, 2.0, rtol=0.2)
    model = EvidenceModel(template_echoes=False)
    apart = object_statistics(rows, owner, n_objects=3, evidence=model, rule=ConfirmationRule())
    assert apart["n_nights_above"].tolist() == [3, 3, 3]


def test_two_detections_in_any_bands_are_no_single_visit():
    flux, band = [-40.0, 80.0, 100.0, -30.0], ["g", "g", "r", "r"]
    rows = _rows(4, psfFlux=flux, band=band, score=[0.3, 0.9, 0.9, 0.001])
    columns = _statistics(rows, np.zeros(4, int), 1)
    # Neither negative detection is an echo; the last supports by fading alone.
    assert columns["n_nights_above"].tolist() == [3]
    assert columns["n_nights_supporting"].tolist() == [4]
    rows["psfFlux"] = np.array([-40.0, 80.0, -10.0, -30.0])
    alone = _statistics(rows, np.zeros(4, int), 1)
    assert alone["n_nights_above"].tolist() == [2]


def test_log_ratios_add_up():
    rows = _rows(6, psfFlux=[10.0, 60.0, 90.0, 70.0, 50.0, 30.0])
    columns = _statistics(rows, np.zeros(6, int), 1)
    score, curve, position = (columns[f"{name}_log_ratio"][0] for name in ("score", "curve", "position"))
    assert columns["log_likelihood_ratio"][0] == pytest.approx(score + curve)
    assert curve > 0.1
    assert position > 0.1
    for limits, expected in (((0.0, 0.0), score), ((9.0, 9.0), score + curve + position)):
        model = EvidenceModel(max_curve_ratio=limits[0], max_position_ratio=limits[1])
        columns = object_statistics(
            rows, np.zeros(6, int), n_objects=1, evidence=model, rule=ConfirmationRule()
        )
        assert columns["log_likelihood_ratio"][0] == pytest.approx(expected)


def test_nights_that_speak_for_an_object_support_it():
    rows = _rows(4, score=[0.9, 0.2, 0.05, np.nan])
    model = EvidenceModel(prior=0.1)
    columns = object_statistics(rows, np.zeros(4, int), n_objects=1, evidence=model, rule=ConfirmationRule())
    assert columns["n_nights_above"].tolist() == [1]
    assert columns["n_nights_supporting"].tolist() == [2]


def test_significant_forced_fluxes_support_an_object():
    rows = _rows(5, is_forced=[0, 1, 1, 1, 1], score=[0.9] + 4 * [np.nan])
    # Faint, of the other sign, with an injection in the way, significant.
    rows["psfFlux"] = np.array([100.0, 30.0, -60.0, 60.0, 60.0])
    rows["is_injected"] = np.array([0, 0, 0, 1, 0])
    own = np.zeros(5, int)
    assert _statistics(rows, own, 1)["n_nights_supporting"].tolist() == [2]
    rows["psfFlux"] *= -1
    assert _statistics(rows, own, 1)["n_nights_supporting"].tolist() == [2]
    rule = ConfirmationRule(min_forced_snr=np.inf)
    alone = object_statistics(rows, own, n_objects=1, evidence=EvidenceModel(), rule=rule)
    assert alone["n_nights_supporting"].tolist() == [1]


def test_forced_fluxes_that_hold_an_injection_do_not_count():
    rows = _rows(4, psfFlux=[100.0, 110.0, 90.0, 9000.0], is_forced=[0, 0, 0, 1], is_injected=[0, 0, 0, 1])
    columns = _statistics(rows, np.zeros(4, int), 1)
    assert columns["chi2_constant"][0] == pytest.approx(1.0)
    assert columns["persistence"][0] == 1.0
    assert columns["n_injected"][0] == 0
