# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sees what: folds, networks, batches, and predictions on what was held out."""

from __future__ import annotations

__all__ = ("Plan", "held_out_logits", "roc_auc")

import dataclasses
import hashlib

import numpy as np
import torch

from ..errors import InsufficientDataError
from ..seeds import generator
from ..training_rows import fewest_seen
from .networks import Cnn2, Compact
from .settings import Settings

_CHUNK = {"cpu": 512, "cuda": 4096}  # stamps of each fold at a time
_MAX_CLASS_RATIO = 20.0  # beyond it a few injections would own every gradient


@dataclasses.dataclass(frozen=True)
class Plan:
    """Samples, their folds and the networks that train on them.

    A stream is one order of the samples outside one fold; its ``peers`` networks
    are neighbours in the stack.

    Parameters
    ----------
    labels
        1 for injected, else 0, float32, shape (N,).
    folds
        Fold of each sample; -1 if never held out.
    importance
        Weight of each sample's loss, float32, shape (N,); 0 leaves it out of training.
    stratum
        Stratum of each sample from 0, shape (N,), for the contamination of the unlabelled.
    network_fold
        Fold that each network does not see; -1 for none.
    members
        Streams of each fold.
    peers
        Networks of each stream.
    """

    labels: np.ndarray
    folds: np.ndarray
    importance: np.ndarray
    stratum: np.ndarray
    network_fold: tuple[int, ...]
    members: int
    peers: int

    @classmethod
    def make(
        cls,
        labels: np.ndarray,
        folds: np.ndarray,
        settings: Settings,
        negative_sign: np.ndarray | None = None,
        stratum: np.ndarray | None = None,
    ) -> Plan:
        """Decide which networks there are and check that each sees enough.

        Parameters
        ----------
        labels
            1 for injected, else 0, shape (N,).
        folds
            Fold of each sample; -1 if never held out.
        settings
            How to train.
        negative_sign
            Whether each sample was detected below the sky; none by default.
        stratum
            Stratum of each sample from 0; one by default.

        Returns
        -------
        plan : `Plan`
            The plan.

        Raises
        ------
        InsufficientDataError
            Raised if a network would see too few samples of a class.
        """
        held = sorted({int(f) for f in np.unique(folds)} - {-1}) or [-1]
        copies = settings.members * settings.peers
        importance = np.ones(len(labels), dtype=np.float32)
        if negative_sign is not None:
            importance[negative_sign & (labels != 1)] = settings.negative_sign_weight
        plan = cls(
            (labels == 1).astype(np.float32),
            folds.astype(np.int64),
            importance,
            np.zeros(len(labels), dtype=np.int64) if stratum is None else stratum.astype(np.int64),
            tuple(np.repeat(held, copies).tolist()),
            settings.members,
            settings.peers,
        )
        fewest = fewest_seen(plan.labels, plan.folds, plan.importance > 0)
        if fewest.of_either < settings.min_per_class:
            raise InsufficientDataError(
                f"Cannot train: the networks that are blind to fold {fewest.fold} see {fewest.n_positive} "
                f"injected and {fewest.n_negative} other samples; every network needs at least "
                f"{settings.min_per_class} of each.",
                fold=fewest.fold,
                n_positive=fewest.n_positive,
                n_negative=fewest.n_negative,
                n_needed=settings.min_per_class,
            )
        return plan

    @property
    def n_networks(self) -> int:
        """Number of networks."""
        return len(self.network_fold)

    @property
    def n_folds(self) -> int:
        """Number of folds that are held out from some network."""
        return len(set(self.network_fold) - {-1})

    @property
    def digest(self) -> str:
        """Hash of the samples' labels, folds and weights."""
        arrays = (self.labels, self.folds, self.importance, self.stratum)
        parts = b"".join(a.tobytes() for a in arrays)
        return hashlib.blake2b(parts, digest_size=8).hexdigest()

    def seen(self, fold: int) -> np.ndarray:
        """Return the samples that the networks blind to one fold are trained on.

        Parameters
        ----------
        fold
            Fold; -1 for none.

        Returns
        -------
        rows : `numpy.ndarray`
            Row numbers, ascending.
        """
        return np.flatnonzero(((self.folds != fold) | (fold < 0)) & (self.importance > 0))

    def batches(self, epoch: int, settings: Settings) -> np.ndarray:
        """Return the samples of every step of one epoch.

        Parameters
        ----------
        epoch
            Epoch.
        settings
            Batch size and seed.

        Returns
        -------
        batches : `numpy.ndarray`
            Row numbers, shape (steps, B, streams).  Balanced by weight, every stream
            takes its samples in random order, none twice before all have come: as many
            whole batches as come nearest to a pass through the longest.  With the
            sampler as many are drawn, class by class: injections come more than
            once, others not every epoch.
        """
        seen = [self.seen(fold) for fold in self._stream_fold]
        longest = max(map(len, seen))
        size = min(settings.batch_size, longest)
        n_steps = max(1, round(longest / size))
        orders = []
        for stream, rows in enumerate(seen):
            rng = generator("batches", settings.seed, stream, epoch)
            if settings.balance == "sampler":
                order = self._balanced_draw(rows, n_steps * size, settings, rng)
            else:
                order = _draw(rows, n_steps * size, rng)
            orders.append(order.reshape(n_steps, size))
        return np.stack(orders, axis=2)

    def _balanced_draw(
        self, rows: np.ndarray, n: int, settings: Settings, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw n samples, injections more often by the ratio of the class weights."""
        positive = self.labels[rows] == 1
        share = float(positive.mean())
        ratio = _class_ratio(share, settings)
        n_positive = round(n * share * ratio / (share * ratio + 1.0 - share))
        n_positive = min(max(n_positive, 1), n - 1)
        drawn = [_draw(rows[positive], n_positive, rng), _draw(rows[~positive], n - n_positive, rng)]
        return rng.permutation(np.concatenate(drawn))

    def class_weights(self, importance: np.ndarray, settings: Settings) -> np.ndarray:
        """Return the weight of each class for each network, shape (K, 2), float32.

        Parameters
        ----------
        importance
            Weight of each sample, shape (N,).
        settings
            Weight of the injections; 0 to balance.

        Returns
        -------
        weights : `numpy.ndarray`
            Columns: unlabelled, injected.  Their mean over the samples is one; all
            are one where the sampler does the balancing.
        """
        rows = []
        for fold in self.network_fold:
            seen = self.seen(fold)
            share = float(np.average(self.labels[seen], weights=importance[seen]))
            ratio = 1.0 if settings.balance == "sampler" else _class_ratio(share, settings)
            scale = 1.0 / (share * ratio + 1.0 - share)
            rows.append((scale, scale * ratio))
        return np.array(rows, dtype=np.float32)

    @property
    def _stream_fold(self) -> tuple[int, ...]:
        """Fold that each stream does not contain."""
        return self.network_fold[:: self.peers]


def _draw(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Take n of some rows in random order, none twice before all have come."""
    return np.concatenate([rng.permutation(rows) for _ in range(-(-n // len(rows)))])[:n]


def _class_ratio(share: float, settings: Settings) -> float:
    """Return how much more an injection counts than another sample, whose share is given."""
    return settings.positive_weight or min((1.0 - share) / share, _MAX_CLASS_RATIO)


@torch.no_grad()
def held_out_logits(network: Compact | Cnn2, samples: torch.Tensor, plan: Plan) -> np.ndarray:
    """Let every network judge the fold that it did not see.

    Parameters
    ----------
    network
        Networks in evaluation mode.
    samples
        Prepared stamps, shape (N, C, s, s).
    plan
        Folds and networks.

    Returns
    -------
    logits : `numpy.ndarray`
        Shape (members * peers, N); NaN for samples that no network left out.
    """
    copies = plan.members * plan.peers
    logits = np.full((copies, len(samples)), np.nan, dtype=np.float64)
    held = [np.flatnonzero(plan.folds == fold) for fold in plan.network_fold[::copies] if fold >= 0]
    if not held:
        return logits
    chunk = _CHUNK[samples.device.type]
    for start in range(0, max(map(len, held)), chunk):
        parts = [rows[start : start + chunk] for rows in held]
        # Folds of unequal size: repeat some sample to fill, and ignore the answer.
        width = max(map(len, parts))
        full = [np.resize(rows if len(rows) else [0], width) for rows in parts]
        batch = np.stack(full, axis=1)
        x = samples[torch.as_tensor(batch, device=samples.device)].float()  # (B, folds, C, s, s)
        z = network(x.flatten(1, 2)).unflatten(0, (len(held), copies)).double().cpu().numpy()
        for fold, rows in enumerate(parts):
            logits[:, rows] = z[fold, :, : len(rows)]
    return logits


def roc_auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the ROC curve.

    Parameters
    ----------
    score
        Scores, shape (N,).
    positive
        Whether each sample is positive.

    Returns
    -------
    auc : `float`
        Probability that a positive scores above a negative, ties counting half;
        NaN if a class is missing.
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - 0.5 * (counts - 1))[inverse]
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
