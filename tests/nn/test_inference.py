# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which networks judge which stamps, with which precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lsst.transient.bogus.nn import Model, ModelSpec, Stamps
from lsst.transient.bogus.nn.batches import divide
from lsst.transient.bogus.nn.inference import judge
from lsst.transient.bogus.nn.spec import Network

N, K = 50, 10


@pytest.fixture(scope="module", params=["compact", "cnn2"])
def model(request):
    torch.manual_seed(0)
    network = Network(request.param, filters=(8, 8), units=4)
    folds = tuple(np.repeat(np.arange(5), 2).tolist())
    return Model.blank(ModelSpec(15, ("difference",), network=network, network_fold=folds))


@pytest.fixture(scope="module")
def stamps():
    image = np.random.default_rng(1).normal(size=(N, 1, 15, 15)).astype(np.float32)
    return Stamps(image, channels=("difference",))


def test_stamps_are_judged_by_the_networks_that_are_asked(model, stamps):
    use = np.array(model.spec.network_fold)[:, None] == np.arange(N) % 5
    use[:, :7] = True
    use[:, 7] = False
    every, some = judge(model, stamps), judge(model, stamps, use=use)
    for found, expected in ((some.probability, every.probability), (some.distance, every.distance)):
        assert found.shape == (K, N)
        assert np.array_equal(np.isnan(found), ~use)
        np.testing.assert_allclose(found[use], expected[use], rtol=0, atol=1e-5)


def test_all_networks_are_those_of_the_model(model, stamps):
    alike, every = judge(model, stamps, use=np.ones((K, N), bool)), judge(model, stamps)
    assert np.array_equal(alike.probability, every.probability)
    assert judge(model, stamps[:0], use=np.ones((K, 0), bool)).probability.shape == (K, 0)


@pytest.mark.parametrize("use", [np.zeros((K, N), bool), np.ones((K, N), bool), None])
def test_stamps_of_another_model(model, stamps, use):
    foreign = Stamps(stamps.image[:, :, 1:, 1:], channels=stamps.channels)
    with pytest.raises(ValueError, match="15 pixels"):
        judge(model, foreign, use=use)


def test_networks_of_other_stamps(model, stamps):
    with pytest.raises(ValueError, match=r"\(10, 50\) networks and stamps; got \(10, 49\)"):
        judge(model, stamps, use=np.ones((K, N - 1), bool))


@pytest.mark.parametrize("largest", [1, 7, 16, 32, 128])
def test_batches_hold_every_row_once_and_are_no_larger_than_asked(largest):
    for n in range(1, 400):
        batches = divide(n, largest)
        assert [row for part in batches for row in range(n)[part]] == list(range(n))
        sizes = [part.stop - part.start for part in batches]
        assert 0 < min(sizes) <= max(sizes) <= largest
        assert len(batches) == -(-n // largest)


def test_parts_of_a_model_leave_generators_alone(model):
    before = torch.random.get_rng_state()
    part = model.part([1, 4])
    assert part is model.part([1, 4])
    assert part.spec.network_fold == (0, 2)
    assert model.part(range(K)) is model
    assert model.part([1, 0]).spec.n_networks == 2
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not part.network.training


def test_precision_is_that_of_the_products(model, stamps):
    whole, short = judge(model, stamps), judge(model, stamps, precision="bfloat16")
    assert short.probability.dtype == np.float32
    assert 0.0 < np.abs(short.probability - whole.probability).max() < 0.02


def test_dropout_scatters_around_the_same_probability(model, stamps):
    plain, wide = judge(model, stamps), judge(model, stamps, dropout_passes=5)
    assert np.array_equal(plain.probability, wide.probability)
    assert plain.scatter is None
    assert np.mean(wide.scatter > 0.0) > 0.8
