# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search space, and the search: held-back fold, pruning, interruption."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.nn.normalise import prepare
from lsst.transient.bogus.nn.spec import FoldRule, ModelSpec
from lsst.transient.bogus.tasks import tuning
from lsst.transient.bogus.tasks.search_space import (
    DEFAULT_SPACE,
    Choice,
    configured,
    load_config,
    parse_space,
)
from lsst.transient.bogus.tasks.train_config import TrainTransientBogusConfig
from lsst.transient.bogus.tasks.training_set import TrainingSet
from lsst.transient.bogus.tasks.tuning import compare_held_back, search, split, trials_table
from lsst.transient.bogus.training_rows import TrainingRows

from ..nn.fakes import N_FOLDS, make_fakes, small_training_config

SPACE = {"learningRate": {"low": 1e-3, "high": 1e-2, "log": True}, "network.filters": [[4, 4], [4, 6]]}


def config(**changes):
    return small_training_config(
        **{"epochs": 2, "peers": 1, "minPerClass": 5, "negativeSignWeight": 1.0} | changes
    )


@pytest.fixture(scope="module")
def data():
    fakes = make_fakes(150, 11, contamination=0.1)
    n = np.arange(150)
    rows = TrainingRows(
        [(1, 0)], n * 0, n, fakes.labels, fakes.folds, n.astype(np.int64), n * 0 + 1, n * 0 + 10.0
    )
    base = TrainTransientBogusConfig()
    samples = prepare(fakes.stamps, base.normalisation.spec())
    spec = ModelSpec(11, fakes.stamps.channels, folds=FoldRule(N_FOLDS, 64, 0))
    return TrainingSet(rows, samples, spec, 0)


def test_default_space_is_valid():
    choices = parse_space(DEFAULT_SPACE, TrainTransientBogusConfig())
    assert [choice.field for choice in choices] == list(DEFAULT_SPACE)


def test_space():
    lists, numbers, real = parse_space(
        {
            "network.filters": [[8, 8], [16, 16, 16]],
            "regime.delayEpochs": {"low": 1, "high": 4},
            "learningRate": {"low": 0.001, "high": 0.1, "log": True},
        },
        TrainTransientBogusConfig(),
    )
    assert lists.ends() == [[8, 8], [16, 16, 16]]
    assert numbers == Choice("regime.delayEpochs", (), 1, 4)
    assert real.log


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"seed": [1, 2]}, "seed: only averaging"),
        ({"normalisation.kind": ["snr"]}, "normalisation.kind: only"),
        ({"network.depth": [1]}, "network.depth"),
        ({"learningRate": {"low": 0.1, "high": 0.01}}, "low 0.1 must be below high 0.01"),
        ({"learningRate": {"low": 0, "high": 0.01, "log": True}}, "above 0 for a logarithm"),
        ({"learningRate": 0.1}, "give a list of values"),
        ({"learningRate": []}, "give a list of values"),
        ({"network.dropout": {"low": 0.1, "high": 1.5}}, "network.dropout"),
        ({"peers": [1, "two"], "units": [3]}, "peers: .*; units: "),
        ({}, "no field is given"),
    ],
)
def test_space_refuses(space, message):
    with pytest.raises(InputDataError, match=message):
        parse_space(space, TrainTransientBogusConfig())


def test_configuration(tmp_path):
    file = tmp_path / "override.py"
    file.write_text("config.epochs = 7\nconfig.network.units = 9\n")
    changed = load_config(file, ["network.units=11", "regime.kind=standard", "network.filters=[3, 4]"])
    assert (changed.epochs, changed.network.units, changed.regime.kind) == (7, 11, "standard")
    assert list(changed.network.filters) == [3, 4]
    for wrong in ("nonsense=1", "epochs=many", "regime.kind=magic"):
        with pytest.raises(InputDataError, match="configuration is wrong"):
            load_config(None, [wrong])
    assert configured(changed, {"epochs": 3}).network.units == 11
    assert changed.epochs == 7


