# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search for settings of the training task that suit a survey better."""

from __future__ import annotations

__all__ = ("tune",)

import dataclasses
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from lsst.daf.butler import Butler, MissingDatasetTypeError

from ..columns import CUTOUTS, LABELS
from ..errors import InsufficientDataError
from ..tasks.search_space import DEFAULT_SPACE, load_config, parse_space
from ..tasks.train_config import TrainTransientBogusConfig
from ..tasks.training_set import TrainingSet, read_training_set
from ..tasks.tuning import HeldBack, compare_held_back, search, split, trials_table

if TYPE_CHECKING:
    import optuna


@click.command()
@click.argument("repo")
@click.argument("collections")
@click.option("--instrument", help="Instrument of the cutouts; needed if there are several.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tuning"),
    show_default=True,
    help="Folder for the trials and the results; a search that was interrupted goes on there.",
)
@click.option("--trials", type=click.IntRange(1), default=30, show_default=True, help="Trials in all.")
@click.option(
    "--space",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML file: for each field a list of values, or low, high and perhaps log.",
)
@click.option(
    "-C",
    "--config-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Config override file of the training task, as of pipetask.",
)
@click.option(
    "-c", "--config", multiple=True, metavar="FIELD=JSON", help="Value of a field; may be repeated."
)
@click.option("--held-back", type=int, help="Fold that the search does not see; the last by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draw of settings.")
def tune(
    repo: str,
    collections: str,
    instrument: str | None,
    folder: Path,
    trials: int,
    space: Path | None,
    config_file: Path | None,
    config: tuple[str, ...],
    held_back: int | None,
    seed: int,
) -> None:
    """Search for settings of the training on the cutouts and labels in COLLECTIONS of REPO.

    COLLECTIONS is a comma-separated list.  One fold is held back; the search trains on the
    others, and in the end the settings found and those given are compared on it.
    """
    if importlib.util.find_spec("optuna") is None:
        raise click.ClickException("This needs optuna: pip install 'lsst-transient-bogus[search]'.")
    from ..nn.device import torch_threads

    base = load_config(config_file, config)
    choices = parse_space(DEFAULT_SPACE if space is None else yaml.safe_load(space.read_text()) or {}, base)
    data = _read(repo, collections, instrument, base)
    fold = int(data.rows.fold.max()) if held_back is None else held_back
    searched, held = split(data, fold)
    click.echo(
        f"Searching on {len(searched.rows)} sources; {len(held.rows)} of fold {fold} are held back until "
        "the end."
    )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with torch_threads(base.numThreads):
            study = search(
                searched,
                base,
                choices,
                n_trials=trials,
                seed=seed,
                storage=f"sqlite:///{folder / 'trials.db'}",
                report=_say,
            )
            trials_table(study, choices).write(folder / "trials.ecsv", overwrite=True)
            best = _best(study)
            judgement = compare_held_back(searched, held, base, best, seed=seed)
    except InsufficientDataError as error:
        raise click.ClickException(str(error)) from error
    _write(folder, study, best, judgement)


def _read(
    repo: str, collections: str, instrument: str | None, config: TrainTransientBogusConfig
) -> TrainingSet:
    """Read cutouts and labels as the training task does."""
    where: dict[str, Any] = {"instrument": instrument} if instrument else {}
    with Butler.from_config(repo) as butler:
        handles, instruments = [], set()
        for schema in (CUTOUTS, LABELS):
            try:
                refs = butler.query_datasets(
                    schema.dataset_type,
                    collections=collections.split(","),
                    find_first=True,
                    limit=None,
                    explain=False,
                    **where,
                )
            except MissingDatasetTypeError:
                refs = []
            instruments |= {str(ref.dataId["instrument"]) for ref in refs}
            handles.append(
                {
                    (int(ref.dataId["visit"]), int(ref.dataId["detector"])): butler.getDeferred(ref)
                    for ref in refs
                }
            )
        if len(instruments) != 1 or not all(handles):
            raise click.ClickException(
                f"Expected cutouts and labels of one instrument in {collections!r}; found {len(handles[0])} "
                f"and {len(handles[1])} tables of {sorted(instruments)}."
            )
        return read_training_set(config, *handles)


def _best(study: optuna.Study) -> dict[str, Any]:
    """Return the settings of the best trial."""
    try:
        settings: dict[str, Any] = json.loads(study.best_trial.user_attrs["settings"])
    except ValueError:
        raise click.ClickException(
            "No trial came to its end: see trials.ecsv, and give other values."
        ) from None
    return settings


def _say(trial: optuna.trial.FrozenTrial) -> None:
    """Print a line for a trial."""
    value = "" if trial.value is None else f" {trial.value:.5f}"
    click.echo(f"Trial {trial.number}: {trial.state.name.lower()}{value}")


def _write(folder: Path, study: optuna.Study, best: Mapping[str, Any], judgement: HeldBack) -> None:
    """Write the settings that were found and how they did, and say so."""
    override = "".join(f"config.{name} = {value!r}\n" for name, value in best.items())
    (folder / "best.py").write_text(override)
    result = {"best_trial": study.best_trial.number, "value": study.best_value, "settings": dict(best)}
    text = json.dumps(result | {"held_back": dataclasses.asdict(judgement)}, indent=2)
    (folder / "best.json").write_text(text + "\n")
    click.echo(
        f"Best trial {study.best_trial.number}: {study.best_value:.5f}\n{override}"
        f"AUC of the fold held back ({judgement.n_injected} injected, {judgement.n_other} others): "
        f"{judgement.auc_before:.5f} as configured, {judgement.auc_after:.5f} as found; the difference is "
        f"known to {judgement.difference_error:.5f}.\n"
        f"Trials: {folder / 'trials.ecsv'}\nSettings: pipetask run ... -C train:{folder / 'best.py'}"
    )
