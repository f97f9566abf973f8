# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each regime against its formula."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lsst.transient.bogus.nn.regimes import bind, forget_fraction, keep_smallest
from lsst.transient.bogus.nn.settings import Regime

K, B = 4, 10
NOW = Regime(ramp_epochs=0, delay_epochs=0)


def weights(kind, loss, labels, *, epoch=0, prior=0.0, peers=2, **changes):
    spec = dataclasses.replace(NOW, kind=kind, **changes)
    generator = torch.Generator().manual_seed(5)
    return bind(spec, peers=peers, prior=prior)(loss, labels, epoch, generator)


@pytest.fixture
def loss():
    return torch.stack(
        [torch.randperm(B, generator=torch.Generator().manual_seed(k)) for k in range(K)]
    ).float()


@pytest.fixture
def labels():
    return torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0, 0, 0]).repeat(K, 1)


@pytest.mark.parametrize(("epoch", "expected"), [(0, 0.0), (2, 0.2 * 0.4**2), (5, 0.2), (9, 0.2)])
def test_ramp(epoch, expected):
    assert forget_fraction(0.2, epoch, Regime(ramp_epochs=5, ramp_exponent=2.0)) == pytest.approx(expected)


def test_keep_smallest_counts_members_only():
    member = torch.tensor([[True, True, True, True, False]])
    keep = keep_smallest(torch.tensor([[3.0, 1.0, 9.0, 2.0, 0.0]]), member, 0.25)
    assert keep.tolist() == [[True, True, False, True, False]]


def test_standard_counts_all(loss, labels):
    assert torch.equal(weights("standard", loss, labels, peers=1), torch.ones(K, B))


def test_co_teaching_takes_the_choice_of_the_peer(loss, labels):
    w = weights("co_teaching", loss, labels, forget_rate=0.3)
    assert torch.equal(w > 0, (loss < 7)[[1, 0, 3, 2]])
    assert torch.allclose(w.mean(dim=1), torch.ones(K))


def test_asymmetric_withholds_in_each_class(loss, labels):
    w = weights("asymmetric_co_teaching", loss, labels, forget_rate=0.5, forget_rate_positive=0.25)
    for k, peer in enumerate([1, 0, 3, 2]):
        kept = w[k] > 0
        assert kept[:4].sum() == 3
        assert kept[4:].sum() == 3
        assert loss[peer, 4:][kept[4:]].max() < loss[peer, 4:][~kept[4:]].min()


def test_asymmetric_default_keeps_every_injection(loss, labels):
    w = weights("asymmetric_co_teaching", loss, labels, forget_rate=0.9)
    assert (w[:, :4] > 0).all()


def test_stochastic_keeps_in_proportion_to_the_beta_distribution():
    p = torch.full((2, 20000), 0.7)
    w = weights("stochastic_co_teaching", -torch.log(p), torch.zeros(2, 20000), beta_a=12.0, beta_b=4.0)
    rng = np.random.default_rng(1)
    expected = np.mean(np.clip(rng.beta(12, 4, 200000), 0, 0.99) < 0.7)
    assert (w > 0).float().mean().item() == pytest.approx(expected, abs=0.01)


def test_stochastic_starts_after_its_delay(loss, labels):
    kind = "stochastic_co_teaching"
    late = weights(kind, loss, labels, delay_epochs=2, epoch=1, prior=0.5)
    assert torch.equal(late, torch.ones(K, B))
    assert (weights(kind, loss, labels, delay_epochs=2, epoch=2, prior=0.5) == 0).any()


@pytest.mark.parametrize("separation", [0.0, 6.0])
def test_nnpu_has_the_gradient_of_its_risk(separation):
    torch.manual_seed(0)
    prior = 0.3
    y = (torch.arange(40) < 15).double()[None]
    # The logits of injections stay small enough for the weights not to be bounded.
    z = (torch.randn(1, 40, dtype=torch.float64) + torch.where(y == 1, 1.0, -separation)).requires_grad_()
    loss = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    w = weights("nnpu", loss.detach(), y, prior=prior, peers=1)
    (gradient,) = torch.autograd.grad((w * loss).mean(), z, retain_graph=True)
    positive, unlabelled = z[0, :15], z[0, 15:]
    bracket = F.softplus(unlabelled).mean() - prior * F.softplus(positive).mean()
    risk = prior * F.softplus(-positive).mean() + bracket if bracket >= 0 else -bracket
    assert (bracket < 0) == (separation > 0)
    (expected,) = torch.autograd.grad(risk, z)
    assert torch.allclose(gradient, expected, rtol=1e-3, atol=1e-6)


def test_refusals():
    with pytest.raises(ValueError, match="at least two peers"):
        bind(Regime("co_teaching"), peers=1, prior=0.0)
    with pytest.raises(ValueError, match="Unknown regime"):
        bind(Regime("magic"), peers=2, prior=0.0)
