# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the training task."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import lsst.daf.butler.tests as butlerTests
from lsst.pex.config import FieldValidationError
from lsst.pipe.base import InMemoryDatasetHandle, InvalidQuantumError, UpstreamFailureNoWorkFound
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections, makeQuantum, runTestQuantum
from lsst.transient.bogus.calibration import Calibration
from lsst.transient.bogus.columns import TRAINING_HISTORY
from lsst.transient.bogus.errors import InsufficientDataError
from lsst.transient.bogus.nn.device import torch_threads
from lsst.transient.bogus.nn.io import from_table, stored_version
from lsst.transient.bogus.nn.settings import Settings
from lsst.transient.bogus.nn.spec import FoldRule
from lsst.transient.bogus.tasks.train import TrainTransientBogusConfig, TrainTransientBogusTask
from lsst.transient.bogus.tasks.training_set import read_training_set
from lsst.transient.bogus.version import code_version

from ..nn.fakes import N_FOLDS, NSIDE, SEED, make_fakes, make_tables, small_training_config

VISITS = (11, 12)


@pytest.fixture(scope="module")
def fakes():
    return make_fakes(400, contamination=0.1)


def tables(fakes):
    """Return cutouts and labels by visit and detector."""
    parts = np.array_split(np.arange(len(fakes.labels)), len(VISITS))
    made = {(visit, 0): make_tables(visit, fakes, rows) for visit, rows in zip(VISITS, parts, strict=True)}
    return tuple({key: value[i] for key, value in made.items()} for i in range(2))


def handles(made):
    return {key: InMemoryDatasetHandle(table, storageClass="ArrowAstropy") for key, table in made.items()}


def run(fakes, config=None, change=None):
    cutouts, labels = tables(fakes)
    if change is not None:
        change(cutouts, labels)
    task = TrainTransientBogusTask(config=config or small_training_config())
    return task.run(cutouts=handles(cutouts), labels=handles(labels)), task


@pytest.fixture(scope="module")
def trained(fakes):
    return run(fakes)


def test_outputs(trained):
    struct, task = trained
    assertValidOutput(task, struct)
    TRAINING_HISTORY.check(struct.history)
    model = from_table(struct.model)
    assert model.spec.folds == FoldRule(N_FOLDS, NSIDE, SEED)
    assert model.spec.network_fold == (0, 0, 1, 1, 2, 2)
    assert len(struct.history) == 6 * task.config.epochs
    assert sorted(set(struct.history["fold"])) == [0, 1, 2]
    assert np.all((struct.history["prior"] >= 0) & (struct.history["prior"] < 0.6))
    assert np.all(np.diff(struct.history["learning_rate"][::6]) < 0)  # four epochs: the rise is over in one
    assert len(model.training_tiles) > 10
    calibration = Calibration.from_dict(model.spec.calibration)
    assert calibration.ratio == pytest.approx(task.metadata["n_negative"] / task.metadata["n_positive"])
    assert task.metadata["auc_out_of_fold"] > 0.9
    assert task.metadata["n_positive"] + task.metadata["n_negative"] == 400
    assert task.metadata["model_version"] == stored_version(struct.model)
    provenance = model.spec.provenance
    made = {"code_version": code_version(), "torch_version": str(torch.__version__), "device": "cpu"}
    assert made.items() <= provenance.items()
    assert set(provenance) == {*made, "n_threads", "inputs", "metrics", "settings", "config"}
    assert model.spec.planes == ("image", "variance")
    assert provenance["metrics"]["n_positive"] == task.metadata["n_positive"]
    assert provenance["config"]["calibration"] == task.config.calibration
    assert provenance["config"]["network"]["units"] == provenance["settings"]["network"]["units"] == 8
    assert "connections" not in provenance["config"]


def test_threads_are_put_back(fakes):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        config = small_training_config(epochs=1, numThreads=2)
        run(fakes, config)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_samples_do_not_depend_on_threads(fakes):
    cutouts, labels = tables(fakes)
    whole = read_training_set(small_training_config(), handles(cutouts), handles(labels))
    cutouts[VISITS[0], 0]["image"][:3] = np.nan
    found = []
    for n_threads in (1, 3):
        with torch_threads(n_threads):
            found.append(read_training_set(small_training_config(), handles(cutouts), handles(labels)))
    assert found[0].n_unusable == found[1].n_unusable > 0
    assert len(found[0].samples) == len(found[0].rows)
    assert torch.equal(found[0].samples, found[1].samples)
    assert torch.equal(found[0].samples, whole.samples[3:])
    assert np.array_equal(found[0].rows.row, found[1].rows.row)


