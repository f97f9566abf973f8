# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trained model says about stamps."""

from __future__ import annotations

__all__ = ("features", "predict")

from collections.abc import Callable

import numpy as np
import torch

from .model import Model
from .normalise import crop_size, prepare
from .stamps import Stamps

_BATCH_SIZE = 128  # what eight networks make of it stays in the processor's cache


def predict(
    model: Model, stamps: Stamps, *, device: torch.device | None = None, batch_size: int = _BATCH_SIZE
) -> np.ndarray:
    """Return the probability of "injected" by every network.

    Parameters
    ----------
    model
        Model.
    stamps
        Stamps with the model's channels and size.
    device
        Where to compute; the CPU by default.
    batch_size
        Stamps per call of the networks.

    Returns
    -------
    probability : `numpy.ndarray`
        float32, shape (K, N); uncalibrated.  NaN for stamps that are not usable.

    Raises
    ------
    ValueError
        Raised if the stamps are not those that the model was trained on.
    """
    logits = _evaluate(model, stamps, model.network, device, batch_size)  # (K, N)
    probability = torch.sigmoid(logits).numpy()
    probability[:, ~stamps.usable] = np.nan
    return probability


def features(
    model: Model, stamps: Stamps, *, device: torch.device | None = None, batch_size: int = _BATCH_SIZE
) -> np.ndarray:
    """Return the latent features of all networks, side by side.

    Parameters
    ----------
    model
        Model.
    stamps
        Stamps with the model's channels and size.
    device
        Where to compute; the CPU by default.
    batch_size
        Stamps per call of the networks.

    Returns
    -------
    features : `numpy.ndarray`
        float32, shape (N, K * units); NaN for stamps that are not usable.

    Raises
    ------
    ValueError
        Raised if the stamps are not those that the model was trained on.
    """
    latent = _evaluate(model, stamps, model.network.features, device, batch_size)  # (K, N, units)
    flat = latent.transpose(0, 1).flatten(1).numpy()
    flat[~stamps.usable] = np.nan
    return flat


@torch.no_grad()
def _evaluate(
    model: Model,
    stamps: Stamps,
    function: Callable[[torch.Tensor], torch.Tensor],
    device: torch.device | None,
    batch_size: int,
) -> torch.Tensor:
    """Apply a function of prepared stamps batch by batch; join along dimension 1."""
    spec = model.spec
    if stamps.image.shape[1:] != (len(spec.channels), spec.stamp_size, spec.stamp_size):
        raise ValueError(
            f"The model takes stamps of {len(spec.channels)} channels and {spec.stamp_size} pixels; "
            f"got {stamps.image.shape[1:]}."
        )
    if stamps.channels != spec.channels:
        raise ValueError(f"The model takes the channels {spec.channels}; got {stamps.channels}.")
    device = device or torch.device("cpu")
    model.to(device).network.eval()
    if not len(stamps):  # the shape of an answer to nothing
        size = crop_size(spec.stamp_size, spec.normalisation.crop)
        return function(torch.zeros(1, len(spec.channels) + 1, size, size, device=device)).cpu()[:, :0]
    answers = []
    for start in range(0, len(stamps), batch_size):
        x = prepare(stamps[start : start + batch_size], spec.normalisation, device=device)
        answers.append(function(x.float()).cpu())
    return torch.cat(answers, dim=1)
