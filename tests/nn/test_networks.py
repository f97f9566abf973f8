# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""K networks together are K networks apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lsst.transient.bogus.nn.augment import augment, d4
from lsst.transient.bogus.nn.networks import build
from lsst.transient.bogus.nn.settings import Augmentation
from lsst.transient.bogus.nn.spec import Network
from lsst.transient.bogus.nn.stacked import StackedGauss

K, C, S, B = 4, 3, 13, 6


def stack(kind):
    torch.manual_seed(3)
    spec = Network(kind, (8, 8, 8) if kind == "compact" else (6, 8), 5, 0.3)
    return build(K, C, S, spec), spec


def single(network, k, spec):
    """Return network k of a stack as a stack of one."""
    one = build(1, C, S, spec)
    one.load_state_dict({name: tensor[k : k + 1] for name, tensor in network.state_dict().items()})
    return one.train(network.training)


@pytest.mark.parametrize("kind", ["compact", "cnn2"])
@pytest.mark.parametrize("training", [False, True])
def test_stack_equals_singles(kind, training):
    network, spec = stack(kind)
    network.dropout = 0.0
    network.train(training)
    x = torch.randn(B, K, C, S, S)
    singles = [single(network, k, spec) for k in range(K)]
    for one in singles:
        one.dropout = 0.0
    expected = torch.cat([one(x[:, k]) for k, one in enumerate(singles)])
    assert torch.allclose(network(x.flatten(1, 2)), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["compact", "cnn2"])
@pytest.mark.parametrize("n_inputs", [1, 2])
def test_neighbours_share_an_input(kind, n_inputs):
    network, _ = stack(kind)
    network.eval()
    x = torch.randn(B, n_inputs, C, S, S)
    repeated = x.repeat_interleave(K // n_inputs, dim=1)
    shared, own = network(x.flatten(1, 2)), network(repeated.flatten(1, 2))
    assert shared.shape == (K, B)
    assert torch.allclose(shared, own, atol=1e-5)
    assert network.features(x.flatten(1, 2)).shape == (K, B, 5)


def test_dropout_acts_in_training_alone():
    network, _ = stack("compact")
    x = torch.randn(B, C, S, S)
    network.train()
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_unknown_or_unfit():
    with pytest.raises(ValueError, match="Unknown network"):
        build(1, C, S, Network("resnet"))
    with pytest.raises(ValueError, match="do not fit"):
        build(1, C, 3, Network("cnn2", (4, 4, 4)))


def test_d4_is_the_group_of_the_square():
    x = torch.arange(9.0).reshape(1, 3, 3)
    images = {tuple(d4(x, operation).flatten().tolist()) for operation in range(8)}
    assert len(images) == 8
    assert all(d4(x, operation)[0, 1, 1] == 4 for operation in range(8))


def test_depth_changes_the_signal_to_noise_of_all_but_the_difference():
    snr = torch.rand(64, 1, 4, 5, 5) * 100 - 50
    x = torch.asinh(snr)
    names = ("science", "difference", "template")
    varied = augment(x, Augmentation(d4=False, depth=3.0), torch.Generator().manual_seed(0), names)
    torch.testing.assert_close(varied[:, :, [1, 3]], x[:, :, [1, 3]])
    ratio = (torch.sinh(varied) / snr)[:, 0, [0, 2]]
    torch.testing.assert_close(ratio, ratio[..., :1, :1].expand_as(ratio), rtol=1e-3, atol=0)
    assert 1 / 3 <= ratio.min() < 0.5
    assert 2.0 < ratio.max() <= 3.0


def test_augment_keeps_missing_pixels_missing():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(16, 2, C, S, S)
    x[:, :, -1] = (torch.rand(16, 2, S, S) > 0.3).float()
    x[:, :, :-1] *= x[:, :, -1:]
    y = augment(x, Augmentation(d4=True, shift=2, noise=0.5), generator)
    assert y.shape == x.shape
    assert set(y[:, :, -1].unique().tolist()) <= {0.0, 1.0}
    assert (y[:, :, :-1][(y[:, :, -1:] == 0).expand_as(y[:, :, :-1])] == 0).all()
    assert torch.equal(augment(x, Augmentation(d4=False), generator, ()), x)


def test_shift_moves_stamps():
    x = torch.zeros(64, 1, 9, 9)
    x[:, 0, 4, 4] = 1
    y = augment(x, Augmentation(d4=False, shift=2), torch.Generator().manual_seed(0))
    where = y.flatten(1).argmax(dim=1)
    assert y.sum() == 64
    assert (where // 9 - 4).abs().max() <= 2
    assert len(where.unique()) > 3


def test_distance_is_that_of_mahalanobis():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(3, 3))
    x = rng.normal(size=(4000, 3)) @ mixing + 5.0
    seen = np.arange(4000) % 2 == 0
    x[~seen] += 100.0
    gauss = StackedGauss(1, 3)
    gauss.fit(torch.tensor(x[None], dtype=torch.float32), torch.tensor(seen[None]))
    distance = gauss(torch.tensor(x[None], dtype=torch.float32))[0].numpy()
    centred = x - x[seen].mean(axis=0)
    covariance = np.cov(x[seen].T, bias=True)
    regular = covariance + 1e-2 * np.trace(covariance) / 3 * np.eye(3)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", centred, np.linalg.inv(regular), centred) / 3)
    assert np.allclose(distance, expected, rtol=1e-3)
