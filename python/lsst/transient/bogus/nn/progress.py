# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of a training: a bar on a terminal, lines in a log elsewhere."""

from __future__ import annotations

__all__ = ("epoch_line", "training_progress")

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .history import EpochReport


def epoch_line(entry: EpochReport) -> str:
    """Describe an epoch, averaged over the networks.

    Parameters
    ----------
    entry
        Report of the epoch.

    Returns
    -------
    text : `str`
        One line.
    """
    parts = [f"training loss {entry.train_loss.mean():.4f}"]
    if np.isfinite(entry.validation_loss).any():
        parts.append(f"held-out loss {np.nanmean(entry.validation_loss):.4f}")
    if np.isfinite(entry.validation_auc).any():
        parts.append(f"held-out AUC {np.nanmean(entry.validation_auc):.5f}")
    kept = (
        f"kept {entry.kept_negative.mean():.3f} of the unlabelled, {entry.kept_positive.mean():.3f} of the "
        "injected"
    )
    return f"Epoch {entry.epoch}: {', '.join(parts)}; {kept}."


def _metrics(entry: EpochReport) -> str:
    """Describe an epoch in a few words."""
    text = f"loss {entry.train_loss.mean():.3f}"
    if np.isfinite(entry.validation_loss).any():
        text += f", held out {np.nanmean(entry.validation_loss):.3f}"
    if np.isfinite(entry.validation_auc).any():
        text += f", AUC {np.nanmean(entry.validation_auc):.4f}"
    return text


@contextlib.contextmanager
def training_progress(
    n_epochs: int, log: logging.Logger | logging.LoggerAdapter[logging.Logger], console: Console | None = None
) -> Iterator[Callable[[EpochReport], None]]:
    """Show how a training goes on.

    Parameters
    ----------
    n_epochs
        Largest number of epochs.
    log
        Log of a line per epoch: INFO, or DEBUG where a bar is shown.
    console
        Where to show a bar if it is a terminal; standard error by default.

    Yields
    ------
    report : `collections.abc.Callable`
        Takes the report of an epoch; an argument of
        `~lsst.transient.bogus.nn.train`.
    """
    console = console or Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda entry: log.info("%s", epoch_line(entry))
        return
    columns = (
        TextColumn("Training"),
        BarColumn(bar_width=16),  # with the metrics it fits 80 characters
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=n_epochs)

        def report(entry: EpochReport) -> None:
            log.debug("%s", epoch_line(entry))
            bar.update(task, completed=entry.epoch + 1, description=_metrics(entry))

        yield report
