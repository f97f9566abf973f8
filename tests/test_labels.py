# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of labels."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.labels import (
    LabelFlag,
    Matches,
    contradicts_flux,
    flag_bits,
    label_flags,
    magnitude_to_flux,
    match_by_position,
    match_by_table,
)

ARCSEC = 1 / 3600


def test_magnitude_of_a_jansky() -> None:
    assert magnitude_to_flux(8.9) == pytest.approx(1e9)


def test_match_by_position_is_one_to_one() -> None:
    # Two detections about one injection, and one far away, across RA = 0.
    ra = np.array([359.99995, 0.00001, 10.0])
    matches = match_by_position(ra, np.zeros(3), [0.0], [0.0], radius_arcsec=0.5)
    assert matches.injection.tolist() == [-1, 0, -1]
    np.testing.assert_allclose(matches.separation, [np.nan, 0.036, np.nan], atol=1e-9)


def test_match_by_table_goes_by_identifier() -> None:
    matches = match_by_table(
        np.array([900, 100, 500]),
        matched_dia_source=np.array([0, 500, 900, 777]),
        matched_injection=np.array([1, 2, 3, 4]),
        matched_separation=np.array([-1.0, 0.1, 0.2, 0.3]),
        injection_ids=np.array([4, 3, 2, 1]),
    )
    assert matches.injection.tolist() == [1, -1, 2]
    np.testing.assert_allclose(matches.separation, [0.2, np.nan, 0.1])


def test_match_by_table_gives_a_source_to_the_closest() -> None:
    matches = match_by_table(
        np.array([7]),
        matched_dia_source=np.array([7, 7, 7]),
        matched_injection=np.array([1, 2, 3]),
        matched_separation=np.array([0.3, 0.1, 0.2]),
        injection_ids=np.array([1, 2, 3]),
    )
    assert matches.injection.tolist() == [1]
    assert matches.separation.tolist() == [0.1]


def test_match_by_table_with_nothing() -> None:
    none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    matches = match_by_table(
        np.array([7]),
        matched_dia_source=np.array([0, 7]),
        matched_injection=np.array([1, 2]),
        matched_separation=np.array([-1.0, 0.1]),
        injection_ids=none,
    )
    assert matches.injection.tolist() == [-1]
    matches = match_by_table(
        none, matched_dia_source=none, matched_injection=none, matched_separation=nothing, injection_ids=none
    )
    assert len(matches.injection) == 0


@pytest.mark.parametrize(
    ("measured", "error", "injected", "expected"),
    [
        (100.0, 10.0, 110.0, False),  # as injected
        (1000.0, 1.0, 1200.0, False),  # many sigma, but a few percent
        (50.0, 10.0, 24.0, False),  # twice as bright, but within noise
        (80.0, 10.0, 10.0, True),  # too faint an injection, found as something else
        (30.0, 5.0, 1000.0, True),
        (-60.0, 10.0, 60.0, True),  # negative
        (np.nan, 10.0, 60.0, False),  # not measured
        (60.0, np.nan, 10.0, False),
    ],
)
def test_contradicting_fluxes(measured: float, error: float, injected: float, expected: bool) -> None:
    assert contradicts_flux([measured], [error], [injected], n_sigma=3.0, factor=2.0)[0] == expected


def test_flags_of_every_kind() -> None:
    injected_ra, injected_dec = np.array([10.0, 20.0, 30.0, 40.0]), np.zeros(4)
    ra = np.array([10.0, 10.0 + 1.0 * ARCSEC, 20.0 + 0.7 * ARCSEC, 30.0, 40.0 + 2.0 * ARCSEC, np.nan, 50.0])
    matches = Matches(
        np.array([0, -1, 1, 2, -1, -1, -1]), np.array([0.0, np.nan, 0.7, 0.0, np.nan, np.nan, np.nan])
    )
    flags, separation = label_flags(
        matches,
        ra,
        np.zeros(7),
        injected_ra,
        injected_dec,
        contradicts=np.array([False, True, False, True, True, True, False]),
        match_radius_arcsec=0.5,
        exclusion_radius_arcsec=1.5,
    )
    assert [LabelFlag(flag) for flag in flags.tolist()] == [
        LabelFlag(0),
        LabelFlag.NEAR_INJECTION,
        LabelFlag.FAR_MATCH,
        LabelFlag.FLUX_CONTRADICTS,
        LabelFlag(0),
        LabelFlag.NO_POSITION,
        LabelFlag(0),
    ]
    np.testing.assert_allclose(separation[:5], [0.0, 1.0, 0.7, 0.0, 2.0], atol=1e-6)
    assert np.isnan(separation[5])


def test_no_injections_leave_no_doubt() -> None:
    flags, separation = label_flags(
        Matches(np.array([-1, -1]), np.full(2, np.nan)),
        [1.0, 2.0],
        [0.0, 0.0],
        [],
        [],
        contradicts=np.zeros(2, dtype=bool),
        match_radius_arcsec=0.5,
        exclusion_radius_arcsec=1.5,
    )
    assert flags.tolist() == [0, 0]
    assert np.isnan(separation).all()


def test_flag_names() -> None:
    names = [
        "NO_POSITION",
        "NEAR_INJECTION",
        "FLUX_CONTRADICTS",
        "FAR_MATCH",
        "PAIR_DISAGREES",
        "GLINT_TRAIL",
    ]
    assert flag_bits() == {name: 2**number for number, name in enumerate(names)}
