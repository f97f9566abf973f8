# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every field of the training task's configuration has an effect on what it makes."""

from __future__ import annotations

import functools
import hashlib
import json

import numpy as np
import pytest
import torch

from lsst.pipe.base import InMemoryDatasetHandle
from lsst.transient.bogus.errors import InsufficientDataError
from lsst.transient.bogus.nn import training
from lsst.transient.bogus.nn.device import deterministic
from lsst.transient.bogus.nn.io import from_table
from lsst.transient.bogus.tasks.train import TrainTransientBogusConfig, TrainTransientBogusTask

from ..nn.fakes import make_fakes, make_tables

VISITS = (21, 22)
SMALL = {
    "network.filters": [4, 4],
    "network.units": 4,
    "epochs": 3,
    "batchSize": 16,
    "numThreads": 1,
    "minPerClass": 5,
    "regime.delayEpochs": 1,
    "regime.prior": 0.2,
    "calibration": "platt",
}
CO_TEACHING = {"regime.kind": "co_teaching", "regime.forgetRate": 0.5, "regime.rampEpochs": 2}
ASYMMETRIC = CO_TEACHING | {"regime.kind": "asymmetric_co_teaching"}
STOCHASTIC = {"regime.kind": "stochastic_co_teaching", "regime.rampEpochs": 1}
LONG = {"epochs": 8, "network.dropout": 0.0, "learningRate": 0.05, "negativeSignWeight": 1.0}

# Field, its other value, and what has to be set for the field to matter.
EFFECTS = [
    ("normalisation.kind", "robust", {}),
    ("normalisation.kind", "minmax", {}),
    ("normalisation.softening", 3.0, {}),
    ("normalisation.clip", 3.0, {}),
    ("normalisation.crop", 7, {}),
    ("normalisation.canonicalSign", False, {}),
    ("normalisation.flagBits", ["edge"], {}),
    ("network.kind", "cnn2", {}),
    ("network.filters", [4, 6], {}),
    ("network.units", 5, {}),
    ("network.dropout", 0.5, {}),
    *(
        ("regime.kind", kind, {})
        for kind in ("standard", "co_teaching", "asymmetric_co_teaching", "stochastic_co_teaching", "nnpu")
    ),
    ("regime.forgetRate", 0.2, CO_TEACHING),
    ("regime.forgetRate", 0.2, ASYMMETRIC),
    ("regime.forgetRatePositive", 0.3, ASYMMETRIC),
    ("regime.rampEpochs", 0, CO_TEACHING),
    ("regime.rampExponent", 3.0, CO_TEACHING),
    ("regime.betaA", 2.0, STOCHASTIC),
    ("regime.betaB", 20.0, STOCHASTIC),
    ("regime.delayEpochs", 3, {}),
    ("regime.delayEpochs", 3, STOCHASTIC),
    ("regime.prior", 0.5, {}),
    ("regime.prior", 0.5, {"regime.kind": "nnpu"}),
    ("augmentation.d4", False, {}),
    ("augmentation.shift", 1, {}),
    ("augmentation.noise", 0.3, {}),
    ("augmentation.depth", 1.0, {}),
    ("peers", 1, {}),
    ("members", 2, {}),
    ("epochs", 4, {}),
    ("patience", 1, LONG),
    ("monitor", "loss", LONG),
    ("batchSize", 24, {}),
    ("learningRate", 1e-3, {}),
    ("weightDecay", 0.5, {}),
    ("averaging", 0.0, {}),
    ("balance", "sampler", {}),
    ("positiveWeight", 1.0, {}),
    ("positiveWeight", 1.0, {"balance": "sampler"}),
    ("negativeSignWeight", 0.5, {}),
    ("domainQuantile", 0.5, {}),
    ("maxPositivePerVisit", 15, {}),
    ("maxNegativePerVisit", 15, {}),
    ("maxPositive", 20, {}),
    ("maxNegative", 20, {}),
    ("calibration", "isotonic", {}),
    ("prior", 0.4, {}),
    ("seed", 1, {}),
    ("precision", "bfloat16", {}),
]
# Fields that change how the work is done, or whether; each has a test of its own below.
OTHERS = {"minPerClass", "device", "deterministic", "numThreads", "checkpointFolder"}
FROM_PIPELINES = {"saveLogOutput", "connections"}


