# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is, as frozen values that travel with the weights."""

from __future__ import annotations

__all__ = ("NORMALISATIONS", "FoldRule", "ModelSpec", "Network", "Normalisation")

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
