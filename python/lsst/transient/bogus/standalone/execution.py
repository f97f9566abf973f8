# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run pipelines with ``pipetask``, showing progress and continuing where a run was interrupted.

``pipetask run -j`` starts a fresh interpreter for every quantum, and importing the
middleware takes longer than most quanta of a small survey.  Run as a module, this
file is ``pipetask`` with a fork server that has the imports done once.
"""

from __future__ import annotations

__all__ = ("PipetaskError", "PipetaskRun", "end_with_parent", "run_pipetask")

import dataclasses
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lsst.daf.butler import Butler

from ..paths import ensure_package_dir_env

_PRELOADED = (
    "astropy.table",
    "lsst.daf.butler.formatters.parquet",
    "lsst.images.formatters",
    "lsst.pipe.base.single_quantum_executor",
    "lsst.resources.http",
    "lsst.transient.bogus.plots.contact_sheet",
    "lsst.transient.bogus.plots.injections",
    "lsst.transient.bogus.standalone.associate",
    "lsst.transient.bogus.standalone.detect",
    "lsst.transient.bogus.standalone.forced",
    "lsst.transient.bogus.standalone.inject",
    "lsst.transient.bogus.standalone.match_injected",
    "lsst.transient.bogus.standalone.measure",
    "lsst.transient.bogus.standalone.subtract",
    "lsst.transient.bogus.standalone.template",
    "lsst.transient.bogus.tasks.contact_sheet",
    "lsst.transient.bogus.tasks.cutout",
    "lsst.transient.bogus.tasks.host_catalog",
    "lsst.transient.bogus.tasks.injection_figure",
    "lsst.transient.bogus.tasks.label",
    "lsst.transient.bogus.tasks.light_curve",
    "lsst.transient.bogus.tasks.score",
    "matplotlib.backends.backend_agg",
    "matplotlib.collections",
    "matplotlib.figure",
    "piff",
    "pyarrow.dataset",
    "torch",
)
"""Modules that the fork server imports once for all quanta, those imported late among them."""

_EXECUTED = re.compile(r"Executed (\d+) quanta successfully, (\d+) failed and \d+ remain out of total (\d+)")
_TAIL_LINES = 40
_LINES_WITHOUT_TERMINAL = 10
_PARENT = "TRANSIENT_BOGUS_PARENT"
"""Environment variable that tells ``pipetask`` with which process to end."""


class PipetaskError(RuntimeError):
    """``pipetask`` failed; the message ends with the last lines of its log."""


@dataclasses.dataclass(frozen=True)
class PipetaskRun:
    """What to run.

    Parameters
    ----------
    repository
        Root of the Butler repository.
    pipeline
        Pipeline file, with ``#subset`` if only a part is to run.
    inputs
        Input collections.
    output
        CHAINED collection to make of the outputs and the inputs; the outputs go
        into its RUN ``<output>/run``, which is continued if it exists.
    data_query
        Data ID expression.
    overrides
        Config overrides, ``label:field=value``.
    deleted
        Labels of tasks to leave out of the pipeline.
    processes
        Number of processes.
    """

    repository: Path
    pipeline: str
    inputs: Sequence[str]
    output: str
    data_query: str
    overrides: Sequence[str] = ()
    deleted: Sequence[str] = ()
    processes: int = 2

    @property
    def output_run(self) -> str:
        """RUN that the outputs go into."""
        return f"{self.output}/run"

    def arguments(self, *, extend: bool) -> list[str]:
        """Return the arguments of ``pipetask`` for this run.

        Parameters
        ----------
        extend
            Whether the RUN exists: quanta whose outputs it holds are not run again,
            and what a failed quantum left is removed.

        Returns
        -------
        arguments : `list` [`str`]
            Arguments, the subcommand first.
        """
        arguments = ["run", "--butler-config", str(self.repository), "--pipeline", self.pipeline]
        arguments += ["--input", ",".join(self.inputs), "--rebase"]
        arguments += ["--output", self.output, "--output-run", self.output_run]
        arguments += ["--data-query", self.data_query, "--register-dataset-types", "--no-versions"]
        if extend:
            arguments += ["--extend-run", "--skip-existing", "--clobber-outputs"]
        arguments += ["--processes", str(self.processes), "--start-method", "forkserver"]
        for label in self.deleted:
            arguments += ["--delete", label]
        for override in self.overrides:
            arguments += ["--config", override]
        return arguments


def run_pipetask(run: PipetaskRun, *, log_file: Path, title: str) -> None:
    """Execute a run in a process of its own, with a progress bar.

    Parameters
    ----------
    run
        What to run.  Quanta whose outputs exist already are not run again.
    log_file
        File to append the full log to.
    title
        Text beside the progress bar.

    Raises
    ------
    PipetaskError
        Raised if ``pipetask`` fails, or if a quantum fails.
    """
    ensure_package_dir_env()
    with Butler.from_config(str(run.repository), writeable=True) as butler:
        extend = run.output_run in butler.collections.query("*")
        if extend:
            _add_inputs(butler, run)
    command = [sys.executable, "-m", __spec__.name, "--log-level", "INFO", *run.arguments(extend=extend)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", _PARENT: f"{os.getpid()}"}
    log_file.parent.mkdir(parents=True, exist_ok=True)
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    with (
        log_file.open("a") as log,
        subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        ) as process,
    ):
        assert process.stdout is not None  # PIPE was asked for
        try:
            _follow(_copied(process.stdout, log, tail), title)
        except BaseException:
            # Its processes are a group of their own, which Ctrl-C does not reach.
            os.killpg(process.pid, signal.SIGTERM)
            raise
    # A graph that is empty because every quantum succeeded before is success too.
    is_empty = any("QuantumGraph was empty" in line for line in tail)
    was_finished = is_empty and any("previously succeeded and skipped" in line for line in tail)
    if process.returncode != 0 and not was_finished:
        raise PipetaskError(
            f"pipetask failed with exit code {process.returncode} (full log: {log_file}):\n{''.join(tail)}"
        )


def _add_inputs(butler: Butler, run: PipetaskRun) -> None:
    """Add new inputs to the output chain: of a RUN that is continued, ``pipetask`` searches only that."""
    known = butler.collections.query(run.output, flatten_chains=True)
    wanted = butler.collections.query(list(run.inputs), flatten_chains=True)
    butler.collections.extend_chain(run.output, [name for name in wanted if name not in known])


def _copied(lines: Iterable[str], log: TextIO, tail: deque[str]) -> Iterator[str]:
    for line in lines:
        log.write(line)
        log.flush()
        tail.append(line)
        yield line


def _follow(lines: Iterable[str], title: str) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task(title, total=None, note="building the graph")
        told = 0
        for line in lines:
            if match := _EXECUTED.search(line):
                done, failed, total = map(int, match.groups())
                note = f"[red]{failed} failed" if failed else ""
                progress.update(bar, completed=done + failed, total=total, note=note)
                tenth = _LINES_WITHOUT_TERMINAL * (done + failed) // max(total, 1)
                if tenth > told and not progress.console.is_terminal:
                    # There a bar shows only when it is full.
                    progress.console.print(f"{title}: {done + failed} of {total} quanta")
                    told = tenth


def end_with_parent() -> None:
    """End this process and its group once the process named in the environment is not its parent.

    Whoever kills the demo wants no workers left that go on writing into its repository.
    """
    parent = os.environ.get(_PARENT)
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(0.5)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _main() -> None:
    from lsst.ctrl.mpexec.cli.pipetask import main as pipetask

    end_with_parent()
    ensure_package_dir_env()
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(_PRELOADED))
    pipetask()


if __name__ == "__main__":
    _main()
