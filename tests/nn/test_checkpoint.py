# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A training that is killed goes on, with the same result bit for bit."""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lsst.transient.bogus.errors import ModelFormatError
from lsst.transient.bogus.nn import checkpoint
from lsst.transient.bogus.nn.checkpoint import load_checkpoint, save_checkpoint
from lsst.transient.bogus.nn.device import torch_threads
from lsst.transient.bogus.nn.io import model_version
from lsst.transient.bogus.nn.networks import build
from lsst.transient.bogus.nn.settings import Regime, Settings
from lsst.transient.bogus.nn.spec import Network
from lsst.transient.bogus.nn.state import TrainingState
from lsst.transient.bogus.nn.training import train

from .fakes import make_fakes

SMALL = Settings(
    network=Network(filters=(4, 4), units=4),
    regime=Regime("contamination", delay_epochs=0),
    epochs=4,
    batch_size=32,
    peers=2,
)

ONE_EPOCH = dataclasses.replace(SMALL, epochs=1)

# Run in a process of its own, which ends itself without a chance to clean up.
KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from tests.nn.fakes import make_fakes
from tests.nn.test_checkpoint import SMALL
from lsst.transient.bogus.nn.training import train

def die(entry):
    if entry.epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(1)
fakes = make_fakes(150)
train(fakes.stamps, fakes.labels, fakes.folds, SMALL, report=die, checkpoints=Path(sys.argv[1]))
"""


def run(folder, settings=SMALL, **changes):
    fakes = make_fakes(150)
    seen = []
    result = train(
        changes.get("stamps", fakes.stamps),
        changes.get("labels", fakes.labels),
        fakes.folds,
        settings,
        report=lambda entry: seen.append(entry.epoch),
        checkpoints=folder,
    )
    return result, seen


def start(units=4):
    return TrainingState.start(build(2, 4, 9, dataclasses.replace(SMALL.network, units=units)), SMALL)


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


def fill_the_disk(monkeypatch, *, writes):
    """Let the first writes fail."""
    fsync, left = os.fsync, [OSError(errno.ENOSPC, "No space left on device")] * writes

    def fail(descriptor):
        if left:
            raise left.pop()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)


def test_a_killed_training_resumes_with_the_same_bits(tmp_path):
    whole, _ = run(None)
    root = Path(__file__).resolve().parents[2]
    paths = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path)],
        check=False,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert killed.returncode == -signal.SIGKILL
    (file,) = tmp_path.iterdir()
    resumed, seen = run(tmp_path)
    assert seen == [2, 3]
    assert model_version(resumed.model) == model_version(whole.model)
    assert resumed.best_epoch == whole.best_epoch
    for name in ("train_loss", "validation_loss", "validation_auc", "kept_negative", "prior"):
        for ours, theirs in zip(resumed.history, whole.history, strict=True):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=0)
    assert resumed.checkpoint == file


def test_a_finished_training_is_not_repeated(tmp_path):
    first, seen = run(tmp_path)
    again, seen_again = run(tmp_path)
    assert (seen, seen_again) == ([0, 1, 2, 3], [])
    assert model_version(again.model) == model_version(first.model)


@pytest.mark.parametrize("what", ["settings", "labels", "stamps"])
def test_a_checkpoint_of_another_training_is_left_alone(tmp_path, what):
    run(tmp_path)
    (file,) = tmp_path.iterdir()
    before = file.read_bytes()
    fakes = make_fakes(150)
    if what == "settings":
        _, seen = run(tmp_path, dataclasses.replace(SMALL, learning_rate=1e-3))
    elif what == "labels":
        _, seen = run(tmp_path, labels=1 - fakes.labels)
    else:
        fakes.stamps.image[3, 0, 7, 7] += 1.0
        _, seen = run(tmp_path, stamps=fakes.stamps)
    assert seen == [0, 1, 2, 3]
    assert len(list(tmp_path.iterdir())) == 2
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    run(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-100] if damage is None else damage)
    with pytest.raises(ModelFormatError, match=f"{file.name} is damaged.*remove it"):
        run(tmp_path)


def test_a_checkpoint_is_no_pickle(tmp_path):
    run(tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.read_bytes()[:6] == b"ARROW1"


@pytest.mark.parametrize("name", ["code_version", "torch_version"])
def test_other_software_starts_anew(tmp_path, monkeypatch, caplog, name):
    run(tmp_path, ONE_EPOCH)
    if name == "code_version":
        now = checkpoint.code_version()
        monkeypatch.setattr(checkpoint, "code_version", lambda: "0.0.0+abc")
    else:
        now = torch.__version__
        monkeypatch.setattr(torch, "__version__", "0.0.0+abc")
    _, seen = run(tmp_path, ONE_EPOCH)
    assert seen == [0]
    (line,) = warnings(caplog)
    assert line.startswith("Training starts anew")
    assert line.endswith(f"has {name} {now} instead of 0.0.0+abc.")


def test_other_hardware_goes_on_with_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "OLD")
    with torch_threads(1):
        run(tmp_path, ONE_EPOCH)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "NEW")
    with torch_threads(2):
        _, seen = run(tmp_path, ONE_EPOCH)
    assert seen == []
    (line,) = warnings(caplog)
    assert "goes on with epoch 1, but the result may differ" in line
    assert line.endswith("has device cpu (OLD) instead of cpu (NEW), n_threads 1 instead of 2.")


def test_the_same_again_goes_on_without_a_warning(tmp_path, caplog):
    run(tmp_path, ONE_EPOCH)
    assert run(tmp_path, ONE_EPOCH)[1] == []
    assert warnings(caplog) == []


def test_one_flipped_bit_is_found(tmp_path):
    file, state = tmp_path / "state.arrow", start()
    save_checkpoint(file, state)
    content = bytearray(file.read_bytes())
    weight = next(state.network.parameters()).detach().numpy().tobytes()
    content[content.index(weight)] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelFormatError, match=r"damaged.*does not have its hash.*remove it"):
        load_checkpoint(file, start())


def test_a_changed_number_is_found(tmp_path):
    file = tmp_path / "state.arrow"
    save_checkpoint(file, start())
    content = file.read_bytes()
    assert b'"steps": 0' in content
    file.write_bytes(content.replace(b'"steps": 0', b'"steps": 1'))
    with pytest.raises(ModelFormatError, match=r"damaged.*does not have its hash.*remove it"):
        load_checkpoint(file, start())


def test_tensors_that_do_not_fit_are_damage(tmp_path):
    file = tmp_path / "state.arrow"
    save_checkpoint(file, start(units=8))
    with pytest.raises(ModelFormatError, match=r"(?s)damaged.*size mismatch.*remove it"):
        load_checkpoint(file, start())


def test_a_renamed_field_of_a_report_is_damage(tmp_path):
    file, state = tmp_path / "state.arrow", start()
    state.history = [dataclasses.make_dataclass("Report", ["epoch", "loss"])(0, 0.5)]
    save_checkpoint(file, state)
    with pytest.raises(ModelFormatError, match=r"damaged.*unexpected keyword argument 'loss'.*remove it"):
        load_checkpoint(file, start())


def test_a_full_disk_does_not_end_a_training(tmp_path, monkeypatch, caplog):
    settings = dataclasses.replace(SMALL, epochs=2)
    fill_the_disk(monkeypatch, writes=1)
    result, seen = run(tmp_path, settings)
    assert seen == [0, 1]
    (line,) = warnings(caplog)
    assert line.startswith("Epoch 0 has no checkpoint")
    assert "No space left on device" in line
    assert list(tmp_path.iterdir()) == [result.checkpoint]  # of epoch 1
    assert run(tmp_path, settings)[1] == []


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    file, state = tmp_path / "state.arrow", start()
    save_checkpoint(file, state)
    before = file.read_bytes()
    fill_the_disk(monkeypatch, writes=1)
    state.steps = 7
    save_checkpoint(file, state)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    file, seen, fsync = tmp_path / "state.arrow", [], os.fsync

    def look(descriptor):
        seen.append((os.fstat(descriptor).st_size, file.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    save_checkpoint(file, start())
    assert seen == [(file.stat().st_size, False)]


def test_what_killed_writers_left_is_removed(tmp_path):
    stale, other = tmp_path / "state.arrow.1234.part", tmp_path / "other.arrow.1234.part"
    stale.write_bytes(b"half")
    other.write_bytes(b"half")
    assert not load_checkpoint(tmp_path / "state.arrow", start())
    assert list(tmp_path.iterdir()) == [other]
