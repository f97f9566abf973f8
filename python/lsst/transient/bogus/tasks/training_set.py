# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples that a configuration of the training task takes from cutouts and labels."""

from __future__ import annotations

__all__ = ("LABELS_USED", "TrainingSet", "choose_training_rows", "read_training_set", "snr_strata")

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lsst.pipe.base import InvalidQuantumError, UpstreamFailureNoWorkFound

from ..columns import LABELS
from ..errors import InsufficientDataError
from ..evaluation.subsets import quantile_strata
from ..handles import read_table, table_reader
from ..nn.spec import FoldRule, ModelSpec, Normalisation
from ..nn.stamps import Stamps
from ..training_rows import TrainingRows, choose_rows
from .train_config import TrainTransientBogusConfig

if TYPE_CHECKING:
    import torch
    from astropy.table import Table

type _Key = tuple[int, int]

LABELS_USED = ("diaSourceId", "label", "is_ambiguous", "fold", "tile", "sign", "snr")
"""Columns of the label table that a training reads."""

_BATCH = 256  # stamps normalised at a time: more leave the processor's cache, fewer cost calls
_MAX_STRATA = 3
_MIN_INJECTED_IN_STRATUM = 15


@dataclasses.dataclass(frozen=True)
class TrainingSet:
    """What is trained on.

    Parameters
    ----------
    rows
        Chosen sources with a usable stamp.
    samples
        Their prepared stamps, float16, shape (N, C, s, s).
    spec
        What the stamps are, and the rule of the folds.
    n_unusable
        Number of chosen sources without a usable stamp.
    """

    rows: TrainingRows
    samples: torch.Tensor
    spec: ModelSpec
    n_unusable: int


def read_training_set(
    config: TrainTransientBogusConfig, cutouts: Mapping[_Key, Any], labels: Mapping[_Key, Any]
) -> TrainingSet:
    """Read what a configuration trains on.

    Parameters
    ----------
    config
        Caps, seed and normalisation.
    cutouts
        A handle (anything with ``get()``) of each cutout table, by visit and
        detector.  Each is read once, as many at a time as torch has threads.
    labels
        A handle of each label table.

    Returns
    -------
    data : `TrainingSet`
        Rows and samples.

    Raises
    ------
    UpstreamFailureNoWorkFound
        Raised if no visit has both cutouts and labels.
    InvalidQuantumError
        Raised if the tables were not made with one configuration, or cutouts and labels of a
        detector do not have the same rows.
    InsufficientDataError
        Raised if no stamp is usable.
    """
    rows, rule, ids = choose_training_rows(config, cutouts, labels)
    n_chosen = len(rows)
    samples, spec = _read_stamps(config, rows, cutouts, ids)
    return TrainingSet(rows, samples, dataclasses.replace(spec, folds=rule), n_chosen - len(rows))


def choose_training_rows(
    config: TrainTransientBogusConfig, cutouts: Mapping[_Key, Any], labels: Mapping[_Key, Any]
) -> tuple[TrainingRows, FoldRule, dict[_Key, bytes]]:
    """Read all labels, a table at a time, and decide which sources to train on.

    Parameters
    ----------
    config
        Caps and seed.
    cutouts
        Cutout tables that there are, by visit and detector.
    labels
        A handle of each label table.

    Returns
    -------
    rows : `~lsst.transient.bogus.training_rows.TrainingRows`
        Chosen sources, whether or not their stamps are usable.
    rule : `~lsst.transient.bogus.nn.spec.FoldRule`
        How the labels were given their folds.
    ids : `dict` [`tuple` [`int`, `int`], `bytes`]
        Digest of the identifiers of each label table.

    Raises
    ------
    UpstreamFailureNoWorkFound
        Raised if no visit has both cutouts and labels.
    InvalidQuantumError
        Raised if the labels have different rules for the folds.
    """
    keys = sorted(set(cutouts) & set(labels))
    if not keys:
        raise UpstreamFailureNoWorkFound(
            f"Nothing to train on: {len(cutouts)} cutout and {len(labels)} label tables have no visit "
            "and detector in common."
        )
    rules: set[tuple[int, ...]] = set()
    ids: dict[_Key, bytes] = {}
    rows = choose_rows(
        keys,
        _read_labels(keys, labels, rules, ids),
        per_visit=config.caps_per_visit(),
        total=config.caps(),
        seed=config.seed,
    )
    if len(rules) > 1:
        raise InvalidQuantumError(
            f"The labels were made with different rules (n_folds, nside, seed): {sorted(rules)}; "
            "make them again with one configuration."
        )
    return rows, FoldRule(*rules.pop()), ids


def _read_labels(
    keys: list[_Key], labels: Mapping[_Key, Any], rules: set[tuple[int, ...]], ids: dict[_Key, bytes]
) -> Iterator[Table]:
    """Read the labels of one detector-visit after another; collect their fold rules and identifiers."""
    for visit, detector in keys:
        table = read_table(labels[visit, detector], LABELS_USED)
        LABELS.check(table, LABELS_USED, where=f"visit {visit}, detector {detector}")
        rules.add(tuple(int(table.meta[name]) for name in ("N_FOLDS", "NSIDE", "FOLD_SEED")))
        ids[visit, detector] = _digest(table)
        yield table