def test_split(data):
    searched, held = split(data, 1)
    assert set(searched.rows.fold) == {0, 2}
    assert set(held.rows.fold) == {1}
    assert torch.equal(held.samples, data.samples[torch.from_numpy(data.rows.fold == 1)])
    assert len(data.rows) == 150
    for fold in (3, 0):
        part = data if fold else split(data, 2)[0]
        with pytest.raises(InputDataError, match="cannot be held back"):
            split(part, fold)


def test_the_search_does_not_see_the_fold_held_back(data, monkeypatch):
    pytest.importorskip("optuna", reason="the search needs optuna")
    seen = []
    original = tuning._train
    monkeypatch.setattr(tuning, "_train", lambda d, c, r: seen.append(d) or original(d, c, r))
    searched, held = split(data, 2)
    space = parse_space(SPACE, config())
    study = search(searched, config(), space, n_trials=2, seed=0)
    assert all(d is searched for d in seen)
    judgement = compare_held_back(
        searched, held, config(), json.loads(study.best_trial.user_attrs["settings"]), seed=0
    )
    assert all(d is searched for d in seen)
    assert judgement.n_injected + judgement.n_other == len(held.rows)
    assert 0.5 < judgement.auc_before <= 1.0
    same = compare_held_back(searched, held, config(), {}, seed=0)
    assert same.auc_before == same.auc_after
    assert same.difference_error == 0.0


def values(study):
    return [(t.params, t.value) for t in study.trials if t.value is not None]


def test_an_interrupted_search_goes_on(data, tmp_path):
    optuna = pytest.importorskip("optuna", reason="the search needs optuna")
    searched, _ = split(data, 2)
    space = parse_space(SPACE, config())
    whole = search(searched, config(), space, n_trials=4, seed=5)
    storage = f"sqlite:///{tmp_path / 'trials.db'}"

    def stop(trial):
        if trial.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(searched, config(), space, n_trials=4, seed=5, storage=storage, report=stop)
    # What a process leaves that is killed in the middle of its third trial.
    left = optuna.load_study(study_name="transient_bogus", storage=storage)
    left.sampler = optuna.samplers.RandomSampler(seed=1)
    killed = left.ask()
    tried = {choice.field: choice.suggest(killed) for choice in space}
    resumed = search(searched, config(), space, n_trials=4, seed=5, storage=storage)
    assert [t.state.name for t in resumed.trials] == ["COMPLETE", "COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert json.loads(resumed.trials[3].user_attrs["settings"]) == tried
    assert values(resumed)[:2] == values(whole)[:2]
    again = search(searched, config(), space, n_trials=4, seed=5, storage=storage)
    assert len(again.trials) == 5
    with pytest.raises(InputDataError, match="another search"):
        search(searched, config(epochs=3), space, n_trials=4, seed=5, storage=storage)


def test_trials_are_pruned_by_median_and_by_divergence(data):
    pytest.importorskip("optuna", reason="the search needs optuna")
    searched, _ = split(data, 2)
    base = config(epochs=6, monitor="loss")
    space = parse_space({"learningRate": [1e-2, 9e-3, 8e-3, 1e-6, 1e30]}, base)
    study = search(searched, base, space, n_trials=16, seed=1)
    table = trials_table(study, space)
    rate = np.array([json.loads(text) for text in table["learningRate"]])
    assert set(table["state"][rate == 1e30]) == {"pruned"}
    assert all("lower the learning rate" in why for why in table["why"][rate == 1e30])
    slow = table[rate == 1e-6]
    assert "pruned" in slow["state"]
    assert slow["n_epochs"][slow["state"] == "pruned"].min() < 6
    complete = table["state"] == "complete"
    assert np.all(np.diff(complete.astype(int)) <= 0)  # the best first, what came to no end last
    assert np.all(np.diff(table["value"][complete]) <= 0)
    assert table["value"][0] == study.best_value
    assert (table["best_epoch"][complete] >= 0).all()
