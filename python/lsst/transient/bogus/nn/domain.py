# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stamps are unlike everything that the networks were trained on."""

from __future__ import annotations

__all__ = ("fit_domain",)

import numpy as np
import torch

from ..seeds import generator
from .networks import Cnn2, Compact
from .plan import Plan
from .settings import Settings

_CHUNK = 512
_MAX_SAMPLES = 20000  # 50 MB of features for ten networks, and enough for a covariance


@torch.no_grad()
def fit_domain(network: Compact | Cnn2, samples: torch.Tensor, plan: Plan, settings: Settings) -> float:
    """Fit where in feature space each network was trained.

    Parameters
    ----------
    network
        Networks in evaluation mode; their ``domain`` is changed in place.
    samples
        Prepared stamps, shape (N, C, s, s).
    plan
        Folds and networks.
    settings
        Quantile of the limit, and the seed of the samples that are used.

    Returns
    -------
    limit : `float`
        Distance that the given fraction of the held-out samples does not exceed,
        each judged by the networks that did not see it; 0 if none was held out.
    """
    rng = generator("domain", settings.seed)
    rows = np.sort(rng.permutation(len(samples))[:_MAX_SAMPLES])
    parts = [
        torch.as_tensor(part, device=samples.device)
        for part in np.split(rows, range(_CHUNK, len(rows), _CHUNK))
    ]
    latent = torch.cat([network.features(samples[part].float()) for part in parts], dim=1)  # (K, n, D)
    blind = np.array(plan.network_fold)[:, None] == plan.folds[rows]
    blind &= plan.folds[rows] >= 0
    network.domain.fit(latent, torch.as_tensor(~blind, device=samples.device))
    if not blind.any():
        return 0.0
    distance = network.domain(latent).double().cpu().numpy()
    held_out = np.where(blind, distance, 0.0).sum(axis=0) / np.maximum(blind.sum(axis=0), 1)
    return float(np.quantile(held_out[blind.any(axis=0)], settings.domain_quantile))
