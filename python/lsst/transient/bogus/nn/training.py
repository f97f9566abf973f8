# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one epoch loop, in which all networks of all folds are trained together."""

from __future__ import annotations

__all__ = ("EpochReport", "Result", "train")

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ..errors import TrainingDivergedError
from ..seeds import derive_seed
from . import regimes
from .augment import augment
from .checkpoint import checkpoint_file, load_checkpoint, save_checkpoint
from .contamination import UnlabelledJudgement, judge_unlabelled
from .device import deterministic, resolve_device
from .domain import fit_domain
from .history import EpochReport
from .model import Model
from .normalise import prepare
from .plan import Plan, held_out_logits, roc_auc
from .precision import autocast, resolve_precision
from .replay import Replay
from .settings import Settings
from .spec import FoldRule, ModelSpec
from .stamps import Stamps
from .state import TrainingState


@dataclasses.dataclass(frozen=True)
class Result:
    """A trained model and how it came about.

    Parameters
    ----------
    model
        Uncalibrated model.
    history
        A report for every epoch.
    best_epoch
        Epoch whose weights the model has.
    out_of_fold
        Probability of "injected" of each sample by the networks that did not see
        its fold, shape (K / folds, N); NaN for a sample that no network left out.
    checkpoint
        File with the state after the last epoch, to be removed once the model is
        safe; `None` if no folder for it was given.
    """

    model: Model
    history: tuple[EpochReport, ...]
    best_epoch: int
    out_of_fold: np.ndarray
    checkpoint: Path | None = None


def train(
    stamps: Stamps | torch.Tensor,
    labels: np.ndarray,
    folds: np.ndarray,
    settings: Settings,
    *,
    spec: ModelSpec | None = None,
    tiles: np.ndarray | None = None,
    negative_sign: np.ndarray | None = None,
    stratum: np.ndarray | None = None,
    report: Callable[[EpochReport], None] | None = None,
    checkpoints: Path | None = None,
) -> Result:
    """Train K networks, each blind to one fold.

    Parameters
    ----------
    stamps
        Stamps, or what `~lsst.transient.bogus.nn.normalise.prepare` made of them
        (then with ``spec``).
    labels
        1 for injected, 0 for the rest, shape (N,).
    folds
        Fold of each sample, from 0; -1 everywhere to hold nothing out.
    settings
        How to train.
    spec
        What the stamps are; only needed for prepared stamps.  Networks, folds
        and calibration in it are replaced.
    tiles
        Sky tile of each sample, stored in the model.
    negative_sign
        Whether each sample was detected below the sky, for ``negative_sign_weight``.
    stratum
        Stratum (bin of signal-to-noise, say) of each sample from 0: the real ones
        among the unlabelled of each stratum are counted on their own.
    report
        Called after every epoch.
    checkpoints
        Folder of a file that is written after every epoch, and from which an
        interrupted training of the same settings and samples goes on.

    Returns
    -------
    result : `Result`
        Model and history.

    Raises
    ------
    ValueError
        Raised if a stamp is not usable, or the regime cannot do with the settings.
    InsufficientDataError
        Raised if a network would see fewer than ``min_per_class`` of a class.
    TrainingDivergedError
        Raised if a loss is not finite.
    ModelFormatError
        Raised if the checkpoint of this training is damaged.
    """
    device = resolve_device(settings.device)
    settings = dataclasses.replace(settings, precision=resolve_precision(settings.precision, device))
    if isinstance(stamps, Stamps):
        if not stamps.usable.all():
            raise ValueError(
                f"{np.count_nonzero(~stamps.usable)} of {len(stamps)} stamps are not usable: leave them out."
            )
        spec = ModelSpec(stamps.image.shape[-1], stamps.channels, stamps.mask_bits, stamps.planes)
        stamps = prepare(stamps, settings.normalisation)
    if spec is None:
        raise ValueError("Prepared stamps need the specification of what they are.")
    plan = Plan.make(np.asarray(labels), np.asarray(folds), settings, negative_sign, stratum)
    _check_nnpu(plan, settings)
    rule = spec.folds if spec.folds.n_folds else FoldRule(n_folds=plan.n_folds)
    spec = dataclasses.replace(
        spec,
        normalisation=settings.normalisation,
        network=settings.network,
        network_fold=plan.network_fold,
        peers=settings.peers,
        folds=rule,
    )
    seed = derive_seed("weights", settings.seed)
    with deterministic(seed, device, strict=settings.deterministic, precision=settings.precision):
        model = Model.blank(spec, tiles).to(device)
        state = TrainingState.start(model.network, settings)
        file = None
        if checkpoints is not None:
            file = checkpoint_file(checkpoints, spec, settings, plan, stamps)
            load_checkpoint(file, state)
        samples = stamps.to(device)
        while state.epoch < settings.epochs and not state.should_stop(settings.patience):
            entry = _epoch(state, samples, plan, settings, spec.channels)
            state.record(entry, entry.monitored(settings.monitor))
            if file is not None:
                save_checkpoint(file, state)
            if report is not None:
                report(entry)
        model.network.load_state_dict(state.best)
        model.network.eval()
        logits = held_out_logits(model.network, samples, plan)
        limit = fit_domain(model.network, samples, plan, settings)
    model = dataclasses.replace(model, spec=dataclasses.replace(spec, domain_limit=limit))
    model = model.to(torch.device("cpu"))
    return Result(model, tuple(state.history), state.best_epoch, _sigmoid(logits), file)


