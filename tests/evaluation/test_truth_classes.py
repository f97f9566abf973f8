# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shortcut is seen at once where every class is compared with bogus of its own sign."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from lsst.transient.bogus.evaluation.truth_classes import class_metrics, class_subset


def _sources(score, n=3000):
    """Injections are positive; a tenth of the rest is real, of either sign."""
    rng = np.random.default_rng(0)
    label = np.arange(n) < n // 6
    hidden = ~label & (rng.random(n) < 0.1)
    kind = np.where(hidden, np.where(rng.random(n) < 0.5, "supernova", "nucleus"), "")
    sign = np.where(label | (rng.random(n) < 0.5), 1, -1)
    table = Table(
        {
            "label": label.astype(int),
            "true_kind": kind,
            "sign": sign,
            "snr": 5 + rng.exponential(10, n),
            "template_snr": rng.exponential(10, n),
            "visit": rng.integers(0, 8, n),
        }
    )
    table["rank"] = score(table, rng)
    return table


def _value(rows, metric, name, sign, **matched):
    subset = class_subset(name, sign, **matched)
    return next((r.estimate for r in rows if (r.metric, r.subset) == (metric, subset)), None)


def test_a_network_that_reads_the_sign_is_found_out():
    """Negative detections get a low score whatever they are; positive ones what they deserve."""

    def score(t, rng):
        real = (t["label"] == 1) | (t["true_kind"] != "")
        return np.where(t["sign"] > 0, np.clip(0.5 + 0.2 * real + rng.normal(0, 0.05, len(t)), 0, 1), 0.1)

    rows = class_metrics(_sources(score), 0.6, rng=np.random.default_rng(1), n_resamples=20)
    for name in ("injected", "hidden", "supernova", "nucleus"):
        assert _value(rows, "auc", name, "positive").value > 0.98
        assert _value(rows, "sensitivity", name, "positive").value > 0.9
    assert _value(rows, "auc", "hidden", "negative").value == pytest.approx(0.5)
    assert _value(rows, "sensitivity", "hidden", "negative").value == 0.0
    assert _value(rows, "auc", "injected", "negative") is None


def test_brightness_alone_does_not_help_in_matched_pairs():
    sources = _sources(lambda t, rng: t["snr"] / 1000.0)
    sources["snr"][sources["true_kind"] == "supernova"] *= 3
    sources["rank"] = sources["snr"] / 1000.0
    rows = class_metrics(sources, 0.02, rng=np.random.default_rng(1), n_resamples=20)
    assert _value(rows, "auc", "supernova", "positive").value > 0.8
    assert _value(rows, "auc", "supernova", "positive", matched=True).value == pytest.approx(0.5, abs=0.1)


def test_numbers_are_of_the_class_and_of_its_sign():
    sources = _sources(lambda t, rng: rng.random(len(t)))
    rows = class_metrics(sources, 0.5, rng=np.random.default_rng(1), n_resamples=20)
    for name in ("supernova", "nucleus"):
        for sign, value in (("positive", 1), ("negative", -1)):
            expected = np.sum((sources["true_kind"] == name) & (sources["sign"] == value))
            assert _value(rows, "n_detections", name, sign).value == expected
