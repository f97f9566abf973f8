# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole loop on one repository: from visits to confirmed candidates and a report."""

from __future__ import annotations

__all__ = ("LABELLED", "OUTPUT", "LoopFolder", "TrainingExamples", "count_examples", "run_loop")

import dataclasses
from pathlib import Path
from typing import cast

import numpy as np

from lsst.daf.butler import Butler
from lsst.pipe.base import Pipeline

from ..columns import LABELS
from ..paths import ensure_package_dir_env
from ..tasks.train import TrainTransientBogusConfig
from .execution import PipetaskRun, run_pipetask

OUTPUT = "transient_bogus"
"""Collection that holds everything the loop makes, and its inputs."""

LABELLED = "labelled"
"""Subset of the standalone pipelines that ends with cutouts and labels."""

_APPLY = ("score:modelIsPrerequisite=True", "embed:modelIsPrerequisite=True", "evaluate:doHistory=False")


@dataclasses.dataclass(frozen=True)
class LoopFolder:
    """Where one loop keeps its repository, logs and report.

    Parameters
    ----------
    root
        Folder that holds all of it.
    """

    root: Path

    @property
    def repository(self) -> Path:
        """Root of the Butler repository."""
        return self.root / "repo"

    @property
    def report(self) -> Path:
        """Folder of metrics.json and index.html."""
        return self.root / "report"

    @property
    def log(self) -> Path:
        """Full log of ``pipetask``."""
        return self.root / "pipetask.log"


@dataclasses.dataclass(frozen=True)
class TrainingExamples:
    """How many labelled detections there are, and how many a training needs.

    Parameters
    ----------
    n_injected
        Number of unambiguous detected injections.
    n_other
        Number of unambiguous other detections.
    minimum
        Number of each that the training task asks for.
    """

    n_injected: int
    n_other: int
    minimum: int

    @property
    def suffice(self) -> bool:
        """Whether a network can be trained on them."""
        return min(self.n_injected, self.n_other) >= self.minimum


def count_examples(repository: Path, pipeline: Path) -> TrainingExamples:
    """Count the examples that a run has labelled.

    Parameters
    ----------
    repository
        Root of the Butler repository.
    pipeline
        Pipeline whose training task says how many it needs.

    Returns
    -------
    examples : `TrainingExamples`
        Counts over all visits and detectors.
    """
    ensure_package_dir_env()
    graph = Pipeline.from_uri(str(pipeline)).to_graph()
    train = cast(TrainTransientBogusConfig, graph.tasks["train"].config)
    with Butler.from_config(str(repository), collections=OUTPUT) as butler:
        refs = butler.query_datasets(LABELS.dataset_type, limit=None, explain=False)
        tables = [butler.get(ref, parameters={"columns": ["label", "is_ambiguous"]}) for ref in refs]
    labels = np.concatenate([t["label"][~np.asarray(t["is_ambiguous"])] for t in tables] or [np.zeros(0)])
    n_injected = int(np.count_nonzero(labels))
    return TrainingExamples(n_injected, len(labels) - n_injected, train.minPerClass)


def run_loop(
    folder: LoopFolder,
    pipeline: Path,
    *,
    instrument: str,
    inputs: tuple[str, ...],
    processes: int,
    apply_model: bool = False,
    subset: str = "",
    title: str = "Running the pipeline",
) -> None:
    """Run a pipeline over every visit of a repository; continue if it was interrupted.

    Parameters
    ----------
    folder
        Where to run.
    pipeline
        Pipeline file.
    instrument
        Instrument whose visits are processed.
    inputs
        Input collections.
    processes
        Number of processes.
    apply_model
        Whether to apply a model found in the inputs instead of training one.
    subset
        Subset of the pipeline to run; all of it by default.
    title
        Text beside the progress bar.

    Raises
    ------
    PipetaskError
        Raised if a quantum fails.
    """
    run = PipetaskRun(
        repository=folder.repository,
        pipeline=f"{pipeline}#{subset}" if subset else str(pipeline),
        inputs=inputs,
        output=OUTPUT,
        data_query=f"instrument = '{instrument}'",
        overrides=_APPLY if apply_model else (),
        deleted=("train",) if apply_model else (),
        processes=processes,
    )
    run_pipetask(run, log_file=folder.log, title=title)
