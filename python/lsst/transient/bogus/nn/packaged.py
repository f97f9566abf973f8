# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model in one piece: pixels in, calibrated probabilities out.

`lsst.transient.bogus.nn.package` copies the source of this module, and of the modules of
networks that it imports, into the architecture file of a model package.  It must do with them,
torch, numpy and the standard library.
"""

from __future__ import annotations

__all__ = ("INPUTS", "Packaged", "read_settings", "stamp_variance")

import json
import types
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from .networks import build
from .normalise import crop_size, normalise

INPUTS = ("difference", "science", "template")
"""Channels as ``RBTransiNetInterface`` stacks them."""

_MAX_LOGIT = 30.0
_NORMAL_MAD = 1.4826  # standard deviations of a normal distribution in its MAD
_CORE = 2  # the centre is 5x5 pixels, as for stamps that come from a cutout table


class Packaged(nn.Module):
    """Networks with normalisation in front and calibration behind.

    Parameters
    ----------
    spec
        Specification of the model (`lsst.transient.bogus.nn.ModelSpec`, or what
        `read_settings` gives).
    """

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.spec = spec
        self.order = [INPUTS.index(name) for name in spec.channels]
        size = crop_size(spec.stamp_size, spec.normalisation.crop)
        self.network = build(len(spec.network_fold), len(spec.channels) + 1, size, spec.network)

    def forward(self, stamps: torch.Tensor) -> torch.Tensor:
        """Return the probability that each source is a real transient.

        Parameters
        ----------
        stamps
            Difference, science and template, shape (B, 3, S, S), in any unit.  Pixels that are
            exactly 0 are missing: ``RBTransiNetTask`` fills those with zeros.  Larger stamps
            than the model's are cut around pixel S // 2.

        Returns
        -------
        probability : `torch.Tensor`
            Shape (B,), float32; NaN where there is nothing to judge at the centre of a stamp.
        """
        image = self._central(stamps)
        image = torch.where(image == 0, torch.nan, image)
        scale_free = self.spec.normalisation.kind != "snr"
        variance = None if scale_free else stamp_variance(image)
        pixels, valid = normalise(image, variance, None, self.spec.channels, self.spec.normalisation)
        x = torch.cat([pixels, valid.unsqueeze(1)], dim=1)
        # Half precision between, as in training.
        probability = torch.sigmoid(self.network(x.half().float())).mean(dim=0)
        score = calibrated(probability, self.spec.calibration).float()
        return torch.where(usable(image, variance), score, torch.nan)

    def _central(self, stamps: torch.Tensor) -> torch.Tensor:
        """Cut the model's channels and size out of stamps."""
        size, given = self.spec.stamp_size, stamps.shape[-1]
        start = given // 2 - size // 2
        if given < size:
            raise ValueError(f"The model takes stamps of at least {size} pixels; got {given}.")
        return stamps[:, self.order, start : start + size, start : start + size].float()


def stamp_variance(image: torch.Tensor) -> torch.Tensor:
    """Estimate the variance of the sky from the stamps themselves.

    Parameters
    ----------
    image
        Pixel values, NaN where missing, shape (N, C, S, S).

    Returns
    -------
    variance : `torch.Tensor`
        Same shape, one value for each stamp and channel: the scaled median absolute
        deviation, squared.  Photon noise of the sources is not in it.
    """
    flat = image.flatten(2)
    deviation = (flat - flat.nanmedian(dim=2, keepdim=True).values).abs()
    sigma = _NORMAL_MAD * deviation.nanmedian(dim=2).values
    return (sigma**2)[:, :, None, None].expand_as(image)


def usable(image: torch.Tensor, variance: torch.Tensor | None) -> torch.Tensor:
    """Tell whether most of the central 5x5 pixels of every channel exist and have a noise.

    Parameters
    ----------
    image
        Pixel values, NaN where missing, shape (N, C, S, S).
    variance
        Variances, same shape, or `None`.

    Returns
    -------
    usable : `torch.Tensor`
        Boolean, shape (N,).
    """
    middle = image.shape[-1] // 2
    window = slice(max(0, middle - _CORE), middle + _CORE + 1)
    exists = torch.isfinite(image[:, :, window, window])
    if variance is not None:
        exists &= variance[:, :, window, window] > 0
    return (exists.float().mean(dim=(2, 3)) > 0.5).all(dim=1)


def calibrated(score: torch.Tensor, calibration: Mapping[str, Any]) -> torch.Tensor:
    """Turn raw scores into probabilities, as `lsst.transient.bogus.calibration.Calibration` does.

    Parameters
    ----------
    score
        Raw scores from 0 to 1, shape (N,).
    calibration
        Parameters of the calibration; empty for none.

    Returns
    -------
    probability : `torch.Tensor`
        Shape (N,).
    """
    if not calibration:
        return score
    p = score.double()
    tiny = torch.exp(torch.tensor(-_MAX_LOGIT, dtype=torch.float64, device=p.device))
    x = torch.log(torch.maximum(p, tiny)) - torch.log(torch.maximum(1.0 - p, tiny))
    knots, values = (
        torch.tensor(calibration[name], dtype=torch.float64, device=p.device) for name in ("knots", "values")
    )
    beyond = (x - knots[0]).clamp_max(0.0) + (x - knots[-1]).clamp_min(0.0)
    logit = _interpolated(x, knots, values) + calibration["end_slope"] * beyond
    odds = torch.exp(logit.clamp(-_MAX_LOGIT, _MAX_LOGIT))
    return (calibration["prior"] * calibration["ratio"] * odds).clamp_max(1.0)


def _interpolated(x: torch.Tensor, knots: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Interpolate linearly; constant beyond the knots."""
    if len(knots) == 1:
        return values.expand_as(x)
    right = torch.searchsorted(knots, x).clamp(1, len(knots) - 1)
    fraction = (x - knots[right - 1]) / (knots[right] - knots[right - 1])
    return torch.lerp(values[right - 1], values[right], fraction.clamp(0.0, 1.0))


def read_settings(text: str) -> types.SimpleNamespace:
    """Read a specification without the classes that define it.

    Parameters
    ----------
    text
        What `lsst.transient.bogus.nn.ModelSpec.to_json` wrote.

    Returns
    -------
    spec : `types.SimpleNamespace`
        The fields of the specification; normalisation and network are namespaces too.
    """
    fields = json.loads(text)
    for name in ("normalisation", "network"):
        fields[name] = types.SimpleNamespace(**fields[name])
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return types.SimpleNamespace(**plain)
