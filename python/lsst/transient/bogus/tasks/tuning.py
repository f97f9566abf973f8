# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search for better settings of a training, with folds that the search never sees held back."""

from __future__ import annotations

__all__ = ("HeldBack", "compare_held_back", "search", "split", "trials_table")

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table

from lsst.pex.config import FieldValidationError

from ..errors import InputDataError, InsufficientDataError, TrainingDivergedError
from ..seeds import derive_seed, generator
from .search_space import Choice, configured
from .train_config import TrainTransientBogusConfig
from .training_set import TrainingSet, snr_strata

if TYPE_CHECKING:
    import optuna

    from ..nn.training import Result

_STARTUP_TRIALS = 5  # before them there is no median to compare with
_WARMUP_EPOCHS = 3  # the order of two trainings is open until then
_N_RESAMPLES = 400


def split(data: TrainingSet, held_back: int) -> tuple[TrainingSet, TrainingSet]:
    """Take one fold out of a training set.

    Parameters
    ----------
    data
        All samples.
    held_back
        Fold to take out.

    Returns
    -------
    searched : `~lsst.transient.bogus.tasks.training_set.TrainingSet`
        Samples of the other folds.
    held : `~lsst.transient.bogus.tasks.training_set.TrainingSet`
        Samples of the fold.

    Raises
    ------
    InputDataError
        Raised if there is no such fold, or fewer than two others.
    """
    folds = sorted(int(fold) for fold in np.unique(data.rows.fold))
    if held_back not in folds or len(folds) < 3:
        raise InputDataError(
            f"Fold {held_back} cannot be held back: the folds are {folds}, and two others are needed."
        )
    inside = data.rows.fold == held_back
    return _part(data, ~inside), _part(data, inside)


