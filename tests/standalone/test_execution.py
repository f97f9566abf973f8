# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running ``pipetask``: what is asked of it, and what is made of its failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lsst.daf.butler import CollectionType
from lsst.transient.bogus.standalone.execution import PipetaskError, PipetaskRun, _follow, run_pipetask
from lsst.transient.bogus.standalone.repository import open_repository


def _run(repository: Path, **kwargs: object) -> PipetaskRun:
    defaults = {
        "pipeline": "no-such-pipeline.yaml",
        "inputs": ("a", "b"),
        "output": "out",
        "data_query": "instrument = 'SimCam'",
    }
    return PipetaskRun(repository=repository, **{**defaults, **kwargs})  # type: ignore[arg-type]


def test_arguments_continue_a_run_and_compute_nothing_twice(tmp_path: Path) -> None:
    run = _run(tmp_path, overrides=("score:modelIsPrerequisite=True",), deleted=("train",))
    assert "--extend-run" not in run.arguments(extend=False)
    arguments = run.arguments(extend=True)
    assert arguments[0] == "run"
    assert {"--extend-run", "--skip-existing", "--clobber-outputs"} <= set(arguments)
    assert arguments[arguments.index("--input") + 1] == "a,b"
    assert arguments[arguments.index("--delete") + 1] == "train"
    assert arguments[arguments.index("--config") + 1] == "score:modelIsPrerequisite=True"


def test_failure_is_reported_with_the_end_of_the_log(tmp_path: Path) -> None:
    open_repository(tmp_path / "repo", create=True).close()
    log = tmp_path / "logs" / "pipetask.log"
    with pytest.raises(PipetaskError, match=r"(?s)exit code [1-9].*no-such-pipeline"):
        run_pipetask(_run(tmp_path / "repo"), log_file=log, title="test")
    assert "no-such-pipeline" in log.read_text()


def test_inputs_new_to_a_continued_run_are_searched(tmp_path: Path) -> None:
    """A model that is copied in between two parts of a loop must be found by the second."""
    with open_repository(tmp_path / "repo", create=True) as butler:
        for name in ("visits", "model", "out/run"):
            butler.collections.register(name, CollectionType.RUN)
        butler.collections.register("models", CollectionType.CHAINED)
        butler.collections.redefine_chain("models", ["model"])
        butler.collections.register("out", CollectionType.CHAINED)
        butler.collections.redefine_chain("out", ["out/run", "visits"])
    run = _run(tmp_path / "repo", inputs=("visits", "models"))
    for _ in range(2):
        with pytest.raises(PipetaskError):
            run_pipetask(run, log_file=tmp_path / "pipetask.log", title="test")
        with open_repository(tmp_path / "repo") as butler:
            assert butler.collections.get_info("out").children == ("out/run", "visits", "model")


def test_nothing_goes_on_when_the_parent_is_killed() -> None:
    child = (
        "import os, time\n"
        "from lsst.transient.bogus.standalone.execution import end_with_parent\n"
        "end_with_parent()\n"
        "print('started', flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = (
        "import os, subprocess, sys\n"
        "os.environ['TRANSIENT_BOGUS_PARENT'] = str(os.getpid())\n"
        f"subprocess.run([sys.executable, '-c', {child!r}], process_group=0)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "started\n"
        process.kill()
        # The end of the file comes when the last process that could write into it is gone.
        assert process.communicate(timeout=60) == ("", None)


def test_progress_shows_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    total = 40
    lines = (
        f"Executed {n} quanta successfully, 0 failed and {total - n} remain out of total {total} quanta.\n"
        for n in range(1, total + 1)
    )
    _follow(lines, "Testing")
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Testing: ")]
    assert told == [f"Testing: {n} of 40 quanta" for n in range(4, 41, 4)]
