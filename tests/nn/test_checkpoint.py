# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A training that is killed goes on, with the same result bit for bit."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lsst.transient.bogus.errors import ModelFormatError
from lsst.transient.bogus.nn.io import model_version
from lsst.transient.bogus.nn.spec import Network, Regime, Settings
from lsst.transient.bogus.nn.training import train

from .fakes import make_fakes

SMALL = Settings(
    network=Network(filters=(4, 4), units=4),
    regime=Regime("contamination", delay_epochs=0),
    epochs=4,
    batch_size=32,
    peers=2,
)

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
