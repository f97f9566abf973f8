# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a model is trained, as frozen values."""

from __future__ import annotations

__all__ = ("PRECISIONS", "Augmentation", "Regime", "Settings")

import dataclasses

from .spec import Network, Normalisation

PRECISIONS = {
    "float32": "As it says.",
    "tf32": "On a GPU float32 with 10 bits of mantissa; on a CPU float32.",
    "bfloat16": "7 bits of mantissa, of what layers make too. Faster where the hardware has it, far slower "
    "where it has not.",
    "auto": "bfloat16 where the hardware has it, else tf32. Results then depend on the machine.",
}
"""Precisions of the products in networks; weights, and the sums that make a product, are float32."""


@dataclasses.dataclass(frozen=True)
class Regime:
    """Which samples count, with what weight, for which network.

    Parameters
    ----------
    kind
        ``standard``, ``co_teaching``, ``asymmetric_co_teaching``,
        ``stochastic_co_teaching``, ``nnpu`` or ``contamination``.
    forget_rate
        Fraction of all samples (co-teaching) or of unlabelled samples
        (asymmetric) that is finally withheld.
    forget_rate_positive
        Fraction of injections that is finally withheld (asymmetric).
    ramp_epochs
        Epochs over which a forget rate grows from 0.
    ramp_exponent
        Exponent of that growth.
    beta_a
        First shape of the Beta distribution (stochastic).
    beta_b
        Second shape of the Beta distribution (stochastic).
    delay_epochs
        Epochs before withholding starts (stochastic, contamination).
    prior
        Fraction of real transients among the unlabelled (nnPU, contamination);
        0 to estimate it from out-of-fold scores after every epoch.
    """

    kind: str = "contamination"
    forget_rate: float = 0.1
    forget_rate_positive: float = 0.0
    ramp_epochs: int = 5
    ramp_exponent: float = 1.0
    beta_a: float = 12.0
    beta_b: float = 4.0
    delay_epochs: int = 3
    prior: float = 0.0


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How training stamps are varied.

    Parameters
    ----------
    d4
        Use the eight flips and rotations.
    shift
        Largest shift in pixels, along each axis.
    noise
        Standard deviation of Gaussian noise added to normalised pixels.
    depth
        Largest factor by which the signal-to-noise of every channel but the difference
        is changed, up or down; 1 for none.
    """

    d4: bool = True
    shift: int = 0
    noise: float = 0.0
    depth: float = 4.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a model is trained.

    Parameters
    ----------
    normalisation
        How pixels are normalised.
    network
        Architecture.
    regime
        Treatment of label noise.
    augmentation
        Variation of the training stamps.
    peers
        Networks that see the same batches of one fold; two or more for the
        co-teaching regimes.
    members
        Independent repetitions of the peers of each fold.
    epochs
        Largest number of epochs, of the whole number of batches that is nearest to a pass.
    patience
        Epochs without a better monitor value after which training stops; 0 never.
    monitor
        ``auc`` or ``loss`` on the held-out folds.
    batch_size
        Samples per network and step.
    learning_rate
        Largest learning rate; it rises over the first tenth of all steps and
        falls as a cosine.
    weight_decay
        Decoupled weight decay.
    averaging
        Decay per step of the running mean of the weights that is kept; 0 for none.
    balance
        How an injection counts more than another sample: ``weight`` of its loss, or
        ``sampler``, which draws it more often.
    positive_weight
        How much more; 0 to give both classes the same total.
    negative_sign_weight
        Weight of the loss of unlabelled samples detected below the sky; 0 leaves
        them out of training.
    min_per_class
        Fewest samples of each class that a network must see.
    domain_quantile
        Fraction of the held-out samples that counts as familiar.
    seed
        Seed of initial weights, batches and augmentation.
    device
        ``cpu``, ``cuda`` or ``auto``.
    precision
        ``float32``, ``tf32``, ``bfloat16`` or ``auto``, of the products in training.
    deterministic
        Whether to use only algorithms that repeat bit for bit.
    """

    normalisation: Normalisation = dataclasses.field(default_factory=Normalisation)
    network: Network = dataclasses.field(default_factory=Network)
    regime: Regime = dataclasses.field(default_factory=Regime)
    augmentation: Augmentation = dataclasses.field(default_factory=Augmentation)
    peers: int = 1
    members: int = 1
    epochs: int = 15
    patience: int = 0
    monitor: str = "auc"
    batch_size: int = 128
    learning_rate: float = 6e-3
    weight_decay: float = 1e-2
    averaging: float = 0.95
    balance: str = "weight"
    positive_weight: float = 0.0
    negative_sign_weight: float = 0.0
    min_per_class: int = 20
    domain_quantile: float = 0.999
    seed: int = 0
    device: str = "cpu"
    precision: str = "float32"
    deterministic: bool = True
