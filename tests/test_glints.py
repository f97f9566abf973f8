# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of flashes among detections that lie anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.glints import in_glint_trail

SIZE = 4000.0


def row(n: int, *, angle: float = 0.7, spacing: float = 40.0, missing: tuple[int, ...] = ()) -> np.ndarray:
    """Return the positions of a row of flashes."""
    steps = np.array([k for k in range(n) if k not in missing])[:, None]
    return np.array([1000.0, 1200.0]) + steps * spacing * np.array([np.cos(angle), np.sin(angle)])


def field(n: int, seed: int) -> np.ndarray:
    """Return positions anywhere on a detector."""
    return np.random.default_rng(seed).uniform(0.0, SIZE, (n, 2))


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2, 3.0])
def test_a_row_is_found_among_others(angle):
    others, flashes = field(300, 1), row(6, angle=angle)
    flashes = flashes + np.random.default_rng(2).normal(0.0, 0.3, flashes.shape)
    x, y = np.concatenate([others, flashes]).T
    found = in_glint_trail(x, y)
    assert found[300:].all()
    assert not found[:300].any()


def test_a_row_goes_on_over_one_gap_but_not_two():
    assert in_glint_trail(*row(6, missing=(3,)).T).all()
    assert not in_glint_trail(*row(8, missing=(2, 3, 5, 6)).T).any()


def test_a_long_row_is_found_whole():
    assert in_glint_trail(*row(40).T).all()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_are_no_row(n):
    assert not in_glint_trail(*row(n).reshape(-1, 2).T).any()


def test_uneven_and_bent_rows_are_none():
    uneven = row(12)[[0, 1, 4, 6, 11]]
    bent = np.array([[0.0, 0.0], [40.0, 0.0], [78.0, 12.0], [110.0, 36.0], [131.0, 70.0]]) + 500.0
    assert not in_glint_trail(*np.concatenate([uneven, bent]).T).any()


def test_far_apart_is_no_row():
    assert not in_glint_trail(*row(6, spacing=120.0).T).any()
    assert in_glint_trail(*row(6, spacing=120.0).T, max_spacing=150.0).all()


def test_positions_that_are_not_finite_are_passed_over():
    x, y = np.concatenate([row(5), [[np.nan, 3.0]], field(20, 3)]).T
    found = in_glint_trail(x, y)
    assert found[:5].all()
    assert not found[5:].any()


def test_chance_makes_few():
    share = np.mean([in_glint_trail(*field(200, seed).T).mean() for seed in range(100)])
    assert share < 1e-3