def test_ambiguous_and_unusable_stamps_are_not_used(fakes, trained):
    def change(cutouts, labels):
        labels[11, 0]["is_ambiguous"][:7] = True
        cutouts[12, 0]["image"][:5] = np.nan

    _, task = run(fakes, small_training_config(epochs=1), change)
    assert task.metadata["n_positive"] + task.metadata["n_negative"] == 400 - 7 - 5
    assert task.metadata["n_unusable"] == 5


def test_what_is_not_used_does_not_matter(fakes, trained):
    def change(cutouts, labels):
        labels[11, 0]["is_ambiguous"][:7] = True
        labels[11, 0]["label"][:7] = 1
        cutouts[11, 0]["image"][:7] = 1e6

    def plain(cutouts, labels):
        labels[11, 0]["is_ambiguous"][:7] = True

    config = small_training_config(epochs=1)
    one, other = run(fakes, config, change)[0], run(fakes, config, plain)[0]
    assert stored_version(one.model) == stored_version(other.model)


def test_caps_per_visit(fakes):
    config = small_training_config(epochs=1, maxPositivePerVisit=50, maxNegativePerVisit=60)
    _, task = run(fakes, config)
    assert task.metadata["n_positive"] == 100
    assert task.metadata["n_negative"] == 120


def test_prior_and_calibration_are_configured(fakes):
    config = small_training_config(epochs=1, prior=0.25, calibration="platt")
    struct, _ = run(fakes, config)
    calibration = Calibration.from_dict(from_table(struct.model).spec.calibration)
    assert calibration.prior == 0.25
    assert len(calibration.knots) == 1


def test_checkpoint(fakes, tmp_path):
    config = small_training_config(epochs=1, checkpointFolder=str(tmp_path))
    struct, _ = run(fakes, config)
    assert struct.checkpoint.exists()
    assert stored_version(run(fakes, config)[0].model) == stored_version(struct.model)


def test_caps_in_all(fakes):
    _, task = run(fakes, small_training_config(epochs=1, maxPositive=70, maxNegative=80))
    assert task.metadata["n_positive"] == 70
    assert task.metadata["n_negative"] == 80


def test_no_common_visit(fakes):
    cutouts, _ = tables(fakes)
    task = TrainTransientBogusTask(config=small_training_config())
    with pytest.raises(UpstreamFailureNoWorkFound, match="2 cutout and 0 label"):
        task.run(cutouts=handles(cutouts), labels={})


def test_one_class(fakes):
    def change(cutouts, labels):
        for table in labels.values():
            table["label"] = 0

    with pytest.raises(InsufficientDataError, match="see 0 injected") as caught:
        run(fakes, change=change)
    assert caught.value.metadata["n_positive"] == 0


def test_nothing_to_see(fakes):
    def change(cutouts, labels):
        for table in cutouts.values():
            table["image"] = np.nan

    with pytest.raises(InsufficientDataError):
        run(fakes, change=change)


def test_different_fold_rules(fakes):
    def change(cutouts, labels):
        labels[11, 0].meta["N_FOLDS"] = 9

    with pytest.raises(InvalidQuantumError, match="different rules"):
        run(fakes, change=change)


def test_different_stamps(fakes):
    def change(cutouts, labels):
        cutouts[11, 0].meta["CHANNELS"] = ["difference", "template", "science"]

    with pytest.raises(InvalidQuantumError, match="visit 12"):
        run(fakes, change=change)


def test_planes_of_some_alone(fakes):
    def change(cutouts, labels):
        cutouts[12, 0].remove_column("variance")

    with pytest.raises(InvalidQuantumError, match=r"visit 12.* planes image and "):
        run(fakes, change=change)


