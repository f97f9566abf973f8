# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which networks judge, and their mean and spread."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.ensembles import blind_networks, network_mean, network_std
from lsst.transient.bogus.folds import tile_folds

RULE = {"n_folds": 3, "seed": 7}
NAN = np.nan


def test_tiles_of_the_training_are_judged_blindly_and_others_by_all() -> None:
    tiles = np.arange(40)
    folds = tile_folds(tiles, **RULE)
    use, seen = blind_networks(tiles, tiles[::2], (0, 1, 1, -1), **RULE)
    even = tiles % 2 == 0
    assert use[:, ~even].all()
    assert not seen[~even].any()
    # No network left out fold 2: all judge its tiles, and it shows.
    assert np.array_equal(seen, even & (folds == 2))
    assert use[:, seen].all()
    for fold, networks in ((0, [True, False, False, False]), (1, [False, True, True, False])):
        chosen = use[:, even & (folds == fold)]
        assert chosen.shape[1] > 0
        assert np.all(chosen == np.array(networks)[:, None])


def test_a_model_without_tiles_uses_all_networks() -> None:
    use, seen = blind_networks(np.full(5, -1), np.zeros(0, int), (-1, -1), n_folds=0, seed=0)
    assert use.shape == (2, 5)
    assert use.all()
    assert not seen.any()


def test_mean_and_spread_leave_out_what_was_not_used() -> None:
    values = np.array([[0.2, NAN, NAN], [0.4, 0.9, NAN], [0.6, 0.5, NAN]])
    assert network_mean(values) == pytest.approx([0.4, 0.7, NAN], nan_ok=True)
    assert network_std(values) == pytest.approx([0.2, np.sqrt(0.08), NAN], nan_ok=True)
    scatter = np.array([[0.3, 9.0, 1.0], [0.3, 0.1, 1.0], [0.3, 0.3, 1.0]])
    total = network_std(values, scatter)
    single = np.array([[0.2], [NAN], [NAN]])
    assert np.isnan(network_std(single)).all()
    assert network_std(single, scatter[:, :1]) == pytest.approx([0.3])
    assert total == pytest.approx([np.sqrt(0.04 + 0.09), np.sqrt(0.08 + 0.05), NAN], nan_ok=True)
