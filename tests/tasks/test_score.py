# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the scoring task."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import lsst.daf.butler.tests as butlerTests
from lsst.daf.butler import Butler, CollectionType
from lsst.pipe.base import InvalidQuantumError
from lsst.pipe.base.simple_pipeline_executor import SimplePipelineExecutor
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections, makeQuantum, runTestQuantum
from lsst.transient.bogus.calibration import Calibration
from lsst.transient.bogus.columns import SCORES
from lsst.transient.bogus.folds import tile_folds
from lsst.transient.bogus.nn.inference import predict
from lsst.transient.bogus.nn.io import model_version, to_table
from lsst.transient.bogus.nn.model import Model
from lsst.transient.bogus.nn.spec import FoldRule, ModelSpec, Network
from lsst.transient.bogus.nn.stamps import Stamps
from lsst.transient.bogus.stamps import CutoutFlag
from lsst.transient.bogus.tasks.score import ScoreFlag, TransientBogusScoreConfig, TransientBogusScoreTask

from ..nn.fakes import N_FOLDS, NSIDE, SEED, make_fakes, make_tables

N = 40


@pytest.fixture(scope="module")
def visit():
    """Return cutouts, labels and DIA sources of one detector."""
    return make_tables(5, make_fakes(N), np.arange(N))


