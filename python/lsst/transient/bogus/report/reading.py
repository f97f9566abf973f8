# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the results of a collection from a butler."""

from __future__ import annotations

__all__ = ("Results", "TaskTime", "find_datasets", "read_metrics", "read_results")

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from astropy.table import Table, vstack

from lsst.daf.butler import Butler, DatasetRef, MissingDatasetTypeError
from lsst.pipe.base import TaskMetadata
from lsst.pipe.base.resource_usage import QuantumResourceUsage

from ..columns import LIGHT_CURVES, OBJECTS, TableSchema
from ..errors import TableSchemaError
from ..handles import read_table, table_parameters
from ..plots.injections import survey_catalog
from ..plots.tables import EvaluationTables

_METADATA = "_metadata"


@dataclasses.dataclass(frozen=True)
class TaskTime:
    """Time that the quanta of one task took.

    Parameters
    ----------
    n_quanta
        Number of quanta.
    total
        Sum of wall-clock times in seconds.
    mean
        Mean wall-clock time in seconds.
    longest
        Longest wall-clock time in seconds.
    cpu
        Sum of processor times in seconds.
    peak_memory
        Largest resident size of a process, in MiB.
    """

    n_quanta: int
    total: float
    mean: float
    longest: float
    cpu: float
    peak_memory: float


@dataclasses.dataclass(frozen=True)
class Results:
    """Everything that a report tells.

    Parameters
    ----------
    instrument
        Instrument.
    collections
        Collections that were read.
    tables
        Tables of the evaluation.
    objects
        All objects, ``transient_objects`` of all sky shards.
    light_curves
        Light curves of the confirmed objects.
    epoch_stamps
        Images of the detections of confirmed objects, by diaSourceId.
    typical_stamps
        Images of the detections that are typical of their cluster, by diaSourceId.
    channels
        Names of the channels of the stamps.
    timing
        Time per task, by label.
    injections
        Injection catalogues of all visits and detectors; `None` if there are none.
    candidate_collections
        Collections that objects and light curves were read from.
    """

    instrument: str
    collections: tuple[str, ...]
    tables: EvaluationTables
    objects: Table
    light_curves: Table
    epoch_stamps: dict[int, np.ndarray]
    typical_stamps: dict[int, np.ndarray]
    channels: tuple[str, ...]
    timing: dict[str, TaskTime]
    injections: Table | None = None
    candidate_collections: tuple[str, ...] = ()

    @property
    def candidates(self) -> Table:
        """Confirmed objects, the most probable first."""
        confirmed = self.objects[np.asarray(self.objects["is_confirmed"], dtype=bool)]
        order = np.lexsort((-np.asarray(confirmed["peak_snr"]), -np.asarray(confirmed["probability"])))
        return confirmed[order]


def find_datasets(butler: Butler, name: str, collections: Sequence[str], **data_id: Any) -> list[DatasetRef]:
    """Find all datasets of a type.

    Parameters
    ----------
    butler
        Butler of the repository.
    name
        Dataset type.
    collections
        Collections to search.
    **data_id
        Values of dimensions.

    Returns
    -------
    refs : `list` [`lsst.daf.butler.DatasetRef`]
        None if the type does not exist or the collections hold none.
    """
    try:
        return butler.query_datasets(
            name, collections=list(collections), find_first=True, explain=False, limit=None, **data_id
        )
    except MissingDatasetTypeError:
        return []


def _instrument(butler: Butler, collections: Sequence[str], instrument: str | None) -> str:
    names = {
        str(ref.dataId["instrument"]) for ref in find_datasets(butler, "transient_bogus_metrics", collections)
    }
    if instrument is not None:
        names &= {instrument}
    if len(names) != 1:
        raise LookupError(
            f"Expected metrics of one instrument in {', '.join(collections)}; "
            f"found {sorted(names) or 'none'}."
        )
    return names.pop()


def read_metrics(
    butler: Butler, collections: str | Iterable[str], *, instrument: str | None = None
) -> EvaluationTables:
    """Read all tables of the evaluation of a collection.

    Parameters
    ----------
    butler
        Butler of the repository.
    collections
        Collection or collections that hold the evaluation.
    instrument
        Instrument; only needed if the collections hold evaluations of several.

    Returns
    -------
    tables : `EvaluationTables`
        Metrics, curves and, where they exist, embedding, clusters and training history.

    Raises
    ------
    LookupError
        Raised if there is no evaluation, or those of several instruments.
    """
    names = (collections,) if isinstance(collections, str) else tuple(collections)
    chosen = _instrument(butler, names, instrument)
    found = {}
    for key, dataset_type in (
        ("metrics", "transient_bogus_metrics"),
        ("curves", "transient_bogus_curves"),
        ("embedding", "transient_bogus_embedding"),
        ("history", "transient_bogus_training_history"),
        ("clusters", "transient_bogus_clusters"),
    ):
        refs = find_datasets(butler, dataset_type, names, instrument=chosen)
        found[key] = butler.get(refs[0], parameters=table_parameters()) if refs else None
    return EvaluationTables(**found)