def test_rows_that_are_not_aligned(fakes):
    def change(cutouts, labels):
        cutouts[12, 0] = cutouts[12, 0][::-1]

    with pytest.raises(InvalidQuantumError, match="200 cutouts of visit 12, detector 0 are not row-aligned"):
        run(fakes, change=change)


def test_visits_without_labels_are_counted(fakes, caplog):
    def change(cutouts, labels):
        cutouts[13, 0] = cutouts[12, 0].copy()

    _, task = run(fakes, small_training_config(epochs=1), change)
    assert task.metadata["n_alone"] == 1
    assert "1 detector-visits have cutouts or labels alone" in caplog.text


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_nnpu_has_no_weights_of_samples(weight):
    config = TrainTransientBogusConfig()
    config.regime.kind = "nnpu"
    config.negativeSignWeight = weight
    config.validate()
    config.negativeSignWeight = 0.5
    with pytest.raises(FieldValidationError):
        config.validate()


def test_co_teaching_needs_peers():
    config = TrainTransientBogusConfig()
    config.regime.kind = "co_teaching"
    config.peers = 1
    with pytest.raises(FieldValidationError):
        config.validate()


def altered(value):
    """Return another value of the same type."""
    return (
        not value if isinstance(value, bool) else value + 8 if isinstance(value, int) else 0.5 * value + 0.25
    )


def test_every_setting_has_a_field():
    """Each field of the frozen settings changes with the configuration field of its name."""
    config = TrainTransientBogusConfig()
    parts = ("normalisation", "network", "regime", "augmentation")
    for place in (config, *(getattr(config, part) for part in parts)):
        for name, value in place.toDict().items():
            if isinstance(value, int | float) and name not in ("numThreads", "prior"):
                setattr(place, name, altered(value))
    config.network.filters, config.network.kind = [3, 4], "cnn2"
    config.normalisation.kind, config.normalisation.flagBits = "robust", ["bad"]
    config.regime.kind, config.regime.prior, config.monitor, config.device = "nnpu", 0.1, "loss", "cpu"
    config.balance, config.precision = "sampler", "bfloat16"
    settings, default = config.settings(), TrainTransientBogusConfig().settings()
    assert isinstance(settings, Settings)
    pairs = [(settings, default)] + [(getattr(settings, part), getattr(default, part)) for part in parts]
    for changed, original in pairs:
        for field in dataclasses.fields(changed):
            assert getattr(changed, field.name) != getattr(original, field.name), field.name


def test_quantum_in_a_repository(fakes, tmp_path):
    checkpoints = tmp_path / "checkpoints"
    config = small_training_config(epochs=1, checkpointFolder=str(checkpoints))
    task = TrainTransientBogusTask(config=config)
    lintConnections(config.ConnectionsClass)
    repo = butlerTests.makeTestRepo(
        str(tmp_path / "repo"), {"instrument": ["Cam"], "visit": list(VISITS), "detector": [0]}
    )
    connections = config.ConnectionsClass(config=config)
    for connection in connections.allConnections.values():
        butlerTests.addDatasetType(repo, connection.name, set(connection.dimensions), connection.storageClass)
    butler = butlerTests.makeTestCollection(repo)
    cutouts, labels = tables(fakes)
    ids = [{"instrument": "Cam", "visit": visit, "detector": 0} for visit in VISITS]
    for data_id, c, t in zip(ids, cutouts.values(), labels.values(), strict=True):
        butler.put(c, "transient_cutouts", data_id)
        butler.put(t, "transient_labels", data_id)
    camera = {"instrument": "Cam"}
    quantum = makeQuantum(
        task, butler, camera, {"cutouts": ids, "labels": ids, "model": camera, "history": camera}
    )
    runTestQuantum(task, butler, quantum, mockRun=False)
    assert checkpoints.is_dir()
    assert list(checkpoints.iterdir()) == []  # the model is safe
    stored = butler.get("transient_bogus_model", camera)
    assert stored_version(stored) == task.metadata["model_version"]
    spec = from_table(stored).spec
    assert spec.n_networks == 6
    assert spec.provenance["inputs"]["n_datasets"] == 4
    assert spec.provenance["inputs"]["instrument"] == "Cam"
    assert butler.get("transient_bogus_training_history", camera).meta["BEST_EPOCH"] == 0
