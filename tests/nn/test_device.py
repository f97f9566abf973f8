# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device, precision and determinism."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from lsst.transient.bogus.nn import precision as precisions
from lsst.transient.bogus.nn.device import deterministic, resolve_device, torch_threads
from lsst.transient.bogus.nn.inference import judge
from lsst.transient.bogus.nn.io import model_version
from lsst.transient.bogus.nn.plan import roc_auc
from lsst.transient.bogus.nn.precision import autocast, repeatable_products, resolve_precision
from lsst.transient.bogus.nn.settings import PRECISIONS, Augmentation, Regime, Settings
from lsst.transient.bogus.nn.spec import Network
from lsst.transient.bogus.nn.training import train

from .fakes import REGIMES, make_fakes

CPU = torch.device("cpu")
ON_CUDA = Settings(network=Network(filters=(8, 8), units=8), epochs=6, batch_size=32, device="cuda")

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def test_device_by_name():
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve_device("cpu") == CPU
    with pytest.raises(ValueError, match="Unknown device 'gpu'"):
        resolve_device("gpu")


@pytest.mark.parametrize(("has_bfloat16", "expected"), [(True, "bfloat16"), (False, "tf32")])
def test_precision_follows_the_hardware(monkeypatch, has_bfloat16, expected):
    monkeypatch.setattr(precisions, "_multiplies_bfloat16", lambda device: has_bfloat16)
    assert resolve_precision("auto", CPU) == expected
    assert resolve_precision("float32", CPU) == "float32"


def test_precisions_are_those_of_the_configuration():
    assert {resolve_precision(name, CPU) for name in PRECISIONS} == set(PRECISIONS) - {"auto"}


def test_unknown_precision():
    with pytest.raises(ValueError, match="Unknown precision 'float8'"):
        resolve_precision("float8", CPU)


def test_autocast_shortens_products_alone():
    a = torch.ones(3, 3)
    with autocast("bfloat16", CPU):
        assert (a @ a).dtype == torch.bfloat16
        assert (a + a).dtype == torch.float32
    with autocast("float32", CPU):
        assert (a @ a).dtype == torch.float32


@pytest.mark.parametrize("strict", [True, False])
def test_state_is_put_back(strict):
    before = torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()
    with deterministic(3, CPU, strict=strict, precision="tf32"):
        assert torch.are_deterministic_algorithms_enabled() == strict
        assert torch.get_float32_matmul_precision() == "highest"  # a CPU multiplies all bits
    assert (torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()) == before
    assert torch.utils.deterministic.fill_uninitialized_memory


def test_bfloat16_learns_and_repeats():
    fakes = make_fakes(240)
    settings = Settings(
        network=Network(filters=(8, 8), units=8), epochs=6, batch_size=32, precision="bfloat16"
    )
    one, other = (train(fakes.stamps, fakes.labels, fakes.folds, settings) for _ in range(2))
    assert model_version(one.model) == model_version(other.model)
    assert all(t.dtype == torch.float32 for t in one.model.network.state_dict().values())
    assert roc_auc(one.out_of_fold.mean(axis=0), fakes.truth) > 0.95
    exact = train(fakes.stamps, fakes.labels, fakes.folds, dataclasses.replace(settings, precision="float32"))
    assert model_version(one.model) != model_version(exact.model)


@needs_cuda
@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_cuda_learns_and_repeats(precision):
    fakes = make_fakes(240)
    settings = dataclasses.replace(ON_CUDA, precision=precision)
    one, other = (train(fakes.stamps, fakes.labels, fakes.folds, settings) for _ in range(2))
    assert model_version(one.model) == model_version(other.model)
    assert roc_auc(one.out_of_fold.mean(axis=0), fakes.truth) > 0.95
    assert all(t.device == CPU for t in one.model.network.state_dict().values())


@needs_cuda
@pytest.mark.parametrize("kind", REGIMES)
def test_cuda_resumes_every_regime_with_the_same_bits(kind, tmp_path):
    fakes = make_fakes(240)
    regime = Regime(kind, delay_epochs=1, prior=0.1 if kind == "nnpu" else 0.0)
    augmentation = Augmentation(shift=1, noise=0.1)
    settings = dataclasses.replace(ON_CUDA, regime=regime, augmentation=augmentation, peers=2)

    def interrupt(entry):
        if entry.epoch == 2:
            raise KeyboardInterrupt

    whole = train(fakes.stamps, fakes.labels, fakes.folds, settings)
    with pytest.raises(KeyboardInterrupt):
        train(fakes.stamps, fakes.labels, fakes.folds, settings, report=interrupt, checkpoints=tmp_path)
    resumed = train(fakes.stamps, fakes.labels, fakes.folds, settings, checkpoints=tmp_path)
    assert model_version(resumed.model) == model_version(whole.model)


def test_repeatable_products_is_put_back():
    before = torch.backends.cudnn.allow_tf32
    with repeatable_products(torch.device("cuda")):
        assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.deterministic
    with repeatable_products(torch.device("cuda"), "tf32"):
        assert torch.backends.cudnn.allow_tf32
    with repeatable_products(CPU):
        assert torch.backends.cudnn.allow_tf32 == before
    assert torch.backends.cudnn.allow_tf32 == before


@needs_cuda
@pytest.mark.parametrize("n_threads", [1, 4])
def test_cuda_judges_as_the_cpu_does(n_threads):
    fakes = make_fakes(240)
    model = train(fakes.stamps, fakes.labels, fakes.folds, dataclasses.replace(ON_CUDA, device="cpu")).model
    expected = judge(model, fakes.stamps)
    with torch_threads(n_threads):
        found, again = (
            judge(model, fakes.stamps, device=torch.device("cuda"), batch_size=8) for _ in range(2)
        )
    np.testing.assert_array_equal(found.probability, again.probability)
    np.testing.assert_allclose(found.probability, expected.probability, atol=5e-3)
    np.testing.assert_allclose(found.distance, expected.distance, rtol=0.02)


@needs_cuda
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("tf32", 5e-3), ("bfloat16", 0.05)])
def test_cuda_judges_with_a_precision(precision, tolerance):
    fakes = make_fakes(240)
    model = train(fakes.stamps, fakes.labels, fakes.folds, dataclasses.replace(ON_CUDA, device="cpu")).model
    use = np.array(model.spec.network_fold)[:, None] == fakes.folds
    expected = judge(model, fakes.stamps, use=use).probability
    found = judge(model, fakes.stamps, use=use, device=torch.device("cuda"), precision=precision).probability
    np.testing.assert_array_equal(np.isnan(found), ~use)
    np.testing.assert_allclose(found[use], expected[use], atol=tolerance)
