# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of training samples."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from astropy.table import Table

from lsst.transient.bogus.training_rows import Caps, FewestSeen, choose_rows, fewest_seen

KEYS = [(1, 0), (1, 1), (2, 0)]


def table(n, **columns):
    plain = {"label": 0, "fold": 0, "tile": 5, "sign": 1, "snr": 7.5, "is_ambiguous": False}
    return Table({name: np.broadcast_to(columns.get(name, value), n).copy() for name, value in plain.items()})


@pytest.fixture
def tables():
    ambiguous = np.array([False, True, False, False])
    off_sky = np.array([5, 5, -1, 5])
    return [table(4, is_ambiguous=ambiguous, tile=off_sky), table(6, label=1), table(0)]


def test_ambiguous_and_off_the_sky_are_left_out(tables):
    rows = choose_rows(KEYS, tables, seed=0)
    assert list(zip(rows.table, rows.row, strict=True)) == [(0, 0), (0, 3), *((1, i) for i in range(6))]
    parts = list(rows.by_table())
    assert [key for key, _, _ in parts] == [(1, 0), (1, 1)]
    assert parts[1][1].tolist() == [2, 3, 4, 5, 6, 7]
    assert parts[1][2].tolist() == [0, 1, 2, 3, 4, 5]


def test_caps_are_per_visit_and_class():
    tables = [table(5), table(5, label=[1, 1, 1, 0, 0]), table(5)]
    rows = choose_rows(KEYS, tables, per_visit=Caps(2, 4), seed=0)
    visit = np.array([1, 1, 2])[rows.table]
    count = {
        (v, label): int(np.sum((visit == v) & (rows.label == label))) for v in (1, 2) for label in (0, 1)
    }
    assert count == {(1, 0): 4, (1, 1): 2, (2, 0): 4, (2, 1): 0}
    again = choose_rows(KEYS, tables, per_visit=Caps(2, 4), seed=0)
    assert np.array_equal(rows.row, again.row)
    other = [choose_rows(KEYS, tables, per_visit=Caps(2, 4), seed=s).row for s in range(1, 9)]
    assert any(not np.array_equal(rows.row, row) for row in other)


def test_nothing_left():
    rows = choose_rows(KEYS, [table(0)] * 3, seed=0)
    assert len(rows) == 0
    assert list(rows.by_table()) == []


def test_caps_in_all():
    rows = choose_rows(KEYS, [table(50), table(30, label=1), table(40)], total=Caps(7, 20), seed=0)
    assert np.bincount(rows.label).tolist() == [20, 7]
    assert np.all(np.diff(rows.table * 1000 + rows.row) > 0)
    assert len(np.unique(rows.table)) == 3


def test_thinning_on_the_way_changes_nothing():
    """What is thinned while tables come in is what would be drawn from all of them at once."""
    keys = [(visit, 0) for visit in range(40)]
    few = choose_rows(keys, (table(25) for _ in keys), total=Caps(0, 10), seed=3)
    more = choose_rows(keys, (table(25) for _ in keys), total=Caps(0, 500), seed=3)
    every = choose_rows(keys, (table(25) for _ in keys), seed=3)
    assert (len(few), len(more), len(every)) == (10, 500, 1000)
    assert set(zip(few.table, few.row, strict=True)) < set(zip(more.table, more.row, strict=True))


def test_memory_does_not_grow_with_the_survey():
    keys = [(visit, 0) for visit in range(150)]
    one = table(2000)
    tracemalloc.start()
    try:
        rows = choose_rows(keys, (one for _ in keys), total=Caps(0, 3000), seed=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(rows) == 3000
    # All candidates would take 10 MB: twice the cap and a visit, with a copy of each, are below one.
    assert peak < 1e6


def test_fewest_seen():
    label = np.array([1, 1, 1, 0, 0, 0, 0, 1])
    fold = np.array([0, 0, 1, 0, 1, 1, 1, -1])
    # Outside fold 0: injections at 2 and 7, others at 4, 5 and 6; outside fold 1: three and one.
    assert fewest_seen(label, fold) == FewestSeen(1, 3, 1)
    assert fewest_seen(label, fold, np.arange(8) < 6) == FewestSeen(0, 1, 2)
    assert fewest_seen(label, np.full(8, -1)) == FewestSeen(-1, 4, 4)
    assert fewest_seen(label[:0], fold[:0]).of_either == 0