@pytest.fixture(scope="module")
def model(visit):
    """Return networks that were never trained, but say that they saw half of the tiles."""
    torch.manual_seed(2)
    spec = ModelSpec(
        14,
        ("difference", "science", "template"),
        network=Network(filters=(8, 8, 8), units=4),
        network_fold=(0, 0, 1, 1, 2, 2),
        folds=FoldRule(N_FOLDS, NSIDE, SEED),
        peers=2,
        calibration=Calibration((-1.0, 1.0), (-2.0, 2.0), 2.0, 0.3).to_dict(),
    )
    return Model.blank(spec, np.asarray(visit[1]["tile"])[: N // 2])


def score(visit, model, **changes):
    cutouts, labels, dia_sources = visit
    config = TransientBogusScoreConfig()
    config.device = "cpu"
    config.update(**changes)
    task = TransientBogusScoreTask(config=config)
    other = {"labels": labels} if config.doLabels else {"dia_sources": dia_sources}
    struct = task.run(cutouts=cutouts, model=to_table(model), where="visit 5, detector 0", **other)
    assertValidOutput(task, struct)
    SCORES.check(struct.scores)
    assert np.array_equal(struct.scores["diaSourceId"], cutouts["diaSourceId"])
    return struct.scores


def test_sources_of_training_tiles_are_judged_by_blind_networks(visit, model):
    scores = score(visit, model)
    probability = predict(model, Stamps.from_table(visit[0]))
    seen = np.isin(visit[1]["tile"], model.training_tiles)
    assert 0 < seen.sum() < N
    used = np.isfinite(scores["score_networks"])
    fold = tile_folds(visit[1]["tile"], n_folds=N_FOLDS, seed=SEED)
    for i in range(N):
        expected = np.array(model.spec.network_fold) == fold[i] if seen[i] else np.ones(6, bool)
        assert np.array_equal(used[i], expected)
        assert scores["score_raw"][i] == pytest.approx(probability[expected, i].mean(), abs=1e-6)
        assert scores["score_std"][i] == pytest.approx(probability[expected, i].std(ddof=1), abs=1e-6)
    assert scores["is_out_of_fold"].all()
    assert not scores["score_flag"].any()


def test_score_is_the_calibrated_mean(visit, model):
    scores = score(visit, model)
    calibration = Calibration.from_dict(model.spec.calibration)
    assert np.allclose(scores["score"], calibration.apply(scores["score_raw"]), atol=1e-6)
    assert scores.meta["PRIOR"] == 0.3
    assert set(scores["model_version"]) == {scores.meta["MODEL_VERSION"]} == {model_version(model)}


def test_labels_and_positions_agree(visit, model):
    one, other = score(visit, model), score(visit, model, doLabels=True)
    assert np.array_equal(one["score_networks"], other["score_networks"], equal_nan=True)


def test_batches_do_not_matter(visit, model):
    one, other = score(visit, model, batchSize=7), score(visit, model)
    assert np.allclose(one["score"], other["score"], atol=1e-5)


def test_precision_changes_scores_a_little(visit, model):
    whole, short = score(visit, model), score(visit, model, precision="bfloat16")
    assert 0.0 < np.abs(whole["score_raw"] - short["score_raw"]).max() < 0.02
    assert np.allclose(whole["domain_distance"], short["domain_distance"], rtol=0.1)
    assert np.array_equal(score(visit, model, precision="tf32")["score"], whole["score"])  # on a CPU


def test_passes_with_dropout_widen_the_spread_alone(visit, model):
    plain, wide, again = score(visit, model), *(score(visit, model, dropoutPasses=8) for _ in range(2))
    assert np.array_equal(wide["score"], plain["score"])
    wider = wide["score_std"] - plain["score_std"]
    assert wider.min() >= 0.0
    assert np.mean(wider > 1e-3) > 0.8  # a source whose latent features are all zero has nothing to drop
    assert np.array_equal(wide["score_std"], again["score_std"])
    certain = dataclasses.replace(model.spec, network=dataclasses.replace(model.spec.network, dropout=0.0))
    sure = Model(certain, Model.blank(certain).network, model.training_tiles)
    sure.network.load_state_dict(model.network.state_dict())
    spread = score(visit, sure, dropoutPasses=3)["score_std"]
    assert np.allclose(spread, plain["score_std"], atol=1e-6)


def test_tiles_that_all_networks_saw_are_flagged(visit, model):
    """A fold that no network left out, as after a change of the number of folds."""
    spec = dataclasses.replace(model.spec, network_fold=(-1,) * 6)
    scores = score(visit, dataclasses.replace(model, spec=spec))
    seen = np.isin(visit[1]["tile"], model.training_tiles)
    assert np.array_equal(scores["is_out_of_fold"], ~seen)
    assert np.array_equal((scores["score_flag"] & ScoreFlag.SEEN_IN_TRAINING) != 0, seen)
    assert np.isfinite(scores["score_networks"]).all()


def test_strange_stamps_are_flagged(visit, model):
    distances = np.asarray(score(visit, model)["domain_distance"])
    assert np.isfinite(distances).all()
    limit = float(np.median(distances))
    scores = score(
        visit, dataclasses.replace(model, spec=dataclasses.replace(model.spec, domain_limit=limit))
    )
    strange = (scores["score_flag"] & ScoreFlag.OUT_OF_DOMAIN) != 0
    assert np.array_equal(strange, distances > limit)
    assert np.isfinite(scores["score"]).all()


def test_unusable_rows_are_kept_without_a_score(visit, model):
    cutouts = visit[0].copy()
    cutouts["image"][3] = np.nan
    cutouts["cutout_flag"][3] = int(CutoutFlag.ALL_MISSING)
    cutouts["image"][4, 1, :, 6:9] = np.nan
    cutouts["variance"][6, 2] = 0.0
    cutouts["variance"][7, 0] = np.inf
    scores = score((cutouts, *visit[1:]), model)
    unusable = (scores["score_flag"] & ScoreFlag.UNUSABLE_STAMP) != 0
    assert np.flatnonzero(unusable).tolist() == [3, 4, 6, 7]
    assert np.flatnonzero(np.isnan(scores["score"])).tolist() == [3, 4, 6, 7]
    assert not scores["is_out_of_fold"][3]
    assert np.isnan(scores["score_networks"][3]).all()
    assert scores["model_version"][3] == model_version(model)


def test_flashes_are_kept_without_a_score(visit, model):
    cutouts = visit[0].copy()
    cutouts["cutout_flag"][5] = int(CutoutFlag.GLINT_TRAIL)
    scores = score((cutouts, *visit[1:]), model)
    assert np.flatnonzero(np.isnan(scores["score"])).tolist() == [5]
    assert scores["score_flag"][5] & ScoreFlag.GLINT_TRAIL
    assert not scores["score_flag"][5] & ScoreFlag.UNUSABLE_STAMP


def test_all_unusable(visit, model):
    cutouts = visit[0].copy()
    cutouts["image"] = np.nan
    assert np.isnan(score((cutouts, *visit[1:]), model)["score"]).all()


def test_no_sources(visit, model):
    scores = score(tuple(table[:0] for table in visit), model)
    assert len(scores) == 0
    assert scores["score_networks"].shape == (0, 6)


def test_without_calibration_and_tiles(visit, model):
    spec = dataclasses.replace(model.spec, calibration={}, folds=FoldRule())
    scores = score(visit, dataclasses.replace(model, spec=spec))
    assert np.array_equal(scores["score"], scores["score_raw"])
    assert np.isfinite(scores["score_networks"]).all()
    assert (scores["score_flag"] == ScoreFlag.SEEN_IN_TRAINING).all()
    assert not scores["is_out_of_fold"].any()


def test_a_single_network_has_no_spread(visit, model):
    spec = dataclasses.replace(model.spec, network_fold=(0, 1, 2), peers=1)
    single = Model.blank(spec, model.training_tiles)
    seen = np.isin(visit[1]["tile"], model.training_tiles)
    assert np.array_equal(np.isnan(score(visit, single)["score_std"]), seen)
    assert np.isfinite(score(visit, single, dropoutPasses=4)["score_std"]).all()


def test_rows_that_are_not_aligned(visit, model):
    with pytest.raises(InvalidQuantumError, match=r"40 cutouts .* 39 sources .* of visit 5, detector 0"):
        score((*visit[:2], visit[2][1:]), model)


def test_planes_that_the_model_was_not_trained_on(visit, model):
    trained = dataclasses.replace(model, spec=dataclasses.replace(model.spec, planes=("image", "variance")))
    score(visit, trained)
    cutouts = visit[0].copy()
    cutouts.remove_column("variance")
    with pytest.raises(InvalidQuantumError, match=r"does not fit the 40 cutouts of visit 5.*'variance'"):
        score((cutouts, *visit[1:]), trained)


def test_networks_that_overflow(visit, model):
    broken = Model.blank(model.spec, model.training_tiles)
    torch.nn.init.constant_(broken.network.dense.weight, 3e38)
    torch.nn.init.constant_(broken.network.out.weight, -3e38)
    with torch.no_grad():
        broken.network.out.weight[:, ::2] *= -1
    with pytest.raises(InvalidQuantumError, match=r"no number for .* of 40 cutouts of visit 5"):
        score(visit, broken)


def test_a_device_that_is_not_there(visit, model, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InvalidQuantumError, match="configuration cannot be used: Device 'cuda'"):
        score(visit, model, device="cuda")


def test_labels_of_other_tiles(visit, model):
    labels = visit[1].copy()
    labels.meta["NSIDE"] = 64
    with pytest.raises(InvalidQuantumError, match="nside 64"):
        score((visit[0], labels, visit[2]), model, doLabels=True)


def test_stamps_of_another_size(visit, model):
    spec = dataclasses.replace(model.spec, stamp_size=15)
    with pytest.raises(InvalidQuantumError, match="15 pixels"):
        score(visit, dataclasses.replace(model, spec=spec))


def test_a_damaged_model(visit, model):
    task = TransientBogusScoreTask(config=TransientBogusScoreConfig())
    with pytest.raises(InvalidQuantumError, match="cannot be used"):
        task.run(cutouts=visit[0], dia_sources=visit[2], model=to_table(model).slice(1))


@pytest.mark.parametrize("prerequisite", [False, True])
@pytest.mark.parametrize("labelled", [False, True])
def test_connections(prerequisite, labelled):
    config = TransientBogusScoreConfig()
    config.modelIsPrerequisite, config.doLabels = prerequisite, labelled
    connections = config.ConnectionsClass(config=config)
    assert ("model" in connections.prerequisiteInputs) == prerequisite
    assert ("model" in connections.inputs) == (not prerequisite)
    assert ("labels" in connections.inputs) == labelled
    assert ("dia_sources" in connections.inputs) == (not labelled)
    lintConnections(config.ConnectionsClass)


@pytest.mark.parametrize("prerequisite", [False, True])
@pytest.mark.parametrize("labelled", [False, True])
def test_quantum_in_a_repository(visit, model, prerequisite, labelled, tmp_path):
    config = TransientBogusScoreConfig()
    config.modelIsPrerequisite, config.doLabels = prerequisite, labelled
    task = TransientBogusScoreTask(config=config)
    repo = butlerTests.makeTestRepo(str(tmp_path), {"instrument": ["Cam"], "visit": [5], "detector": [0]})
    connections = config.ConnectionsClass(config=config)
    for connection in connections.allConnections.values():
        butlerTests.addDatasetType(repo, connection.name, set(connection.dimensions), connection.storageClass)
    butler = butlerTests.makeTestCollection(repo)
    data_id, camera = {"instrument": "Cam", "visit": 5, "detector": 0}, {"instrument": "Cam"}
    butler.put(visit[0], "transient_cutouts", data_id)
    butler.put(to_table(model), "transient_bogus_model", camera)
    if labelled:
        butler.put(visit[1], "transient_labels", data_id)
    else:
        butler.put(visit[2], "dia_source_detector", data_id)
    where = {"cutouts": data_id, "scores": data_id, "model": camera}
    where["labels" if labelled else "dia_sources"] = data_id
    runTestQuantum(task, butler, makeQuantum(task, butler, data_id, where), mockRun=False)
    stored = butler.get("transient_bogus_scores", data_id)
    assert np.array_equal(stored["score_raw"], score(visit, model)["score_raw"])


@pytest.mark.parametrize("first", ["early", "late"])
def test_a_chain_of_collections_selects_the_model(visit, model, first, tmp_path):
    other = dataclasses.replace(model, training_tiles=model.training_tiles[:3])
    models = {"early": model, "late": other}
    config = TransientBogusScoreConfig()
    config.modelIsPrerequisite = True
    data_id = {"instrument": "Cam", "visit": 5, "detector": 0}
    Butler.makeRepo(str(tmp_path))
    with Butler.from_config(str(tmp_path), writeable=True) as butler:
        for dimension, value in (("instrument", "Cam"), ("visit", 5), ("detector", 0)):
            butlerTests.addDataIdValue(butler, dimension, value)
        butler.registry.insertDimensionData("visit_detector_region", data_id)
        for connection in config.ConnectionsClass(config=config).allConnections.values():
            name, dimensions = connection.name, set(connection.dimensions)
            butlerTests.addDatasetType(butler, name, dimensions, connection.storageClass)
        for run in ("tables", *models):
            butler.collections.register(run)
        butler.put(visit[0], "transient_cutouts", data_id, run="tables")
        butler.put(visit[2], "dia_source_detector", data_id, run="tables")
        for run, one in models.items():
            butler.put(to_table(one), "transient_bogus_model", instrument="Cam", run=run)
        last = "late" if first == "early" else "early"
        butler.collections.register("chain", CollectionType.CHAINED)
        butler.collections.redefine_chain("chain", ["tables", first, last])
    butler = SimplePipelineExecutor.prep_butler(str(tmp_path), inputs=["chain"], output="out")
    executor = SimplePipelineExecutor.from_task_class(TransientBogusScoreTask, config=config, butler=butler)
    executor.run(register_dataset_types=True)
    stored = Butler.from_config(str(tmp_path), collections="out").get("transient_bogus_scores", data_id)
    assert set(stored["model_version"]) == {model_version(models[first])}
    assert model_version(model) != model_version(other)
