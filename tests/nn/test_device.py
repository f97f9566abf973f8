# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device, precision and determinism."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from lsst.transient.bogus.nn import device as devices
from lsst.transient.bogus.nn.device import autocast, deterministic, resolve_device, resolve_precision
from lsst.transient.bogus.nn.io import model_version
from lsst.transient.bogus.nn.plan import roc_auc
from lsst.transient.bogus.nn.spec import Network, Settings
from lsst.transient.bogus.nn.training import train

from .fakes import make_fakes

CPU = torch.device("cpu")


def test_device_by_name():
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve_device("cpu") == CPU


@pytest.mark.parametrize(("has_bfloat16", "expected"), [(True, "bfloat16"), (False, "tf32")])
def test_precision_follows_the_hardware(monkeypatch, has_bfloat16, expected):
    monkeypatch.setattr(devices, "_multiplies_bfloat16", lambda device: has_bfloat16)
    assert resolve_precision("auto", CPU) == expected
    assert resolve_precision("float32", CPU) == "float32"


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


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_cuda_learns_and_repeats(precision):
    fakes = make_fakes(240)
    settings = Settings(
        network=Network(filters=(8, 8), units=8), epochs=6, batch_size=32, precision=precision, device="cuda"
    )
    one, other = (train(fakes.stamps, fakes.labels, fakes.folds, settings) for _ in range(2))
    assert model_version(one.model) == model_version(other.model)
    assert roc_auc(one.out_of_fold.mean(axis=0), fakes.truth) > 0.95
    assert all(t.device == CPU for t in one.model.network.state_dict().values())