def search(
    data: TrainingSet,
    config: TrainTransientBogusConfig,
    space: tuple[Choice, ...],
    *,
    n_trials: int,
    seed: int,
    storage: str | None = None,
    report: Callable[[optuna.trial.FrozenTrial], None] | None = None,
) -> optuna.Study:
    """Try settings; each trial trains on all folds but the one it judges itself by.

    Parameters
    ----------
    data
        Samples that the search may see.
    config
        Values of all that is not searched.
    space
        What is searched.
    n_trials
        Number of trials in all, those of earlier runs of the same search included.
    seed
        Seed of the draw of settings.
    storage
        URL of the database of trials, for example ``sqlite:///trials.db``; in memory
        by default.
    report
        Called after every trial.

    Returns
    -------
    study : `optuna.Study`
        All trials.

    Raises
    ------
    InputDataError
        Raised if the database holds another search.
    InsufficientDataError
        Raised if there is too little to train on.

    Notes
    -----
    The value of a trial is the monitor of its best epoch.  A trial whose monitor is
    below the median of the others at the same epoch is pruned, as is one that
    diverges.  A trial that was interrupted is tried again first.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=storage,
        study_name="transient_bogus",
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(_STARTUP_TRIALS, _WARMUP_EPOCHS),
    )
    _check_same(study, _key(data, config, space))
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)
    over = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    while (done := len(study.get_trials(states=over))) < n_trials:
        # Seeded anew for each trial, so that an interrupted search draws what a whole one draws.
        study.sampler = optuna.samplers.TPESampler(seed=derive_seed("tune", seed, done) % 2**32)
        study.optimize(lambda trial: _trial(trial, data, config, space), n_trials=1)
        if report is not None:
            report(study.trials[-1])
    return study


def _trial(
    trial: optuna.Trial, data: TrainingSet, config: TrainTransientBogusConfig, space: tuple[Choice, ...]
) -> float:
    """Train with what a trial suggests; return the monitor of the best epoch."""
    import optuna

    values = {choice.field: choice.suggest(trial) for choice in space}
    trial.set_user_attr("settings", json.dumps(values))

    def report(entry: Any) -> None:
        trial.report(entry.monitored(config.monitor), entry.epoch)
        trial.set_user_attr("n_epochs", entry.epoch + 1)
        if trial.should_prune():
            raise optuna.TrialPruned("below the median")

    try:
        result = _train(data, configured(config, values), report)
    except (TrainingDivergedError, FieldValidationError) as error:
        trial.set_user_attr("why", " ".join(str(error).split()))
        raise optuna.TrialPruned(str(error)) from error
    trial.set_user_attr("best_epoch", result.best_epoch)
    return result.history[result.best_epoch].monitored(config.monitor)


def trials_table(study: optuna.Study, space: tuple[Choice, ...]) -> Table:
    """Return all trials as a table, the best first.

    Parameters
    ----------
    study
        What `search` returned.
    space
        What was searched.

    Returns
    -------
    table : `astropy.table.Table`
        Number, state, value (of the monitor; NaN if there is none), epochs and best
        epoch (-1 if there is none) of each trial, and a column for each field: lists
        and words as JSON.
    """
    rows = []
    for trial in study.trials:
        value = trial.value if trial.value is not None else trial.intermediate_values.get(_last(trial))
        rows.append(
            {
                "trial": trial.number,
                "state": trial.state.name.lower(),
                "value": float("nan") if value is None else value,
                "n_epochs": trial.user_attrs.get("n_epochs", 0),
                "best_epoch": trial.user_attrs.get("best_epoch", -1),
                "why": trial.user_attrs.get("why", ""),
                **{choice.field: trial.params.get(choice.field, "") for choice in space},
            }
        )
    complete = [row["state"] == "complete" for row in rows]
    values = np.array([row["value"] for row in rows])
    order = np.lexsort((-np.nan_to_num(values, nan=-np.inf), ~np.array(complete, dtype=bool)))
    return Table(rows=[rows[i] for i in order])


@dataclasses.dataclass(frozen=True)
class HeldBack:
    """What the configuration and the best trial make of the fold that was held back.

    Parameters
    ----------
    auc_before
        Area under the ROC curve of the configuration as it was, injected against the
        rest.
    auc_after
        That of the best trial.
    difference_error
        Standard deviation of the difference over resamples of the sources.
    n_injected
        Number of injections in the fold.
    n_other
        Number of other sources in it.
    """

    auc_before: float
    auc_after: float
    difference_error: float
    n_injected: int
    n_other: int


def compare_held_back(
    searched: TrainingSet,
    held: TrainingSet,
    config: TrainTransientBogusConfig,
    best: Mapping[str, Any],
    *,
    seed: int,
) -> HeldBack:
    """Train with and without the settings that were found, and judge the fold that was held back.

    Parameters
    ----------
    searched
        Samples that the search saw.
    held
        Samples that it did not see.
    config
        Configuration.
    best
        Values that were found, by field.
    seed
        Seed of the resamples.

    Returns
    -------
    judgement : `HeldBack`
        Both areas under the curve.

    Raises
    ------
    InsufficientDataError
        Raised if a class is missing in the held-back fold.
    """
    from ..nn.plan import roc_auc

    injected = held.rows.label == 1
    n_injected, n_other = int(injected.sum()), int((~injected).sum())
    if not n_injected or not n_other:
        raise InsufficientDataError(
            f"The fold that was held back has {n_injected} injected and {n_other} other sources.",
            n_positive=n_injected,
            n_negative=n_other,
        )
    scores = [_scores(_train(searched, c, None), held) for c in (config, configured(config, best))]
    rng = generator("held_back", seed)
    differences = []
    for _ in range(_N_RESAMPLES):
        rows = rng.integers(0, len(injected), len(injected))
        before, after = (roc_auc(score[rows], injected[rows]) for score in scores)
        differences.append(after - before)
    before, after = (roc_auc(score, injected) for score in scores)
    return HeldBack(before, after, float(np.nanstd(differences)), n_injected, n_other)


def _train(
    data: TrainingSet, config: TrainTransientBogusConfig, report: Callable[[Any], None] | None
) -> Result:
    """Train on a set."""
    from ..nn.training import train

    rows = data.rows
    return train(
        data.samples,
        rows.label,
        rows.fold,
        config.settings(),
        spec=data.spec,
        tiles=rows.tile,
        negative_sign=rows.sign < 0,
        stratum=snr_strata(rows),
        report=report,
    )


def _scores(result: Result, held: TrainingSet) -> np.ndarray:
    """Return the mean probability by all networks, none of which saw these samples."""
    import torch

    with torch.no_grad():
        parts = [torch.sigmoid(result.model.network(x.float())).mean(dim=0) for x in held.samples.split(256)]
    return np.asarray(torch.cat(parts).double().numpy())


def _part(data: TrainingSet, chosen: np.ndarray) -> TrainingSet:
    """Return some of the samples."""
    import torch

    rows = dataclasses.replace(data.rows)
    rows.keep(chosen)
    return dataclasses.replace(
        data, rows=rows, samples=data.samples[torch.from_numpy(np.flatnonzero(chosen))]
    )


def _last(trial: optuna.trial.FrozenTrial) -> int:
    """Return the last epoch that a trial reported; -1 if there is none."""
    return -1 if trial.last_step is None else trial.last_step


def _key(data: TrainingSet, config: TrainTransientBogusConfig, space: tuple[Choice, ...]) -> str:
    """Hash what a search is about."""
    digest = hashlib.blake2b(f"{config.settings()} {space}".encode(), digest_size=12)
    for array in (data.rows.label, data.rows.fold, data.rows.sign, data.samples.numpy()):
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _check_same(study: optuna.Study, key: str) -> None:
    """Refuse the trials of another search."""
    if study.user_attrs.setdefault("key", key) != key:
        raise InputDataError(
            "The trials found are those of another search: samples, configuration or search space differ. "
            "Give another folder."
        )
    study.set_user_attr("key", key)
