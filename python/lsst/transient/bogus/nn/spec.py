# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is and how it is trained, as frozen values that travel with the weights."""

from __future__ import annotations

__all__ = (
    "NORMALISATIONS",
    "Augmentation",
    "FoldRule",
    "ModelSpec",
    "Network",
    "Normalisation",
    "Regime",
    "Settings",
)

import dataclasses
import functools
import json
import typing
from collections.abc import Hashable, Mapping
from typing import Any

from ..errors import ModelFormatError

NORMALISATIONS: Mapping[str, str] = {
    "snr": "asinh of image / sqrt(variance), less the median for science and template.",
    "robust": "asinh of (image - median) / (1.4826 median absolute deviation), stamp by stamp.",
    "minmax": "0 to 1 over each stamp: bright and faint sources look alike.",
}
"""What the kinds of `Normalisation` do."""


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """How calibrated pixels become numbers of order one.

    Parameters
    ----------
    kind
        One of `NORMALISATIONS`.
    softening
        Signal-to-noise (or MAD) below which asinh is linear.
    clip
        Largest absolute value of the argument of asinh.
    crop
        Side of the central square that is used, odd; 0 for the largest that fits.
    canonical_sign
        Show a negative detection as its mirror: difference times -1, science and
        template exchanged.
    flag_bits
        Names of mask bits that clear the validity channel; those that the
        cutouts do not have are ignored.
    """

    kind: str = "snr"
    softening: float = 1.0
    clip: float = 1e4
    crop: int = 0
    canonical_sign: bool = True
    flag_bits: tuple[str, ...] = ("bad", "saturated", "cosmic_ray", "interpolated", "edge")


@dataclasses.dataclass(frozen=True)
class Network:
    """Architecture of one network.

    Parameters
    ----------
    kind
        ``compact``: convolutions on a space-to-depth input with centre and mean
        pooling; ``cnn2``: the reference (convolution, pooling, dropout, dense).
    filters
        Channels of each convolution.
    units
        Width of the dense layer, whose activations are the latent features.
    dropout
        Probability that a latent feature is dropped in training.
    """

    kind: str = "compact"
    filters: tuple[int, ...] = (24, 48, 48)
    units: int = 64
    dropout: float = 0.2


@dataclasses.dataclass(frozen=True)
class FoldRule:
    """How a position on the sky becomes a cross-validation fold.

    Parameters
    ----------
    n_folds
        Number of folds; 0 if nothing was held out.
    nside
        HEALPix nside of the tiles; 0 if the model was trained without.
    seed
        Seed of the hash from tile to fold.
    """

    n_folds: int = 0
    nside: int = 0
    seed: int = 0


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

    normalisation: Normalisation = Normalisation()
    network: Network = Network()
    regime: Regime = Regime()
    augmentation: Augmentation = Augmentation()
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


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """All of a model that is not a tensor.

    Parameters
    ----------
    stamp_size
        Side of the stamps that the model takes, in pixels.
    channels
        Names of the stamps' channels, in order.
    mask_bits
        Names of the stamps' mask bits, from the lowest.
    planes
        Which of image, variance and mask the stamps have that it was trained on; empty if that is not
        known, and not compared then.
    normalisation
        How pixels are normalised.
    network
        Architecture.
    network_fold
        Fold held out from each network; -1 for none.
    folds
        How positions become folds.
    peers
        Networks of one fold that were trained on the same batches.
    calibration
        Parameters of the calibration of mean scores; empty for none.
    domain_limit
        Distance in feature space beyond which a stamp is unlike the training
        samples; 0 for none.
    provenance
        Where the model comes from: training settings, data and metrics (JSON types).
    """

    stamp_size: int
    channels: tuple[str, ...]
    mask_bits: tuple[str, ...] = ()
    planes: tuple[str, ...] = ()
    normalisation: Normalisation = Normalisation()
    network: Network = Network()
    network_fold: tuple[int, ...] = (-1,)
    folds: FoldRule = FoldRule()
    peers: int = 1
    calibration: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    domain_limit: float = 0.0
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def n_networks(self) -> int:
        """Number of networks."""
        return len(self.network_fold)

    def to_json(self) -> str:
        """Return the specification as canonical JSON.

        Returns
        -------
        text : `str`
            JSON with sorted keys.
        """
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text
            JSON.

        Returns
        -------
        spec : `ModelSpec`
            The specification.

        Raises
        ------
        ModelFormatError
            Raised if the text is not the JSON of a specification.
        """
        try:
            return typing.cast(ModelSpec, _read(cls, json.loads(text)))
        except (OverflowError, TypeError, ValueError) as error:
            raise ModelFormatError(f"The specification of the model cannot be read: {error}") from error


def _read(kind: Any, value: Any) -> Any:
    """Rebuild a frozen dataclass from JSON types, checking every field's type."""
    if dataclasses.is_dataclass(kind):
        hints = _type_hints(typing.cast(Hashable, kind))
        if not isinstance(value, dict) or set(value) - set(hints):
            raise TypeError(f"fields of {getattr(kind, '__name__', kind)}: {sorted(value)}")
        return typing.cast(Any, kind)(**{name: _read(hints[name], item) for name, item in value.items()})
    origin = typing.get_origin(kind)
    if origin is tuple and isinstance(value, list):
        return tuple(_read(typing.get_args(kind)[0], item) for item in value)
    if origin is Mapping and isinstance(value, dict):
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:  # to Python, True is an integer
        raise TypeError(f"{value!r} is not {kind}")
    return value


@functools.cache
def _type_hints(kind: Hashable) -> dict[str, Any]:
    """Resolve annotations once: it takes longer than reading the weights."""
    return typing.get_type_hints(kind)