def _epoch(
    state: TrainingState, samples: torch.Tensor, plan: Plan, settings: Settings, channels: tuple[str, ...]
) -> EpochReport:
    """Go through the training samples, then look at the held-out folds."""
    device = samples.device
    torch.manual_seed(derive_seed("dropout", settings.seed, state.epoch))
    generator = torch.Generator(device).manual_seed(derive_seed("augment", settings.seed, state.epoch))
    weigh = regimes.bind(settings.regime, peers=settings.peers, prior=state.prior)
    batches = torch.as_tensor(plan.batches(state.epoch, settings), device=device)  # (steps, B, streams)
    counts = _importance(state, plan, settings)
    labels, importance = (torch.as_tensor(a, device=device) for a in (plan.labels, counts))
    balance = torch.as_tensor(plan.class_weights(counts, settings), device=device)  # (K, 2)
    sums = torch.zeros(5, plan.n_networks, device=device)
    scaled = () if settings.normalisation.kind == "minmax" else channels

    def step(batch: torch.Tensor) -> None:
        y = labels[batch].T.repeat_interleave(settings.peers, dim=0)  # (K, B)
        count = importance[batch].T.repeat_interleave(settings.peers, dim=0)
        x = augment(samples[batch], settings.augmentation, generator, scaled)
        sums.add_(_step(state, x, y, count, balance, weigh, generator, settings))

    replay = Replay(step, device, [generator])
    for index, batch in enumerate(batches):
        rate = _learning_rate(state.epoch + index / len(batches), settings)
        state.set_learning_rate(rate)
        replay(batch)
        state.average(settings.averaging)
    train_loss = (sums[0] / len(batches)).cpu().numpy()
    _check_finite(train_loss, state, settings)
    kept = (sums[1:3] / sums[3:5].clamp_min(1)).cpu().numpy()
    validation_loss, validation_auc = _validate(state, samples, plan, settings)
    used = state.prior if settings.regime.kind in ("nnpu", "contamination") else math.nan
    return EpochReport(state.epoch, train_loss, validation_loss, validation_auc, kept[1], kept[0], rate, used)


def _step(
    state: TrainingState,
    x: torch.Tensor,
    y: torch.Tensor,
    importance: torch.Tensor,
    balance: torch.Tensor,
    weigh: regimes.Weigh,
    generator: torch.Generator,
    settings: Settings,
) -> torch.Tensor:
    """Make one step of all networks.

    Stamps are (B, streams, C, s, s), labels and importance of the samples (K, B), weights of
    the classes (K, 2).  Returns sums for the report, (5, K).
    """
    with autocast(settings.precision, x.device):
        logits = state.network(x.flatten(1, 2)).float()  # (K, B)
    loss = F.binary_cross_entropy_with_logits(logits, y, reduction="none")
    weights = weigh(loss.detach(), y, state.epoch, generator)
    if settings.regime.kind != "nnpu":  # which balances the classes itself
        weights = weights * importance * torch.where(y == 1, balance[:, 1:], balance[:, :1])
    mean = (weights * loss).mean(dim=1)
    state.optimizer.zero_grad(set_to_none=True)
    mean.sum().backward()
    state.optimizer.step()
    positive = (y == 1).float()
    kept = (weights != 0) * importance
    parts = (kept * (1 - positive), kept * positive, 1 - positive, positive)
    return torch.stack([mean.detach(), *(part.sum(dim=1) for part in parts)])