@functools.cache
def tables():
    """Return cutouts and labels with flagged pixels and with negative detections."""
    fakes = make_fakes(110, 11, contamination=0.2, seed=4)
    parts = np.array_split(np.arange(len(fakes.labels)), len(VISITS))
    made = {}
    for visit, rows in zip(VISITS, parts, strict=True):
        cutouts, labels, _ = make_tables(visit, fakes, rows)
        negative = (np.arange(len(rows)) % 3 == 0) & (fakes.labels[rows] == 0)
        cutouts["image"][negative, 0] *= -1
        labels["sign"] = np.where(negative, -1, 1)
        cutouts["mask"] = np.zeros(cutouts["image"].shape, np.uint8)
        cutouts["mask"][::2, :, 5:7, 4] = 1
        cutouts.meta["MASK_BITS"] = {"BAD": 0}
        made[visit, 0] = (cutouts, labels)
    return [
        {key: InMemoryDatasetHandle(pair[i], storageClass="ArrowAstropy") for key, pair in made.items()}
        for i in range(2)
    ]


def configured(settings):
    config = TrainTransientBogusConfig()
    for name, value in (SMALL | settings).items():
        *parts, last = name.split(".")
        setattr(functools.reduce(getattr, parts, config), last, value)
    config.validate()
    return config


def train(settings):
    cutouts, labels = tables()
    return TrainTransientBogusTask(config=configured(settings)).run(cutouts=cutouts, labels=labels)


def outcome(settings):
    """Hash weights, history, calibration and limit of the domain: not what merely repeats the settings."""
    struct = train(settings)
    model = from_table(struct.model)
    digest = hashlib.sha256(json.dumps([model.spec.calibration, model.spec.domain_limit]).encode())
    for name, tensor in sorted(model.network.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
    for name in struct.history.colnames:
        digest.update(np.asarray(struct.history[name]).tobytes())
    digest.update(f"{struct.history.meta}".encode())
    return digest.hexdigest()


@functools.cache
def outcome_of(items):
    return outcome(dict(items))


def hashable(settings):
    return tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in settings.items()))


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("name", "value", "given"), EFFECTS)
def test_field_has_an_effect(name, value, given):
    assert outcome_of(hashable(given)) != outcome({**given, name: value})


def test_the_outcome_repeats():
    assert outcome({}) == outcome_of(())


def leaves(place, prefix=""):
    for name, value in place.items():
        if isinstance(value, dict) and f"{prefix}{name}" not in FROM_PIPELINES:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_every_field_is_tested():
    names = set(leaves(TrainTransientBogusConfig().toDict())) - FROM_PIPELINES
    assert names == {name for name, _, _ in EFFECTS} | OTHERS


def test_min_per_class():
    with pytest.raises(InsufficientDataError, match="every network needs at least 500") as caught:
        train({"minPerClass": 500})
    assert caught.value.metadata["n_needed"] == 500


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device would be found")
def test_device():
    with pytest.raises(ValueError, match="finds no CUDA device"):
        train({"device": "cuda"})


@pytest.mark.parametrize(("name", "keyword"), [("deterministic", "strict"), ("precision", "precision")])
def test_how_to_compute(monkeypatch, name, keyword):
    asked = []

    def spy(seed, device, **options):
        asked.append(options[keyword])
        return deterministic(seed, device, **options)

    monkeypatch.setattr(training, "deterministic", spy)
    values = {"deterministic": (True, False), "precision": ("float32", "tf32")}[name]
    for value in values:
        train({name: value, "epochs": 1})
    assert tuple(asked) == values


def test_number_of_threads(monkeypatch):
    seen = []
    original = training._step

    def spy(*arguments):
        seen.append(torch.get_num_threads())
        return original(*arguments)

    monkeypatch.setattr(training, "_step", spy)
    train({"numThreads": 2, "epochs": 1})
    assert set(seen) == {2}


def test_checkpoint_folder(tmp_path):
    struct = train({"checkpointFolder": str(tmp_path / "new" / "folder"), "epochs": 1})
    assert struct.checkpoint is not None
    assert list((tmp_path / "new" / "folder").iterdir()) == [struct.checkpoint]
    assert train({"epochs": 1}).checkpoint is None
