# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training regimes: which samples count, with what weight, for which network.

Each regime is a function ``(per_sample_loss (K, B), labels (K, B), epoch,
generator) -> weights (K, B)``; the loss of network k is the mean over B of
weight times per-sample loss.  The networks k of one fold lie next to each other in
blocks of ``peers``, which see the same samples.
"""

from __future__ import annotations

__all__ = ("Weigh", "bind", "forget_fraction", "keep_smallest")

import functools
from collections.abc import Callable

import torch

from .settings import Regime

type Weigh = Callable[[torch.Tensor, torch.Tensor, int, torch.Generator], torch.Tensor]

_MIN_PRIOR = 1e-3  # an estimate of none must not silence the injections
_MAX_NNPU_WEIGHT = 100.0  # a lone, hopelessly misfitted sample must not own the step


def forget_fraction(rate: float, epoch: int, spec: Regime) -> float:
    """Return the fraction to withhold in one epoch.

    Parameters
    ----------
    rate
        Final fraction.
    epoch
        Epoch, from 0.
    spec
        Ramp.

    Returns
    -------
    fraction : `float`
        ``rate * min(1, epoch / ramp_epochs) ** ramp_exponent``.
    """
    progress = 1.0 if spec.ramp_epochs == 0 else min(1.0, epoch / spec.ramp_epochs)
    return rate * progress**spec.ramp_exponent


def keep_smallest(loss: torch.Tensor, member: torch.Tensor, fraction: float) -> torch.Tensor:
    """Keep the members of smallest loss, row by row.

    Parameters
    ----------
    loss
        Per-sample loss, shape (K, B).
    member
        Which samples compete, shape (K, B).
    fraction
        Fraction of the members to withhold.

    Returns
    -------
    keep : `torch.Tensor`
        Boolean, shape (K, B), false outside ``member``; in each row
        ``floor(fraction * members)`` members are withheld.
    """
    ranked = torch.where(member, loss, torch.inf).argsort(dim=1, stable=True).argsort(dim=1, stable=True)
    count = member.sum(dim=1, keepdim=True)
    return member & (ranked < count - torch.floor(fraction * count))


def standard(
    loss: torch.Tensor, labels: torch.Tensor, epoch: int, generator: torch.Generator
) -> torch.Tensor:
    """Weigh all samples alike; arguments as in the module's description."""
    return torch.ones_like(loss)


def co_teaching(
    loss: torch.Tensor,
    labels: torch.Tensor,
    epoch: int,
    generator: torch.Generator,
    *,
    spec: Regime,
    peers: int,
) -> torch.Tensor:
    """Update each network on the samples of smallest loss of its peer.

    Source: Han et al. 2018, "Co-teaching".
    """
    everyone = torch.ones_like(loss, dtype=torch.bool)
    keep = keep_smallest(loss, everyone, forget_fraction(spec.forget_rate, epoch, spec))
    return _mean_one(_from_peer(keep, peers))


def asymmetric_co_teaching(
    loss: torch.Tensor,
    labels: torch.Tensor,
    epoch: int,
    generator: torch.Generator,
    *,
    spec: Regime,
    peers: int,
) -> torch.Tensor:
    """Co-teaching within each class, with a rate of its own for each."""
    noisy = keep_smallest(loss, labels == 0, forget_fraction(spec.forget_rate, epoch, spec))
    clean = keep_smallest(loss, labels == 1, forget_fraction(spec.forget_rate_positive, epoch, spec))
    return _mean_one(_from_peer(noisy | clean, peers))


def stochastic_co_teaching(
    loss: torch.Tensor,
    labels: torch.Tensor,
    epoch: int,
    generator: torch.Generator,
    *,
    spec: Regime,
    peers: int,
) -> torch.Tensor:
    """Keep a sample for the peer if its given label is likely enough.

    A sample is kept if p(label|x) exceeds a threshold drawn from Beta(a, b) and
    scaled by a ramp that starts after the delay.  Source: de Vos et al. 2023,
    "Stochastic co-teaching for training neural networks with unknown levels of
    label noise".
    """
    if epoch < spec.delay_epochs:
        return torch.ones_like(loss)
    ramp = forget_fraction(1.0, epoch - spec.delay_epochs + 1, spec)
    a = _gamma(spec.beta_a, loss, generator)
    b = _gamma(spec.beta_b, loss, generator)
    threshold = (ramp * a / (a + b)).clamp(0.0, 0.99)
    return _mean_one(_from_peer(torch.exp(-loss) > threshold, peers))


