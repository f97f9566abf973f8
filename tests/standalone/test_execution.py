# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running ``pipetask``: what is asked of it, and what is made of its failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsst.daf.butler import CollectionType
from lsst.transient.bogus.standalone.execution import PipetaskError, PipetaskRun, run_pipetask
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
