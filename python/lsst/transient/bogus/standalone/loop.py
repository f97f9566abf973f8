# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole loop on one repository: from visits to confirmed candidates."""

from __future__ import annotations

__all__ = (
    "APPLY_OVERRIDES",
    "LABELLED",
    "LEARNED",
    "OUTPUT",
    "SEARCH",
    "SEARCH_OVERRIDES",
    "LoopFolder",
    "TrainingExamples",
    "count_examples",
    "frames_pipeline",
    "run_loop",
    "run_search",
)

import dataclasses
from pathlib import Path
from typing import cast

import numpy as np

from lsst.daf.butler import Butler, DeferredDatasetHandle
from lsst.pipe.base import Pipeline

from ..columns import CUTOUTS, LABELS, TableSchema
from ..handles import read_table
from ..nn.stamps import Stamps
from ..paths import ensure_package_dir_env
from ..tasks.train_config import TrainTransientBogusConfig
from ..tasks.training_set import choose_training_rows
from ..training_rows import FewestSeen, fewest_seen
from .execution import PipetaskRun, run_pipetask

OUTPUT = "transient_bogus"
"""Collection that holds everything the loop makes, and its inputs."""

SEARCH = "transient_bogus_search"
"""Collection of the scores and objects of the visits as they are, without injections."""

LABELLED = "labelled"
"""Subset of the standalone pipelines that ends with cutouts and labels."""

LEARNED = "labelled,trained,scored,evaluated,drawn"
"""Subsets of the standalone pipelines that learn from injections, and confirm nothing among them."""

APPLY_OVERRIDES = (
    "score:modelIsPrerequisite=True",
    "embed:modelIsPrerequisite=True",
    "evaluate:doHistory=False",
)
"""Configuration that applies a trained model instead of one that is trained in the same graph."""
SEARCH_OVERRIDES = (
    "parameters:scienceImage=visit_image",
    "score:modelIsPrerequisite=True",
    "lightCurve:doLabels=False",
)
"""Configuration of the subset ``search`` of the standalone pipelines."""


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


def frames_pipeline(frames: Path) -> Path:
    """Return the pipeline made for a set of frames, or the one for any frames.

    Parameters
    ----------
    frames
        Folder of the frames, whose name decides.

    Returns
    -------
    pipeline : `pathlib.Path`
        Pipeline file.
    """
    folder = ensure_package_dir_env() / "pipelines" / "standalone" / "frames"
    own = folder / f"{frames.resolve().name}.yaml"
    return own if own.is_file() else folder / "default.yaml"


@dataclasses.dataclass(frozen=True)
class TrainingExamples:
    """How many labelled detections there are, and how many a training needs.

    Parameters
    ----------
    n_injected
        Number of detected injections that can be trained on.
    n_other
        Number of other detections that can be trained on.
    fewest
        What the network that sees the fewest of them sees: each is blind to one
        fold of the sky.
    minimum
        Number of each that the training task asks for in every network.
    """

    n_injected: int
    n_other: int
    fewest: FewestSeen
    minimum: int

    @property
    def suffice(self) -> bool:
        """Whether the training task would accept them."""
        return self.fewest.of_either >= self.minimum


def count_examples(repository: Path, pipeline: Path) -> TrainingExamples:
    """Count the examples that a run has labelled, as the training task would.

    Parameters
    ----------
    repository
        Root of the Butler repository.
    pipeline
        Pipeline whose training task says which it takes and how many it needs.

    Returns
    -------
    examples : `TrainingExamples`
        Counts over all visits and detectors.
    """
    ensure_package_dir_env()
    graph = Pipeline.from_uri(str(pipeline)).to_graph()
    config = cast(TrainTransientBogusConfig, graph.tasks["train"].config)
    with Butler.from_config(str(repository), collections=OUTPUT) as butler:
        cutouts, labels = (_handles(butler, schema) for schema in (CUTOUTS, LABELS))
        if not set(cutouts) & set(labels):
            return TrainingExamples(0, 0, FewestSeen(-1, 0, 0), config.minPerClass)
        rows, _, _ = choose_training_rows(config, cutouts, labels)
        usable = np.zeros(len(rows), dtype=bool)
        for key, places, indices in rows.by_table():
            usable[places] = Stamps.from_table(read_table(cutouts[key])).usable[indices]
    rows.keep(usable)
    weightless = (rows.label != 1) & (rows.sign < 0) & (config.negativeSignWeight == 0)
    return TrainingExamples(
        int(np.sum(rows.label == 1)),
        int(np.sum((rows.label != 1) & ~weightless)),
        fewest_seen(rows.label, rows.fold, ~weightless),
        config.minPerClass,
    )


def _handles(butler: Butler, schema: TableSchema) -> dict[tuple[int, int], DeferredDatasetHandle]:
    """Return a handle of each table by visit and detector."""
    refs = butler.query_datasets(schema.dataset_type, limit=None, explain=False)
    return {(int(ref.dataId["visit"]), int(ref.dataId["detector"])): butler.getDeferred(ref) for ref in refs}


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
        overrides=APPLY_OVERRIDES if apply_model else (),
        deleted=("train",) if apply_model else (),
        processes=processes,
    )
    run_pipetask(run, log_file=folder.log, title=title)


def run_search(folder: LoopFolder, pipeline: Path, *, instrument: str, processes: int) -> None:
    """Search the visits as they are, with the model and templates that a loop has made.

    Parameters
    ----------
    folder
        Where the loop was run.
    pipeline
        Its pipeline file.
    instrument
        Instrument whose visits are searched.
    processes
        Number of processes.

    Raises
    ------
    PipetaskError
        Raised if a quantum fails.

    Notes
    -----
    An injection hides whatever lies under it, so that candidates are better sought without.
    Networks that have seen a source's sky tile in training have no say here either.
    """
    run = PipetaskRun(
        repository=folder.repository,
        pipeline=f"{pipeline}#search",
        inputs=(OUTPUT,),
        output=SEARCH,
        data_query=f"instrument = '{instrument}'",
        overrides=SEARCH_OVERRIDES,
        processes=processes,
    )
    run_pipetask(run, log_file=folder.log, title="Searching without injections")
