# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trained model says about stamps."""

from __future__ import annotations

__all__ = ("Judgement", "features", "judge", "predict")

import contextlib
import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
import torch
from scipy.special import expit

from .batches import evaluate
from .device import deterministic
from .model import Model
from .networks import Cnn2, Compact
from .precision import autocast
from .spec import ModelSpec
from .stamps import Stamps


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What the networks make of stamps.

    Parameters
    ----------
    probability
        Probability of "injected", uncalibrated, shape (K, N); NaN for stamps that are
        not usable.
    distance
        Distance from the samples that each network was trained on, in its
        feature space, shape (K, N): about 1 for the familiar.
    scatter
        Standard deviation of each network's probability over passes with dropout, shape (K, N);
        `None` if there were none.
    """

    probability: np.ndarray
    distance: np.ndarray
    scatter: np.ndarray | None = None


def judge(
    model: Model,
    stamps: Stamps,
    *,
    use: np.ndarray | None = None,
    device: torch.device | None = None,
    batch_size: int = 0,
    precision: str = "float32",
    dropout_passes: int = 0,
    seed: int = 0,
) -> Judgement:
    """Return probability and distance by every network, or by those that are asked.

    Parameters
    ----------
    model
        Model.
    stamps
        Stamps with the model's channels and size.
    use
        Which networks judge each stamp, boolean, shape (K, N); all by default.  Stamps that have
        the same networks are judged together, by those alone, as they were when they were first asked
        (`Model.part`).
    device
        Where to compute; the CPU by default.
    batch_size
        Stamps per call of the networks; 0 for what suits the device.
    precision
        Of the products that make the latent features: ``float32``, ``tf32`` or ``bfloat16``, see
        `~lsst.transient.bogus.nn.precision.resolve_precision`.
    dropout_passes
        Further evaluations with dropout switched on (Gal & Ghahramani 2016), for ``scatter``.
    seed
        Seed of what is dropped.

    Returns
    -------
    judgement : `Judgement`
        float32 arrays; NaN where a network was not asked.

    Raises
    ------
    ValueError
        Raised if the stamps are not those that the model was trained on, or ``use`` has another shape.
    """
    device = device or torch.device("cpu")
    _check_stamps(stamps, model.spec)
    shape = (model.spec.n_networks, len(stamps))
    if use is not None and use.shape != shape:
        raise ValueError(f"There are {shape} networks and stamps; got {use.shape} of which judges which.")

    def ask(part: Model, stamps: Stamps) -> np.ndarray:
        function = functools.partial(
            _answers, part.network, precision=precision, dropout_passes=dropout_passes
        )
        # Dropout switches the networks to and fro, and draws from one generator: a batch at a time.
        side_by_side = not dropout_passes
        return evaluate(
            part, stamps, function, device, batch_size, 2, precision, side_by_side=side_by_side
        ).numpy()

    judged = np.full((3 if dropout_passes else 2, *shape), np.nan, np.float32)
    with deterministic(seed, device) if dropout_passes else contextlib.nullcontext():
        for networks, rows in _groups(use, shape):
            places = (slice(None), *np.ix_(networks, np.arange(len(stamps))[rows]))
            judged[places] = ask(model.part(networks.tolist()), stamps[rows])
    expit(judged[0], out=judged[0])  # torch's own depends on where in a batch a number is
    judged[:, :, ~stamps.usable] = np.nan
    return Judgement(*judged)


def _groups(
    use: np.ndarray | None, shape: tuple[int, int]
) -> Iterator[tuple[np.ndarray, np.ndarray | slice]]:
    """Divide stamps into those that have the same networks; yield networks and rows.

    Parameters
    ----------
    use
        Which networks judge each stamp, of the shape (K, N) that is given; all if `None`.
    """
    if use is None or not shape[1]:
        yield np.arange(shape[0]), slice(None)
        return
    group, first = np.zeros(shape[1], dtype=np.int64), np.zeros(1, dtype=np.int64)
    for eight in np.packbits(use, axis=0):  # networks, as the bits of a number
        _, first, group = np.unique(256 * group + eight, return_index=True, return_inverse=True)
    for number, pattern in enumerate(use[:, first].T):
        if pattern.any():
            rows = slice(None) if len(first) == 1 else np.flatnonzero(group == number)
            yield np.flatnonzero(pattern), rows


def _answers(
    network: Compact | Cnn2, x: torch.Tensor, *, precision: str, dropout_passes: int
) -> torch.Tensor:
    """Return logit, distance and, if there are passes with dropout, scatter: (2 or 3, K, B)."""

    def features() -> torch.Tensor:
        with autocast(precision, x.device):
            return network.features(x).float()

    latent = features()
    answers = [network.judge(latent), network.domain(latent)]
    if dropout_passes:
        with _dropout(network):
            # What dropout does not change need not be made again.
            passes = (features() if network.drops_features else latent for _ in range(dropout_passes))
            logits = torch.stack([network.judge(one) for one in passes])
        answers.append(torch.sigmoid(logits).std(dim=0, correction=0))
    return torch.stack(answers)


def predict(
    model: Model, stamps: Stamps, *, device: torch.device | None = None, batch_size: int = 0
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
        Stamps per call of the networks; 0 for what suits the device.

    Returns
    -------
    probability : `numpy.ndarray`
        float32, shape (K, N); uncalibrated.  NaN for stamps that are not usable.

    Raises
    ------
    ValueError
        Raised if the stamps are not those that the model was trained on.
    """
    return judge(model, stamps, device=device, batch_size=batch_size).probability


def features(
    model: Model, stamps: Stamps, *, device: torch.device | None = None, batch_size: int = 0
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
        Stamps per call of the networks; 0 for what suits the device.

    Returns
    -------
    features : `numpy.ndarray`
        float32, shape (N, K * units); NaN for stamps that are not usable.

    Raises
    ------
    ValueError
        Raised if the stamps are not those that the model was trained on.
    """
    _check_stamps(stamps, model.spec)
    latent = evaluate(model, stamps, model.network.features, device, batch_size, 1)  # (K, N, units)
    flat = latent.transpose(0, 1).flatten(1).numpy()
    flat[~stamps.usable] = np.nan
    return flat


@contextlib.contextmanager
def _dropout(network: torch.nn.Module) -> Iterator[None]:
    """Switch dropout on, but for the statistics of normalisation layers, which stay what they are."""
    network.train()
    for module in network.modules():
        if hasattr(module, "running_mean"):
            module.eval()
    try:
        yield
    finally:
        network.eval()


def _check_stamps(stamps: Stamps, spec: ModelSpec) -> None:
    """Raise `ValueError` if stamps are not those that a model takes."""
    if stamps.image.shape[1:] != (len(spec.channels), spec.stamp_size, spec.stamp_size):
        raise ValueError(
            f"The model takes stamps of {len(spec.channels)} channels and {spec.stamp_size} pixels; "
            f"got {stamps.image.shape[1:]}."
        )
    if stamps.channels != spec.channels:
        raise ValueError(f"The model takes the channels {spec.channels}; got {stamps.channels}.")
    if spec.planes and stamps.planes != spec.planes:
        raise ValueError(f"The model was trained on stamps with {spec.planes}; these have {stamps.planes}.")
