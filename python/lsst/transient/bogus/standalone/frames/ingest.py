# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing of frames into a repository, as visits."""

from __future__ import annotations

__all__ = ("PROVENANCE", "VISIT_IMAGE", "IngestResult", "ingest", "open_existing", "unfinished")

import dataclasses
import logging
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from astropy.coordinates import SkyCoord

from lsst.daf.butler import Butler, DatasetType, MissingCollectionError, MissingDatasetTypeError
from lsst.daf.butler.registry import ConflictingDefinitionError

from ...errors import InputDataError
from ..instrument import FrameCamera
from ..registration import ExposureRecord, register_exposures
from ..repository import open_repository
from .parallel import Progress, in_order, no_progress
from .prepare import assemble, measure
from .read import Frame
from .settings import FrameSettings

VISIT_IMAGE = "visit_image"
"""Dataset type of the images."""

PROVENANCE = "ingested_frame"
"""Dataset type that tells what file and settings a visit image was made from."""

_DIMENSIONS = ("instrument", "visit", "detector")
_FROM_HEADER = (
    "mjd_begin",
    "exposure_time",
    "physical_filter",
    "band",
    "zero_point",
    "gain",
    "read_noise",
    "saturation",
    "sky_level",
)
_PROCESSING = ("no_data_value", "saturation_grow", "sky_subtract", "sky_mesh", "crowded", "psf")
_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class IngestResult:
    """What was written.

    Parameters
    ----------
    run
        RUN collection.
    n_written
        Number of frames written.
    n_skipped
        Number of frames that the RUN held already.
    provenance
        Provenance of each frame written.
    """

    run: str
    n_written: int
    n_skipped: int
    provenance: tuple[Mapping[str, Any], ...]


