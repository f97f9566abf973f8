# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedding task on networks that were never trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lsst.pipe.base import InMemoryDatasetHandle, InvalidQuantumError, UpstreamFailureNoWorkFound
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.columns import EMBEDDING, SCORES
from lsst.transient.bogus.nn.io import to_table
from lsst.transient.bogus.nn.model import Model
from lsst.transient.bogus.nn.spec import FoldRule, ModelSpec, Network
from lsst.transient.bogus.tasks.embed import (
    EmbedTransientBogusConfig,
    EmbedTransientBogusConnections,
    EmbedTransientBogusTask,
)

from ..nn.fakes import N_FOLDS, NSIDE, SEED, make_fakes, make_tables

N = 60


def _scores(ids):
    n = len(ids)
    return SCORES.build(
        {
            "diaSourceId": ids,
            "score": np.linspace(0, 1, n),
            "score_raw": np.linspace(0, 1, n),
            "score_std": np.zeros(n),
            "score_networks": np.zeros((n, 2)),
            "is_out_of_fold": np.ones(n, dtype=bool),
            "score_flag": np.zeros(n),
            "model_version": np.full(n, "test"),
        }
    )


def _handle(table):
    return InMemoryDatasetHandle(table, storageClass="ArrowAstropy")


@pytest.fixture(scope="module")
def inputs():
    fakes = make_fakes(2 * N)
    fakes.stamps.image[3] = np.nan
    result = {"cutouts": {}, "labels": {}, "scores": {}}
    for position, visit in enumerate((7, 5)):
        cutouts, labels, _ = make_tables(visit, fakes, np.arange(position * N, (position + 1) * N))
        result["cutouts"][visit, 1] = _handle(cutouts)
        result["labels"][visit, 1] = _handle(labels)
        result["scores"][visit, 1] = _handle(_scores(np.asarray(cutouts["diaSourceId"])))
    torch.manual_seed(1)
    spec = ModelSpec(
        14,
        ("difference", "science", "template"),
        network=Network(filters=(8, 8, 8), units=4),
        network_fold=(0, 0, 1, 1, 2, 2),
        folds=FoldRule(N_FOLDS, NSIDE, SEED),
        peers=2,
    )
    result["model"] = to_table(Model.blank(spec, np.zeros(0, dtype=np.int64)))
    return result


def _task(**values):
    config = EmbedTransientBogusConfig()
    config.update(**{"nEpochs": 20, "minClusterSize": 10, "numThreads": 1, "device": "cpu", **values})
    config.validate()
    return EmbedTransientBogusTask(config=config)


def test_every_usable_source_has_a_place(inputs):
    task = _task(maxFit=80)
    struct = task.run(**inputs)
    assertValidOutput(task, struct)
    embedding = struct.embedding
    EMBEDDING.check(embedding)
    assert len(embedding) == 2 * N - 1
    # In order of visit and detector, with the columns of the sources.
    assert np.all(np.diff(embedding["diaSourceId"]) > 0)
    assert set(embedding["visit"]) == {5, 7}
    labels = inputs["labels"][5, 1].get()
    np.testing.assert_array_equal(embedding["label"][embedding["visit"] == 5], labels["label"])
    assert np.isfinite(embedding["umap_x"]).all()
    assert task.metadata["n_fitted"] == 80


def test_nothing_usable_gives_a_typed_table(inputs):
    cutouts = inputs["cutouts"][5, 1].get().copy()
    cutouts["image"] = np.nan
    one = {name: {(5, 1): inputs[name][5, 1]} for name in ("labels", "scores")}
    embedding = _task().run(cutouts={(5, 1): _handle(cutouts)}, **one, model=inputs["model"]).embedding
    EMBEDDING.check(embedding)
    assert len(embedding) == 0


def test_detectors_without_scores_are_left_out(inputs):
    scores = {(5, 1): inputs["scores"][5, 1]}
    assert set(_task().run(**(inputs | {"scores": scores})).embedding["visit"]) == {5}
    with pytest.raises(UpstreamFailureNoWorkFound, match=r"cutouts \(2\)"):
        _task().run(**(inputs | {"scores": {}}))


def test_rows_that_are_not_aligned_are_refused(inputs):
    scores = inputs["scores"] | {(5, 1): _handle(inputs["scores"][5, 1].get()[::-1])}
    with pytest.raises(InvalidQuantumError, match="visit 5, detector 1 are not row-aligned"):
        _task().run(**(inputs | {"scores": scores}))


def test_connections():
    lintConnections(EmbedTransientBogusConnections)
    config = EmbedTransientBogusConfig()
    assert "model" in EmbedTransientBogusConnections(config=config).inputs
    config.modelIsPrerequisite = True
    connections = EmbedTransientBogusConnections(config=config)
    assert "model" in connections.prerequisiteInputs
    assert "model" not in connections.inputs