def nnpu(
    loss: torch.Tensor,
    labels: torch.Tensor,
    epoch: int,
    generator: torch.Generator,
    *,
    prior: float,
) -> torch.Tensor:
    """Give the gradient of the non-negative positive-unlabelled risk.

    Notes
    -----
    The risk is ``π R_P⁺ + max(0, R_U⁻ − π R_P⁻)`` (Kiryo et al. 2017); where the
    bracket is negative the step goes up its gradient.  With the logit z of a
    positive, its losses are l⁺ = softplus(−z), which is given, and l⁻ = l⁺ + z;
    their derivatives are σ−1 and σ, with 1−σ = 1−exp(−l⁺).  A derivative of the
    risk is thus a weight on the derivative of l⁺.
    """
    positive = labels == 1
    n_p = positive.sum(dim=1, keepdim=True).clamp_min(1)
    n_u = (~positive).sum(dim=1, keepdim=True).clamp_min(1)
    p = torch.exp(-loss)  # probability of the given label
    q = (1.0 - p).clamp_min(1.0 / _MAX_NNPU_WEIGHT)
    loss_minus = -torch.log(q)  # of a positive, were it called unlabelled
    bracket = torch.where(positive, -prior * loss_minus / n_p, loss / n_u).sum(dim=1, keepdim=True)
    above = torch.where(positive, prior / (n_p * q), (1.0 / n_u).expand_as(loss))
    below = -torch.where(positive, prior * p / (n_p * q), (1.0 / n_u).expand_as(loss))
    return torch.where(bracket >= 0, above, below) * loss.shape[1]


def bind(spec: Regime, *, peers: int, prior: float) -> Weigh:
    """Return a regime's weighting function with its parameters.

    Parameters
    ----------
    spec
        Regime.
    peers
        Networks per block.
    prior
        Current estimate of the fraction of real transients among the unlabelled.

    Returns
    -------
    weigh : `collections.abc.Callable`
        Function of loss, labels, epoch and generator.

    Raises
    ------
    ValueError
        Raised if the regime is unknown, or needs a peer and there is none.
    """
    known: dict[str, Weigh] = {
        "standard": standard,
        "co_teaching": functools.partial(co_teaching, spec=spec, peers=peers),
        "asymmetric_co_teaching": functools.partial(asymmetric_co_teaching, spec=spec, peers=peers),
        "stochastic_co_teaching": functools.partial(stochastic_co_teaching, spec=spec, peers=peers),
        "nnpu": functools.partial(nnpu, prior=max(prior, _MIN_PRIOR)),
        "contamination": standard,  # what differs is how much a sample counts; see `contamination`
    }
    if spec.kind not in known:
        raise ValueError(f"Unknown regime {spec.kind!r}; known are {sorted(known)}.")
    if "co_teaching" in spec.kind and peers < 2:
        raise ValueError(f"Regime {spec.kind!r} needs at least two peers; got {peers}.")
    return known[spec.kind]


def _from_peer(keep: torch.Tensor, peers: int) -> torch.Tensor:
    """Give each network the choice of the next network of its block."""
    return keep.unflatten(0, (-1, peers)).roll(1, dims=1).flatten(0, 1)


def _mean_one(keep: torch.Tensor) -> torch.Tensor:
    """Turn a choice into weights whose mean over each row is one."""
    weights = keep.float()
    return weights / weights.mean(dim=1, keepdim=True).clamp_min(1.0 / keep.shape[1])


def _gamma(shape: float, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw Gamma variates from a generator."""
    return torch._standard_gamma(torch.full_like(like, shape), generator=generator)
