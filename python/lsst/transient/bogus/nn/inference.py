# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trained model says about stamps."""

from __future__ import annotations

__all__ = ("Judgement", "features", "judge", "predict")

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator

import numpy as np
import torch
from scipy.special import expit

from .device import autocast, deterministic, pinned, repeatable_products, side_stream
from .model import Model
from .networks import Cnn2, Compact
from .normalise import crop_size, prepare
from .spec import ModelSpec
from .stamps import Stamps
from .threads import in_order

_ON_GPU = 1024  # stamps in a batch: enough for every layer to fill a large GPU
_ON_CPU = (32, 128)  # least and most stamps in a batch
_IN_CACHE = 640  # stamps times networks of which what layers make stays in a processor's cache
_MIN_BATCHES = 4  # for each thread: a new one, or pinned memory, takes some milliseconds to begin
_LANES = 16  # float32 values that a CPU treats together; those left over may be rounded differently


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
        `~lsst.transient.bogus.nn.device.resolve_precision`.
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
        return _evaluate(
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
    latent = _evaluate(model, stamps, model.network.features, device, batch_size, 1)  # (K, N, units)
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


@torch.no_grad()
def _evaluate(
    model: Model,
    stamps: Stamps,
    function: Callable[[torch.Tensor], torch.Tensor],
    device: torch.device | None,
    batch_size: int,
    axis: int,
    precision: str = "float32",
    *,
    side_by_side: bool = True,
) -> torch.Tensor:
    """Apply a function of prepared stamps batch by batch; join along the dimension of the stamps.

    On a CPU each thread has batches of its own, where there are many, rather than a share of each
    layer; for a GPU threads bring batches to where it reads them.  What a batch is does not depend on
    the number of threads, nor does the answer.
    """
    spec = model.spec
    _check_stamps(stamps, spec)
    device = device or torch.device("cpu")
    if model.to(device).network.training:
        model.network.eval()
    if not len(stamps):  # the shape of an answer to nothing
        size = crop_size(spec.stamp_size, spec.normalisation.crop)
        answer = function(torch.zeros(1, len(spec.channels) + 1, size, size, device=device)).cpu()
        return answer.narrow(axis, 0, 0)

    n_threads, on_gpu = torch.get_num_threads(), device.type == "cuda"
    cached = np.clip(_IN_CACHE // max(1, spec.n_networks) // _LANES * _LANES, *_ON_CPU)
    batches = _batches(len(stamps), batch_size or (_ON_GPU if on_gpu else int(cached)))
    many = side_by_side and n_threads > 1 and len(batches) >= _MIN_BATCHES * n_threads

    @torch.no_grad()
    def evaluate(part: Stamps) -> torch.Tensor:
        with side_stream(device):
            return function(prepare(part, spec.normalisation, device=device).float())

    parts = (stamps[rows] for rows in batches)
    with repeatable_products(device, precision):
        if many and on_gpu:
            answers = [evaluate(part) for part in in_order(lambda part: part.map(pinned), parts)]
        else:
            answers = list(in_order(evaluate, parts) if many else map(evaluate, parts))
    if on_gpu:
        torch.cuda.synchronize(device)
    return torch.cat(answers, dim=axis).cpu()


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


def _batches(n: int, largest: int) -> list[slice]:
    """Divide rows into the fewest batches, of about the same size, and of whole lanes but for the last."""
    step = _LANES if largest % _LANES == 0 else 1
    n_steps = -(-n // step)
    count = -(-n_steps // (largest // step))
    edges = [min(n, n_steps * i // count * step) for i in range(count + 1)]
    return [slice(start, stop) for start, stop in itertools.pairwise(edges)]
