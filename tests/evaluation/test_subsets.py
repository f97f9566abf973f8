# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subsets, and what the matched one is for: a shortcut scores like chance there."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from lsst.transient.bogus.evaluation.subsets import (
    matched_subset,
    quantile_strata,
    snr_bins,
    standard_subsets,
)
from lsst.transient.bogus.ranking import area_under_roc


def _sources(n=4000, seed=0):
    """Injections are positive, bright and on galaxies; the rest is of either sign, faint, anywhere."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.25).astype(np.int8)
    return Table(
        {
            "label": label,
            "snr": 5 + rng.exponential(np.where(label == 1, 15, 4)),
            "sign": np.where((label == 0) & (rng.random(n) < 0.5), -1, 1),
            "template_snr": rng.exponential(np.where(label == 1, 40, 10)),
            "is_hostless": (label == 1) & (rng.random(n) < 0.1),
            "band": np.array(["g", "r"])[rng.integers(0, 2, n)],
        }
    )


@pytest.mark.parametrize("shortcut", ["snr", "sign", "template_snr"])
def test_a_shortcut_is_chance_in_the_matched_subset(shortcut):
    sources = _sources()
    label, score = np.asarray(sources["label"]), np.asarray(sources[shortcut], dtype=float)
    assert area_under_roc(label, score) > 0.7
    chosen = matched_subset(sources, rng=np.random.default_rng(1))
    assert chosen.sum() > 200
    assert area_under_roc(label[chosen], score[chosen]) == pytest.approx(0.5, abs=0.05)


def test_matched_subset_has_as_many_of_both():
    sources = _sources(300)
    chosen = matched_subset(sources, rng=np.random.default_rng(1))
    assert np.sum(sources["label"][chosen] == 1) == np.sum(sources["label"][chosen] == 0) > 0


def test_one_class_cannot_be_matched():
    sources = _sources(50)
    sources["label"] = np.int8(1)
    assert not matched_subset(sources, rng=np.random.default_rng(1)).any()


def test_quantile_strata_are_filled_equally_by_the_reference():
    rng = np.random.default_rng(2)
    reference = rng.exponential(1.0, 1000)
    assert np.bincount(quantile_strata(reference, reference, 4)).tolist() == [250] * 4
    assert quantile_strata(np.array([-1.0, 100.0]), reference, 4).tolist() == [0, 3]


def test_snr_bins_are_named_and_the_last_is_open():
    assert snr_bins([5, 8.5]) == {"snr=5-8.5": (5.0, 8.5), "snr>=8.5": (8.5, np.inf)}


def test_standard_subsets():
    sources = _sources(500)
    subsets = standard_subsets(sources, snr_cut=8.0, snr_edges=[5, 8], rng=np.random.default_rng(0))
    assert list(subsets)[:3] == ["all", "snr_gt_8", "matched"]
    np.testing.assert_array_equal(subsets["band=g"] | subsets["band=r"], subsets["all"])
    np.testing.assert_array_equal(subsets["snr=5-8"] ^ subsets["snr>=8"], subsets["all"])
    # The kind of host restricts injections alone.
    rest = np.asarray(sources["label"]) == 0
    assert np.all(subsets["host=hostless"][rest])
    assert np.all(sources["is_hostless"][subsets["host=hostless"] & ~rest])
