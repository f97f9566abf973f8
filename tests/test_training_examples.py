# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo trains where the training task would accept the examples, and only there."""

from __future__ import annotations

import numpy as np
import pytest

import lsst.daf.butler.tests as butlerTests
from lsst.daf.butler import Butler
from lsst.pipe.base import InMemoryDatasetHandle
from lsst.transient.bogus.columns import CUTOUTS, LABELS
from lsst.transient.bogus.errors import InsufficientDataError
from lsst.transient.bogus.standalone.loop import OUTPUT, count_examples
from lsst.transient.bogus.tasks.train import TrainTransientBogusTask

from .nn.fakes import make_fakes, make_tables, small_training_config

VISITS = (31, 32)
N = 120


@pytest.fixture(scope="module")
def tables():
    """Return tables of which some rows are ambiguous, without a tile, unusable or negative."""
    fakes = make_fakes(N, 9)
    made = {}
    for visit, rows in zip(VISITS, np.array_split(np.arange(N), len(VISITS)), strict=True):
        cutouts, labels, _ = make_tables(visit, fakes, rows)
        labels["is_ambiguous"][:3] = True
        labels["tile"][3] = -1
        cutouts["image"][4:6] = np.nan
        labels["sign"][::4] = -1
        made[visit] = (cutouts, labels)
    return made


@pytest.fixture(scope="module")
def repository(tables, tmp_path_factory):
    root = str(tmp_path_factory.mktemp("examples"))
    Butler.makeRepo(root)
    with Butler.from_config(root, run=OUTPUT) as butler:
        for dimension, values in (("instrument", ["Cam"]), ("visit", VISITS), ("detector", [0])):
            for value in values:
                butlerTests.addDataIdValue(butler, dimension, value)
        for schema in (CUTOUTS, LABELS):
            butlerTests.addDatasetType(butler, schema.dataset_type, set(schema.dimensions), "ArrowAstropy")
        for visit, pair in tables.items():
            for schema, table in zip((CUTOUTS, LABELS), pair, strict=True):
                butler.put(table, schema.dataset_type, instrument="Cam", visit=visit, detector=0)
    return root


def count(repository, folder, **config):
    pipeline = folder / "pipeline.yaml"
    lines = "".join(f"      {name}: {value}\n" for name, value in config.items())
    pipeline.write_text(
        "description: Training alone.\ntasks:\n  train:\n"
        "    class: lsst.transient.bogus.tasks.train.TrainTransientBogusTask\n    config:\n" + lines
    )
    return count_examples(repository, pipeline)


def train(tables, **config):
    cutouts, labels = (
        {(v, 0): InMemoryDatasetHandle(pair[i], storageClass="ArrowAstropy") for v, pair in tables.items()}
        for i in range(2)
    )
    task = TrainTransientBogusTask(config=small_training_config(epochs=1, **config))
    task.run(cutouts=cutouts, labels=labels)


def test_counts_what_is_trained_on(repository, tables, tmp_path):
    examples = count(repository, tmp_path, minPerClass=7, negativeSignWeight=1.0)
    assert examples.n_injected + examples.n_other == N - len(VISITS) * 6
    assert examples.fewest.n_positive < examples.n_injected
    assert examples.minimum == 7
    capped = count(repository, tmp_path, maxPositivePerVisit=5, maxNegative=11, negativeSignWeight=1.0)
    assert (capped.n_injected, capped.n_other) == (10, 11)
    without = count(repository, tmp_path, negativeSignWeight=0.0)
    negative = sum(int(np.sum((t["sign"] < 0)[6:] & (t["label"][6:] == 0))) for _, t in tables.values())
    assert without.n_other == examples.n_other - negative


@pytest.mark.parametrize("config", [{}, {"negativeSignWeight": 1.0}, {"maxPositivePerVisit": 9}])
def test_decides_as_the_task_does(repository, tables, tmp_path, config):
    enough = count(repository, tmp_path, **config).fewest.of_either
    assert enough > 0
    assert count(repository, tmp_path, minPerClass=enough, **config).suffice
    train(tables, minPerClass=enough, **config)
    assert not count(repository, tmp_path, minPerClass=enough + 1, **config).suffice
    with pytest.raises(InsufficientDataError):
        train(tables, minPerClass=enough + 1, **config)


def test_nothing_labelled_is_too_few(tmp_path):
    root = tmp_path / "repository"
    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), run=OUTPUT) as butler:
        for schema in (CUTOUTS, LABELS):
            butlerTests.addDatasetType(butler, schema.dataset_type, set(schema.dimensions), "ArrowAstropy")
    assert not count(root, tmp_path).suffice