def _digest(table: Table) -> bytes:
    """Return a hash of the identifiers of a table, in their order."""
    ids = np.ascontiguousarray(table["diaSourceId"], dtype=np.int64)
    return hashlib.blake2b(ids.tobytes(), digest_size=16).digest()


def _read_stamps(
    config: TrainTransientBogusConfig,
    rows: TrainingRows,
    cutouts: Mapping[_Key, Any],
    ids: Mapping[_Key, bytes],
) -> tuple[torch.Tensor, ModelSpec]:
    """Read and normalise the stamps, table by table; drop unusable ones from ``rows``.

    Each thread of torch reads a table of its own, and puts its samples where they belong: there are
    no more tables in memory at a time, but for handles that have no local file, of which there are
    twice as many.
    """
    import torch

    from ..nn.threads import in_order

    normalisation = config.normalisation.spec()
    jobs: Iterator[_Job] = (
        _Job(key, places[0], indices, table_reader(cutouts[key]), ids[key])
        for key, places, indices in rows.by_table()
    )
    spec, shape, jobs = _peek(jobs, normalisation)
    # NumPy asks for large pages, without which the system makes half a million for a million stamps.
    samples = torch.from_numpy(np.empty((len(rows), *shape), dtype=np.float16))
    fill = functools.partial(_fill, samples, spec, normalisation)
    usable = np.concatenate(list(in_order(fill, jobs)))
    filled = 0
    for _, places, _ in rows.by_table():  # close the gaps
        n_good = int(usable[places].sum())
        if filled != places[0]:
            samples[filled : filled + n_good] = samples[places[0] : places[0] + n_good].clone()
        filled += n_good
    rows.keep(usable)
    return samples[:filled], spec


@dataclasses.dataclass(frozen=True)
class _Job:
    """A table of cutouts, its chosen rows, the place of the first of them among all, and its labels' rows."""

    key: _Key
    place: int
    rows: np.ndarray
    read: Callable[[], Table]
    ids: bytes


def _peek(
    jobs: Iterator[_Job], normalisation: Normalisation
) -> tuple[ModelSpec, tuple[int, ...], Iterator[_Job]]:
    """Return what the stamps of the first table are, the shape of a sample, and all jobs: it is read once."""
    from ..nn.normalise import prepare

    first = next(jobs, None)
    if first is None:
        raise InsufficientDataError("Cannot train: no sample of either class.", n_samples=0)
    table = first.read()
    stamps = Stamps.from_table(table)
    shape = tuple(prepare(stamps[:0], normalisation).shape[1:])
    return _spec(stamps), shape, itertools.chain([dataclasses.replace(first, read=lambda: table)], jobs)


def _spec(stamps: Stamps) -> ModelSpec:
    """Return what stamps are."""
    return ModelSpec(stamps.image.shape[-1], stamps.channels, stamps.mask_bits, stamps.planes)


def _fill(samples: torch.Tensor, spec: ModelSpec, normalisation: Normalisation, job: _Job) -> np.ndarray:
    """Prepare the usable stamps of a table, one after another from its place; return which they are."""
    from ..nn.normalise import prepare

    table, where = job.read(), f"visit {job.key[0]}, detector {job.key[1]}"
    stamps = Stamps.from_table(table)
    own = _spec(stamps)
    if own != spec:
        raise InvalidQuantumError(f"The cutouts of {where} have {_what(own)}; the others have {_what(spec)}.")
    if _digest(table) != job.ids:
        raise InvalidQuantumError(f"The {len(table)} cutouts of {where} are not row-aligned with its labels.")
    usable = stamps.usable[job.rows]
    chosen = job.rows[usable]
    for start in range(0, len(chosen), _BATCH):
        part = chosen[start : start + _BATCH]
        place = job.place + start
        out = samples[place : place + len(part)]
        prepare(stamps[_slice_or_rows(part)], normalisation, out=out)
    return usable


def _what(spec: ModelSpec) -> str:
    """Say what stamps are."""
    parts = (spec.channels, spec.planes, spec.mask_bits)
    channels, planes, bits = (", ".join(names) or "none" for names in parts)
    return f"{spec.stamp_size} pixels, channels {channels}, planes {planes} and mask bits {bits}"


def _slice_or_rows(rows: np.ndarray) -> slice | np.ndarray:
    """Return increasing rows as a slice, which copies nothing, where they follow one another."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def snr_strata(
    rows: TrainingRows, most: int = _MAX_STRATA, min_injected: int = _MIN_INJECTED_IN_STRATUM
) -> np.ndarray:
    """Return a bin of signal-to-noise for each sample: the unlabelled are fainter than injections.

    Parameters
    ----------
    rows
        Samples.
    most
        Most bins.
    min_injected
        Fewest injections of a bin.

    Returns
    -------
    stratum : `numpy.ndarray`
        Bin from 0, int64, shape (N,).
    """
    injected = rows.label == 1
    if not injected.any():  # which the training refuses, with its numbers
        return np.zeros(len(rows), dtype=np.int64)
    n_strata = int(np.clip(injected.sum() // min_injected, 1, most))
    return quantile_strata(rows.snr, rows.snr[injected], n_strata)