def open_existing(path: Path) -> Butler | None:
    """Open a repository if there is one.

    Parameters
    ----------
    path
        Root of the repository.

    Returns
    -------
    butler : `lsst.daf.butler.Butler` or `None`
        Writeable butler; `None` if the folder does not exist or is empty.

    Raises
    ------
    InputDataError
        Raised if there is something else, or a repository that cannot be read.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return None
    return open_repository(path)


def unfinished(
    butler: Butler | None, run: str, frames: Sequence[Frame], settings: FrameSettings
) -> list[Frame]:
    """Return the frames that a RUN does not hold yet.

    Parameters
    ----------
    butler
        Repository, if there is one.
    run
        RUN collection.
    frames
        Frames to ingest.
    settings
        How to process them.

    Returns
    -------
    frames : `list` [`Frame`]
        Frames to write.

    Raises
    ------
    InputDataError
        Raised if the RUN holds another frame as the same visit and detector, the
        same frame as another visit, or the same frame with other settings.
    """
    known = {} if butler is None else _known(butler, run)
    by_pixels = {entry["pixel_hash"]: data_id for data_id, entry in known.items()}
    todo, conflicts = [], []
    for frame in frames:
        entry = known.get((frame.visit, frame.detector))
        if entry is None and frame.pixel_hash not in by_pixels:
            todo.append(frame)
        elif entry is None:
            visit, detector = by_pixels[frame.pixel_hash]
            then = f"visit {visit}, detector {detector}"
            conflicts.append(f"{frame.path.name}: was ingested as {then}, now is {frame.where}")
        elif entry["pixel_hash"] != frame.pixel_hash:
            conflicts.append(
                f"{frame.path.name}: {frame.where} was made from {entry['file']}, with other pixels"
            )
        elif differences := _differences(entry["settings"], _settings(frame, settings)):
            conflicts.append(f"{frame.path.name}: was ingested with {differences}")
    if conflicts:
        lines = "\n".join(f"  {conflict}" for conflict in conflicts)
        raise InputDataError(
            f"{run} holds {len(conflicts)} of the frames otherwise; ingest into another RUN:\n{lines}"
        )
    return todo


def ingest(
    butler: Butler,
    run: str,
    frames: Sequence[Frame],
    settings: FrameSettings,
    *,
    workers: int = 1,
    progress: Progress = no_progress,
) -> IngestResult:
    """Write frames into a RUN of a repository.

    Parameters
    ----------
    butler
        Writeable butler.
    run
        RUN collection; frames it holds already are left alone.
    frames
        Frames to write.
    settings
        How to process them.
    workers
        Number of processes.
    progress
        Shows how far it is.

    Returns
    -------
    result : `IngestResult`
        What was written.

    Raises
    ------
    InputDataError
        Raised if the RUN holds some of the frames otherwise, or if a frame has
        neither a star nor a FWHM in its header.

    Notes
    -----
    Each frame is written in one transaction, so that an interrupted ingestion
    can be continued.
    """
    todo = unfinished(butler, run, frames, settings)
    _register(butler, run, frames)
    provenance = []
    measured_frames = in_order(partial(measure, settings=settings), todo, workers=workers)
    for frame, measured in zip(todo, progress(measured_frames, "Ingesting", len(todo)), strict=True):
        entry = {
            "file": frame.path.name,
            "pixel_hash": frame.pixel_hash,
            "settings": _settings(frame, settings),
            "measured": measured.summary,
        }
        data_id = {"instrument": FrameCamera.name, "visit": frame.visit, "detector": frame.detector}
        with butler.transaction():
            butler.put(assemble(frame, measured, settings), VISIT_IMAGE, data_id, run=run)
            butler.put(entry, PROVENANCE, data_id, run=run)
        provenance.append(entry)
        _LOG.debug("%s: %s, %s", frame.path.name, frame.where, measured.summary)
    _LOG.info("%d of %d frames written into %s.", len(todo), len(frames), run)
    return IngestResult(run, len(todo), len(frames) - len(todo), tuple(provenance))


def _register(butler: Butler, run: str, frames: Sequence[Frame]) -> None:
    storage = {VISIT_IMAGE: "VisitImage", PROVENANCE: "StructuredDataDict"}
    try:
        for name, storage_class in storage.items():
            butler.registry.registerDatasetType(
                DatasetType(name, _DIMENSIONS, storage_class, universe=butler.dimensions)
            )
        register_exposures(butler, FrameCamera(), _exposures(frames))
        butler.collections.register(run)
    except ConflictingDefinitionError as error:
        raise InputDataError(f"The frames contradict what is in the repository: {error}") from error


def _exposures(frames: Sequence[Frame]) -> list[ExposureRecord]:
    """Return the records of the exposures that the frames are from."""
    visits: defaultdict[int, list[Frame]] = defaultdict(list)
    for frame in frames:
        visits[frame.visit].append(frame)
    records = []
    for visit, members in sorted(visits.items()):
        first = members[0]
        corners = {frame.detector: frame.corners for frame in members}
        vertices = SkyCoord([c for frame in members for c in frame.corners], unit="deg").cartesian
        centre = SkyCoord(vertices.mean(), frame="icrs").spherical
        records.append(
            ExposureRecord(
                visit=visit,
                physical_filter=first.physical_filter,
                band=first.band,
                day_obs=first.day_obs,
                seq_num=visit % 100_000,
                mjd_begin=first.mjd_begin,
                exposure_time=first.exposure_time,
                corners=corners,
                target=first.target,
                ra=float(centre.lon.deg),
                dec=float(centre.lat.deg),
            )
        )
    return records


def _settings(frame: Frame, settings: FrameSettings) -> dict[str, Any]:
    """Return everything that the visit image depends on beside the pixels."""
    return {
        **{name: getattr(frame, name) for name in _FROM_HEADER},
        **{name: getattr(settings, name) for name in _PROCESSING},
    }


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    different = [name for name in now if not _same(then.get(name), now[name])]
    return ", ".join(f"{name} {then.get(name)} (now {now[name]})" for name in different)


def _same(then: Any, now: Any) -> bool:
    if isinstance(then, float) and isinstance(now, float):
        return math.isclose(then, now, rel_tol=1e-9)
    return bool(then == now)


def _known(butler: Butler, run: str) -> dict[tuple[int, int], Mapping[str, Any]]:
    """Return the provenance of the frames in a RUN, by visit and detector."""
    try:
        refs = butler.query_datasets(PROVENANCE, collections=run, find_first=False, explain=False, limit=None)
    except (MissingCollectionError, MissingDatasetTypeError):
        return {}
    return {(int(ref.dataId["visit"]), int(ref.dataId["detector"])): butler.get(ref) for ref in refs}
