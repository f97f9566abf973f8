# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the unlabelled are real: against a mixture whose composition is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lsst.transient.bogus.nn.contamination import judge_unlabelled
from lsst.transient.bogus.nn.settings import Regime, Settings
from lsst.transient.bogus.nn.spec import Network
from lsst.transient.bogus.nn.training import train

from .fakes import make_fakes

SHARES = (0.05, 0.3)


@pytest.fixture(scope="module")
def mixture():
    """Scores in two strata, of which different fractions are real; their law is normal in logits."""
    rng = np.random.default_rng(5)
    z, label, stratum = [], [], []
    for k, share in enumerate(SHARES):
        is_real = rng.random(20000) < share
        z += [rng.normal(2.0, 1.0, 4000), rng.normal(np.where(is_real, 2.0, -2.0), 1.0)]
        label += [np.ones(4000), np.zeros(20000)]
        stratum.append(np.full(24000, k))
    return tuple(map(np.concatenate, (z, label, stratum)))


def test_every_stratum_has_its_own_share(mixture):
    z, label, stratum = mixture
    out = judge_unlabelled(norm.cdf(z / 2), label, stratum)
    unlabelled = label == 0
    assert out.prior == pytest.approx(np.mean(SHARES), rel=0.1)
    assert (out.probability[~unlabelled] == 1).all()
    for k, share in enumerate(SHARES):
        inside = unlabelled & (stratum == k)
        assert out.probability[inside].mean() == pytest.approx(share, rel=0.2)
        # Bayes' theorem with two normal laws.
        odds = share / (1 - share) * np.exp(4.0 * z[inside])
        assert np.abs(out.probability[inside] - odds / (1 + odds)).mean() < 0.02


def test_a_known_share_is_kept_and_the_rest_is_left_alone(mixture):
    z, label, stratum = mixture
    score = norm.cdf(z / 2)
    assert judge_unlabelled(score, label, stratum, prior=0.07).prior == pytest.approx(0.07)
    score[label == 0] = np.nan
    out = judge_unlabelled(score, label, stratum)
    assert out.prior == 0.0
    assert np.array_equal(out.probability, label)


def test_real_samples_without_a_label_lose_their_weight():
    fakes = make_fakes(600, contamination=0.4)
    kept = {}
    for kind in ("standard", "contamination"):
        settings = Settings(
            network=Network(filters=(8, 8, 8), units=8),
            regime=Regime(kind, delay_epochs=1),
            epochs=6,
            batch_size=32,
        )
        out = train(fakes.stamps, fakes.labels, fakes.folds, settings)
        kept[kind] = out.history[-1].kept_negative.mean()
        assert out.history[-1].kept_positive.mean() == 1.0
    hidden = fakes.truth[fakes.labels == 0].mean()
    assert kept["standard"] == 1.0
    assert kept["contamination"] == pytest.approx(1.0 - hidden, abs=0.05)
