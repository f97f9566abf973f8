# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model package in the hands of the real RBTransiNetInterface and RBTransiNetTask."""

from __future__ import annotations

import logging
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from lsst.daf.butler import Butler
from lsst.transient.bogus.calibration import Calibration
from lsst.transient.bogus.nn import Model, ModelSpec, Stamps, predict
from lsst.transient.bogus.nn.package import write_package
from lsst.transient.bogus.nn.spec import Network, Normalisation
from lsst.transient.bogus.stack.model_package import ingest_package

REASON = "needs lsst.meas.transiNet"
pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("lsst.meas.transiNet.rbTransiNetInterface", reason=REASON, exc_type=ImportError)

from lsst.meas.transiNet.rbTransiNetInterface import CutoutInputs, RBTransiNetInterface  # noqa: E402

SIZE, N = 31, 70
CALIBRATION = Calibration((-1.0, 1.0), (-2.0, 2.0), 2.0, 0.3)
NAME = "ours"


def make_model() -> Model:
    torch.manual_seed(4)
    return Model.blank(
        ModelSpec(
            SIZE,
            ("difference", "science", "template"),
            network=Network(filters=(8, 8, 8), units=4),
            normalisation=Normalisation("robust"),
            network_fold=(0, 1),
            calibration=CALIBRATION.to_dict(),
        )
    )


def expected(model: Model, image: np.ndarray) -> np.ndarray:
    return CALIBRATION.apply(predict(model, Stamps(image)).mean(axis=0))


def make_images() -> np.ndarray:
    rng = np.random.default_rng(2)
    image = rng.normal(size=(N, 3, SIZE, SIZE)).astype(np.float32)
    image[:, :2, 13:18, 13:18] += rng.normal(scale=30.0, size=(N, 1, 1, 1))
    return image


@pytest.mark.parametrize("mode", ["local", "butler"])
def test_the_stack_scores_as_the_model(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, image = make_model(), make_images()
    folder = tmp_path / "model_packages" / NAME
    write_package(model, folder)
    monkeypatch.setenv("MEAS_TRANSINET_DIR", str(tmp_path))
    payload = None
    if mode == "butler":
        Butler.makeRepo(str(tmp_path / "repo"))
        with Butler.from_config(str(tmp_path / "repo"), writeable=True) as butler:
            run = ingest_package(butler, folder, NAME)
            payload = butler.get("pretrainedModelPackage", collections=run)
    config = types.SimpleNamespace(
        modelPackageName=NAME if mode == "local" else None, modelPackageStorageMode=mode
    )
    task = types.SimpleNamespace(config=config, log=logging.getLogger(), butler_loaded_package=payload)
    inputs = [
        CutoutInputs(difference=difference, science=science, template=template)
        for difference, science, template in image
    ]
    scores = RBTransiNetInterface(task).infer(inputs)
    assert np.ptp(scores) > 1e-3
    assert np.allclose(scores, expected(model, image), atol=1e-5)


def test_the_task_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lsst.meas.base.tests", reason="needs the science packages of lsst_distrib")
    from lsst.geom import Box2I, Extent2I, Point2D, Point2I
    from lsst.meas.base.tests import TestDataset
    from lsst.meas.transiNet import RBTransiNetTask

    dataset = TestDataset(Box2I(Point2I(0, 0), Point2I(199, 249)))
    dataset.addSource(5000.0, Point2D(50.2, 60.7))
    dataset.addSource(20000.0, Point2D(2.0, 2.0))  # its stamp is not whole
    exposure, catalog = dataset.realize(10.0, dataset.makeMinimalSchema(), randomSeed=1)
    model = make_model()
    write_package(model, tmp_path / "model_packages" / NAME)
    monkeypatch.setenv("MEAS_TRANSINET_DIR", str(tmp_path))
    config = RBTransiNetTask.ConfigClass()
    config.modelPackageName, config.modelPackageStorageMode, config.cutoutSize = NAME, "local", SIZE
    result = RBTransiNetTask(config=config).run(exposure, exposure, exposure, catalog).classifications
    box = Box2I(Point2I(50 - SIZE // 2, 61 - SIZE // 2), Extent2I(SIZE, SIZE))
    stamp = exposure[box].image.array
    assert np.array_equal(result["id"], catalog["id"])
    assert result["score"][0] == pytest.approx(expected(model, np.stack([stamp] * 3)[None])[0], abs=1e-5)
    assert np.isnan(result["score"][1])
