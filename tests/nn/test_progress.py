# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of a training on a terminal and in a log."""

from __future__ import annotations

import io
import logging

import numpy as np
from rich.console import Console

from lsst.transient.bogus.nn.history import EpochReport
from lsst.transient.bogus.nn.progress import epoch_line, training_progress


def entry(epoch, *, held_out=True):
    nothing = np.full(2, np.nan)
    return EpochReport(
        epoch=epoch,
        train_loss=np.array([0.2, 0.4]),
        validation_loss=np.array([0.5, 0.7]) if held_out else nothing,
        validation_auc=np.array([0.9, 0.8]) if held_out else nothing,
        kept_positive=np.array([1.0, 1.0]),
        kept_negative=np.array([0.9, 1.0]),
        learning_rate=1e-3,
        prior=0.05,
    )


def show(caplog, *, terminal):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=80)
    with (
        caplog.at_level(logging.DEBUG),
        training_progress(3, logging.getLogger("training"), console) as report,
    ):
        for epoch in range(3):
            report(entry(epoch))
    return stream.getvalue()


def test_line():
    assert epoch_line(entry(4)) == (
        "Epoch 4: training loss 0.3000, held-out loss 0.6000, held-out AUC 0.85000; kept 0.950 of the "
        "unlabelled, 1.000 of the injected."
    )
    assert epoch_line(entry(0, held_out=False)).startswith("Epoch 0: training loss 0.3000; kept")


def test_lines_in_a_log(caplog):
    assert show(caplog, terminal=False) == ""
    assert [r.levelname for r in caplog.records] == ["INFO"] * 3
    assert caplog.records[2].getMessage().startswith("Epoch 2: training loss 0.3000")


def test_bar_on_a_terminal(caplog):
    shown = show(caplog, terminal=True)
    assert "3/3" in shown
    assert "loss 0.300, held out 0.600, AUC 0.8500" in shown
    assert [r.levelname for r in caplog.records] == ["DEBUG"] * 3