def read_results(
    butler: Butler,
    collections: str | Iterable[str],
    *,
    instrument: str | None = None,
    candidates: str | Iterable[str] = (),
    max_candidates: int = 24,
) -> Results:
    """Read everything that a report tells.

    Parameters
    ----------
    butler
        Butler of the repository.
    collections
        Collection or collections that hold the results.
    instrument
        Instrument; only needed if the collections hold evaluations of several.
    candidates
        Collection or collections that hold the objects and their light curves; those of the
        results by default.
    max_candidates
        Number of confirmed objects of which the stamps are read.

    Returns
    -------
    results : `Results`
        Tables, stamps and times; empty where the collections do not hold them.

    Raises
    ------
    LookupError
        Raised if there is no evaluation, or those of several instruments, or if a table was
        made by a version with other columns.
    """
    names = (collections,) if isinstance(collections, str) else tuple(collections)
    searched = ((candidates,) if isinstance(candidates, str) else tuple(candidates)) or names
    chosen = _instrument(butler, names, instrument)
    objects = _stack(butler, searched, chosen, OBJECTS)
    results = Results(
        instrument=chosen,
        collections=names,
        tables=read_metrics(butler, names, instrument=chosen),
        objects=objects,
        light_curves=LIGHT_CURVES.empty(),
        epoch_stamps={},
        typical_stamps={},
        channels=(),
        timing=_timing(butler, names, chosen),
        injections=_injections(
            butler, find_datasets(butler, "transient_injection_catalog", names, instrument=chosen)
        ),
        candidate_collections=searched,
    )
    shown = np.asarray(results.candidates["diaObjectId"])[:max_candidates]
    curves = _stack(butler, searched, chosen, LIGHT_CURVES)
    curves = curves[np.isin(np.asarray(curves["diaObjectId"]), shown)]
    detected = _rows(curves, "diaSourceId", "visit", "detector")
    epochs, channels = _read_stamps(butler, searched, chosen, detected)
    typical: dict[int, np.ndarray] = {}
    if results.tables.clusters is not None:
        wanted = _rows(results.tables.clusters, "typical_ids", "typical_visits", "typical_detectors")
        typical, channels = _read_stamps(butler, names, chosen, wanted)
    return dataclasses.replace(
        results, light_curves=curves, epoch_stamps=epochs, typical_stamps=typical, channels=channels
    )


def _stack(butler: Butler, collections: Sequence[str], instrument: str, schema: TableSchema) -> Table:
    """Read all tables of a type, and check that they have its columns."""
    refs = find_datasets(butler, schema.dataset_type, collections, instrument=instrument)
    tables = [butler.get(ref, parameters=table_parameters()) for ref in sorted(refs)]
    if not tables:
        return schema.empty()
    stacked = vstack(tables, metadata_conflicts="silent")
    try:
        schema.check(stacked)
    except TableSchemaError as error:
        raise LookupError(
            f"The {schema.dataset_type} of {', '.join(collections)} were made by another version of "
            f"transient_bogus; make them again. {error}"
        ) from error
    return stacked


def _injections(butler: Butler, refs: Sequence[DatasetRef]) -> Table | None:
    tables = [butler.get(ref, parameters=table_parameters()) for ref in sorted(refs)]
    return survey_catalog(tables) if tables else None


def _rows(table: Table, *names: str) -> np.ndarray:
    """Return columns of detections side by side, shape (N, 3), without those that do not exist."""
    rows = np.stack([np.asarray(table[name], dtype=np.int64).ravel() for name in names], axis=1)
    return rows[rows[:, 0] != 0]


def _read_stamps(
    butler: Butler, collections: Sequence[str], instrument: str, wanted: np.ndarray
) -> tuple[dict[int, np.ndarray], tuple[str, ...]]:
    """Read the images of detections, given as diaSourceId, visit and detector."""
    stamps: dict[int, np.ndarray] = {}
    channels: tuple[str, ...] = ()
    for visit, detector in np.unique(wanted[:, 1:], axis=0):
        refs = find_datasets(
            butler, "transient_cutouts", collections, instrument=instrument, visit=visit, detector=detector
        )
        if not refs:
            continue
        cutouts = read_table(butler.getDeferred(refs[0]), ["diaSourceId", "image"])
        channels = channels or tuple(cutouts.meta.get("CHANNELS", ()))
        for row in cutouts[np.isin(np.asarray(cutouts["diaSourceId"]), wanted[:, 0])]:
            stamps[int(row["diaSourceId"])] = np.array(row["image"])
    return stamps, channels


def _timing(butler: Butler, collections: Sequence[str], instrument: str) -> dict[str, TaskTime]:
    """Time per task, from the metadata of its quanta."""
    times: dict[str, TaskTime] = {}
    for dataset_type in butler.registry.queryDatasetTypes(f"*{_METADATA}"):
        if dataset_type.storageClass_name != "TaskMetadata":
            continue
        usage = []
        for ref in find_datasets(butler, dataset_type.name, collections, instrument=instrument):
            metadata = butler.get(ref)
            if isinstance(metadata, TaskMetadata):
                usage.append(QuantumResourceUsage.from_task_metadata(metadata))
        used = [u for u in usage if u is not None]
        if used:
            wall = [u.prep_time + u.init_time + u.run_time for u in used]
            times[dataset_type.name.removesuffix(_METADATA)] = TaskTime(
                n_quanta=len(wall),
                total=sum(wall),
                mean=statistics.fmean(wall),
                longest=max(wall),
                cpu=sum(u.run_time_cpu for u in used),
                peak_memory=max(float(u.memory) for u in used) / 2**20,
            )
    return times