def _validate(
    state: TrainingState, samples: torch.Tensor, plan: Plan, settings: Settings
) -> tuple[np.ndarray, np.ndarray]:
    """Return loss and AUC of each network on its held-out fold; update the estimated prior."""
    state.averaged.eval()
    logits = held_out_logits(state.averaged, samples, plan)  # (copies, N)
    n_copies = len(logits)
    loss, auc = np.full(plan.n_networks, np.nan), np.full(plan.n_networks, np.nan)
    for k, fold in enumerate(plan.network_fold):
        rows = np.flatnonzero(plan.folds == fold) if fold >= 0 else np.zeros(0, dtype=int)
        z, y = logits[k % n_copies, rows], plan.labels[rows]
        if len(rows):
            loss[k] = np.mean(np.logaddexp(0.0, np.where(y == 1, -z, z)))
            auc[k] = roc_auc(z, y == 1)
    if settings.regime.kind in ("nnpu", "contamination"):
        state.judgement = _judge(logits, plan, settings)
        state.prior = state.judgement.prior if plan.n_folds else settings.regime.prior
    return loss, auc


def _check_nnpu(plan: Plan, settings: Settings) -> None:
    """Refuse what the risk of nnPU has no place for."""
    if settings.regime.kind != "nnpu":
        return
    if not plan.n_folds and not settings.regime.prior:
        raise ValueError("Without held-out folds nnpu cannot estimate its prior, which must be given.")
    if not set(np.unique(plan.importance)) <= {0.0, 1.0}:
        raise ValueError(
            f"nnpu has no weights of samples: negative_sign_weight must be 0 or 1, not "
            f"{settings.negative_sign_weight:g}."
        )


def _judge(logits: np.ndarray, plan: Plan, settings: Settings) -> UnlabelledJudgement:
    """Judge the unlabelled samples by held-out logits, (copies, N)."""
    score = np.where(plan.importance > 0, _sigmoid(logits.mean(axis=0)), np.nan)
    return judge_unlabelled(score, plan.labels, plan.stratum, prior=settings.regime.prior)


def _importance(state: TrainingState, plan: Plan, settings: Settings) -> np.ndarray:
    """Return how much each sample counts, (N,) float32: an unlabelled one by its chance to be bogus."""
    spec = settings.regime
    if spec.kind != "contamination" or state.judgement is None or state.epoch < spec.delay_epochs:
        return plan.importance
    bogus = 1.0 - state.judgement.probability
    return plan.importance * np.where(plan.labels == 1, np.float32(1.0), bogus)


def _check_finite(loss: np.ndarray, state: TrainingState, settings: Settings) -> None:
    """Raise `TrainingDivergedError` if the loss or a weight of any network is not finite."""
    sound = [t.flatten(1).isfinite().all(dim=1) for t in state.averaged.state_dict().values()]
    bad = np.flatnonzero(~(np.isfinite(loss) & torch.stack(sound).all(dim=0).cpu().numpy()))
    if len(bad):
        raise TrainingDivergedError(
            f"{len(bad)} of {len(loss)} networks, network {bad[0]} the first, have a loss or weights that "
            f"are not finite after epoch {state.epoch}; lower the learning rate "
            f"({settings.learning_rate:g}).",
            epoch=state.epoch,
            network=int(bad[0]),
            n_diverged=len(bad),
            n_networks=len(loss),
            learning_rate=settings.learning_rate,
        )


def _learning_rate(epoch: float, settings: Settings) -> float:
    """Return the learning rate: a linear rise over a tenth of the epochs, then a cosine to a hundredth."""
    progress = epoch / settings.epochs
    rise = min(1.0, progress / 0.1 + 0.05)
    fall = 0.5 * (1.0 + math.cos(math.pi * max(0.0, (progress - 0.1) / 0.9)))
    return settings.learning_rate * rise * max(0.01, fall)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return probabilities."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))
