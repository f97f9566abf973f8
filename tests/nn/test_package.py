# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model packages: loaded as the stack loads them, they say what the model says."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import io
import sys

import numpy as np
import pytest
import torch
import yaml

from lsst.transient.bogus.calibration import Calibration
from lsst.transient.bogus.errors import ModelFormatError
from lsst.transient.bogus.nn import Model, ModelSpec, Stamps, package, predict
from lsst.transient.bogus.nn.io import model_version
from lsst.transient.bogus.nn.packaged import stamp_variance
from lsst.transient.bogus.nn.spec import Network, Normalisation

N = 130
CHANNELS = ("difference", "science", "template")
STEPS = Calibration((-2.0, -0.3, 1.0), (-3.0, -1.0, 2.0), 4.0, 0.1)
LINE = Calibration((0.0,), (0.4,), 4.0, 0.1, end_slope=1.7)


def make_model(**changes):
    torch.manual_seed(5)
    given = {"network": Network(filters=(8, 8, 8), units=4), "network_fold": (0, 1, 2)}
    given |= {"calibration": STEPS.to_dict(), "normalisation": Normalisation("robust")}
    spec = ModelSpec(14, changes.pop("channels", CHANNELS), **(given | changes))
    return Model.blank(spec)


def make_stamps(size, seed=3):
    """Return difference, science and template with sources and missing pixels: zeros."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size // 2
    blob = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
    flux = rng.normal(scale=60.0, size=(N, 1, 1)) * blob
    host = rng.uniform(0.0, 30.0, size=(N, 1, 1)) * np.roll(blob, 2, axis=1)
    science = rng.normal(size=(N, size, size)) + flux + host
    template = rng.normal(size=(N, size, size)) + host
    image = np.stack([science - template, science, template], axis=1).astype(np.float32) * 7.0
    image[5, :, :4] = 0.0
    image[6] = 0.0
    image[7, 2, :, : size // 2 + 3] = 0.0
    return image


def load(folder):
    """Load a package by the rules of lsst.meas.transiNet."""
    spec = importlib.util.spec_from_file_location("model", folder / "arch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # not in sys.modules, as there
    assert "model" not in sys.modules
    (name,) = module.__all__
    kind = getattr(module, name)
    assert torch.nn.Module in kind.__bases__
    network = kind()
    content = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    network.load_state_dict(content["model_state_dict"], strict=True)
    return network.eval()


def infer(network, image):
    """Score stamps as RBTransiNetInterface does: one by one, stacked, in batches of 64."""
    scores = []
    for start in range(0, len(image), 64):
        triplets = [torch.stack([torch.from_numpy(c) for c in stamp]) for stamp in image[start : start + 64]]
        with torch.no_grad():
            scores.append(network(torch.stack(triplets)))
    return torch.cat(scores).numpy().ravel()


def expected_scores(model, image):
    """Score the same stamps with the model itself."""
    centre, size = image.shape[-1] // 2, model.spec.stamp_size
    window = slice(centre - size // 2, centre - size // 2 + size)
    cut = np.where(image == 0, np.nan, image)[:, :, window, window]
    cut = cut[:, [CHANNELS.index(name) for name in model.spec.channels]]
    variance = stamp_variance(torch.from_numpy(cut)).numpy()
    raw = predict(model, Stamps(cut, variance, channels=model.spec.channels)).mean(axis=0)
    return Calibration.from_dict(model.spec.calibration).apply(raw) if model.spec.calibration else raw


@pytest.mark.parametrize(
    ("size", "changes"),
    [
        (15, {}),
        (51, {"calibration": LINE.to_dict()}),
        (14, {"calibration": {}, "normalisation": Normalisation("minmax")}),
        (15, {"normalisation": Normalisation("snr", crop=9), "channels": ("template", "difference")}),
        (30, {"network": Network("cnn2", (6, 8), 5), "channels": ("science", "template", "difference")}),
    ],
)
def test_the_package_scores_as_the_model(size, changes, tmp_path):
    model = make_model(**changes)
    package.write_package(model, tmp_path / "package")
    image = make_stamps(size)
    scores, expected = infer(load(tmp_path / "package"), image), expected_scores(model, image)
    assert scores.shape == (N,)
    assert scores.dtype == np.float32
    assert np.allclose(scores, expected, atol=1e-5, equal_nan=True)
    assert np.isnan(scores[6])
    assert np.isfinite(scores).sum() >= N - 2
    assert np.nanstd(expected) > 1e-3  # they do differ


def test_scores_do_not_depend_on_the_unit(tmp_path):
    package.write_package(make_model(), tmp_path / "package")
    network, image = load(tmp_path / "package"), make_stamps(15)
    assert np.allclose(infer(network, image), infer(network, image * 31.0), atol=1e-3, equal_nan=True)


def test_a_stamp_without_noise_has_no_score(tmp_path):
    package.write_package(make_model(normalisation=Normalisation("snr")), tmp_path / "package")
    assert np.isnan(infer(load(tmp_path / "package"), np.full((2, 3, 15, 15), 5.0, np.float32))).all()


def test_the_noise_of_a_stamp_is_that_of_its_sky():
    image = torch.from_numpy(np.random.default_rng(1).normal(9.0, 3.0, (50, 2, 30, 30)).astype(np.float32))
    image[:, 1] *= 2.0
    image[:, :, 14:17, 14:17] += 1e4
    image[:, :, :5] = torch.nan
    sigma = stamp_variance(image).sqrt()
    assert sigma.shape == image.shape
    assert sigma.mean(dim=(0, 2, 3)).tolist() == pytest.approx([3.0, 6.0], rel=0.03)


def test_the_architecture_needs_nothing_of_ours():
    tree = ast.parse(package.architecture(make_model()))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names) == {"torch", "numpy"}


def test_metadata_and_weights(tmp_path):
    model = make_model()
    spec = dataclasses.replace(model.spec, provenance={"metrics": {"auc": 0.9}})
    written = package.write_package(dataclasses.replace(model, spec=spec), tmp_path / "package")
    meta = yaml.safe_load((tmp_path / "package" / "meta.yaml").read_text())
    assert meta == written
    assert meta["input_shape"] == [15, 15, 3]
    assert meta["input_scale_factor"] == [1.0, 1.0, 1.0]
    assert meta["version"] == model_version(model)[: package.MAX_VERSION_LENGTH]
    assert meta["transient_bogus"]["model_version"] == model_version(model)
    assert meta["transient_bogus"]["provenance"] == {"metrics": {"auc": 0.9}}
    assert package.metadata(model, version="stored under this")["version"] == "stored "
    content = torch.load(io.BytesIO(package.checkpoint(model)), weights_only=True)
    assert list(content) == ["model_state_dict"]
    assert all(isinstance(tensor, torch.Tensor) for tensor in content["model_state_dict"].values())


def test_refusals(tmp_path):
    with pytest.raises(ModelFormatError, match="matched_template"):
        package.architecture(make_model(channels=("difference", "matched_template")))
    tmp_path.joinpath("notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty"):
        package.write_package(make_model(), tmp_path)
    with pytest.raises(ValueError, match="at least 14 pixels; got 13"):
        package.Packaged(make_model().spec)(torch.zeros(1, 3, 13, 13))
