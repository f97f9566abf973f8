# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing of a simulated survey into a repository."""

from __future__ import annotations

__all__ = (
    "CONFIG_DATASET",
    "DEFAULT_COLLECTION",
    "DEFAULT_RUN",
    "DEFAULT_TRUTH_RUN",
    "SurveyResult",
    "make_detector_image",
    "simulate_survey",
)

import dataclasses
import functools
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is not re-exported
    Butler,
    CollectionType,
    DatasetRef,
    DatasetType,
    MissingCollectionError,
    MissingDatasetTypeError,
)
from lsst.daf.butler.registry import ConflictingDefinitionError
from lsst.images.psfs import PointSpreadFunction

from ...columns import SIMULATED_TRUTH
from ...errors import InputDataError
from ..frames.parallel import Progress, in_order, no_progress
from ..instrument import SimulatedCamera
from ..psf import measure_psf
from ..registration import register_exposures
from .config import SurveyConfig
from .exposure import Rendered, render
from .plan import Survey, plan_survey
from .products import exposure_records, make_image, truth_table
from .schedule import Visit

DEFAULT_RUN = "SimCam/visits"
"""RUN of the images."""

DEFAULT_TRUTH_RUN = "SimCam/truth"
"""RUN of the truth."""

DEFAULT_COLLECTION = "SimCam/defaults"
"""CHAINED collection of both."""

CONFIG_DATASET = "simulated_survey_config"
"""Dataset type of the settings that a survey was made with."""

_IMAGE_DATASET = "visit_image"
_NOT_FOR_PSF = ("BAD", "COSMIC_RAY", "SATURATED", "SUSPECT")
_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class SurveyResult:
    """What was written.

    Parameters
    ----------
    n_written
        Number of images written.
    n_skipped
        Number of images that were there.
    n_visits
        Number of visits of the survey.
    n_nights
        Number of nights of the survey.
    """

    n_written: int
    n_skipped: int
    n_visits: int
    n_nights: int


def simulate_survey(
    butler: Butler,
    config: SurveyConfig,
    *,
    run: str = DEFAULT_RUN,
    truth_run: str = DEFAULT_TRUTH_RUN,
    collection: str | None = DEFAULT_COLLECTION,
    skip_existing: bool = False,
    workers: int = 1,
    progress: Progress = no_progress,
) -> SurveyResult:
    """Simulate a survey into a repository.

    Parameters
    ----------
    butler
        Writeable butler.
    config
        Settings.
    run
        RUN of the images.
    truth_run
        RUN of the truth.
    collection
        CHAINED collection to make of both; `None` for none.
    skip_existing
        Whether to leave alone the visits that the RUN holds, rather than fail.
    workers
        Number of processes.
    progress
        Shows how far it is.

    Returns
    -------
    result : `SurveyResult`
        What was written.

    Raises
    ------
    InputDataError
        Raised if the RUN holds images and ``skip_existing`` is `False`, if it
        was made with other settings, or if the repository holds other visits
        with the same numbers.

    Notes
    -----
    All detectors of a visit are written in one transaction, so that an
    interrupted simulation can be continued.
    """
    survey = plan_survey(config)
    done = _written_visits(butler, survey, run, truth_run, skip_existing=skip_existing)
    is_new = not _refs(butler, CONFIG_DATASET, truth_run)
    _register(butler, survey, run, truth_run, collection, is_new=is_new)
    todo = [v for v in survey.visits if v.visit not in done]
    jobs = [(v.index, detector) for v in todo for detector in range(config.n_detectors)]
    made = in_order(functools.partial(make_detector_image, config), jobs, workers=workers)
    results = iter(progress(made, "Simulating", len(jobs)))
    for visit in todo:
        _write_visit(butler, survey, visit, results, run, truth_run)
    n_detectors = config.n_detectors
    _LOG.info("%d of %d visits simulated into %s.", len(todo), len(survey.visits), run)
    return SurveyResult(
        n_written=len(todo) * n_detectors,
        n_skipped=len(done) * n_detectors,
        n_visits=len(survey.visits),
        n_nights=len({v.day_obs for v in survey.visits}),
    )


def make_detector_image(config: SurveyConfig, job: tuple[int, int]) -> tuple[Rendered, PointSpreadFunction]:
    """Render one detector and measure its PSF; runs in a worker process.

    Parameters
    ----------
    config
        Settings.
    job
        Index of the visit and detector number.

    Returns
    -------
    rendered : `Rendered`
        Pixels and truth.
    psf : `lsst.images.psfs.PointSpreadFunction`
        PSF measured on the pixels.
    """
    index, detector = job
    survey = plan_survey(config)
    visit = survey.visits[index]
    rendered = render(survey, visit, detector)
    bad = np.any([rendered.mask_bits[name] for name in _NOT_FOR_PSF], axis=0)
    psf = measure_psf(
        rendered.image,
        rendered.variance,
        bad,
        saturated=rendered.mask_bits["SATURATED"],
        fwhm_guess=visit.seeing,
        where=f"visit {visit.visit}, detector {detector}",
    )
    return rendered, psf


def _write_visit(
    butler: Butler,
    survey: Survey,
    visit: Visit,
    results: Iterator[tuple[Rendered, PointSpreadFunction]],
    run: str,
    truth_run: str,
) -> None:
    """Write all detectors of a visit in one transaction."""
    made = [(detector, *next(results)) for detector in range(survey.config.n_detectors)]
    with butler.transaction():
        for detector, rendered, psf in made:
            data_id = {"instrument": SimulatedCamera.name, "visit": visit.visit, "detector": detector}
            image = make_image(survey.config, visit, detector, rendered, psf)
            butler.put(image, _IMAGE_DATASET, data_id, run=run)
            truth = truth_table(survey, visit, rendered)
            butler.put(truth, SIMULATED_TRUTH.dataset_type, data_id, run=truth_run)


def _written_visits(
    butler: Butler, survey: Survey, run: str, truth_run: str, *, skip_existing: bool
) -> set[int]:
    """Return the visits that are there, after checking that they are of this survey."""
    done = {int(r.dataId["visit"]) for r in _refs(butler, _IMAGE_DATASET, run)}
    known = [butler.get(ref) for ref in _refs(butler, CONFIG_DATASET, truth_run)]
    if (done or known) and not skip_existing:
        raise InputDataError(
            f"{run} or {truth_run} holds a simulated survey already ({len(done)} of "
            f"{len(survey.visits)} visits); continue it with --skip-existing, or write to another RUN."
        )
    if done and not known:
        raise InputDataError(
            f"{run} holds {len(done)} visits, but {truth_run} does not say how they were made."
        )
    if known and (changed := _changed(known[0], survey.config.to_dict())):
        raise InputDataError(
            f"{run} was made with other settings, so that it cannot be continued: {', '.join(changed)}."
        )
    return done


def _refs(butler: Butler, dataset_type: str, run: str) -> list[DatasetRef]:
    """Return the datasets of a type in a RUN; none if either does not exist."""
    try:
        return butler.query_datasets(
            dataset_type, collections=run, find_first=False, explain=False, limit=None
        )
    except (MissingCollectionError, MissingDatasetTypeError):
        return []


def _changed(then: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """List the settings that differ, with both values."""
    changed: list[str] = []
    for name in sorted({*then, *now}):
        old, new = then.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changed += _changed(old, new, f"{prefix}{name}.")
        elif old != new:
            changed.append(f"{prefix}{name} was {old}, now {new}")
    return changed


def _register(
    butler: Butler, survey: Survey, run: str, truth_run: str, collection: str | None, *, is_new: bool
) -> None:
    """Register dataset types, dimension records and collections, and store the settings."""
    types = (
        (_IMAGE_DATASET, ("instrument", "visit", "detector"), "VisitImage"),
        (SIMULATED_TRUTH.dataset_type, SIMULATED_TRUTH.dimensions, "ArrowAstropy"),
        (CONFIG_DATASET, ("instrument",), "StructuredDataDict"),
    )
    try:
        for name, dimensions, storage_class in types:
            dataset_type = DatasetType(name, dimensions, storage_class, universe=butler.dimensions)
            butler.registry.registerDatasetType(dataset_type)
        register_exposures(butler, SimulatedCamera(), exposure_records(survey))
        for name in (run, truth_run):
            butler.collections.register(name)
    except ConflictingDefinitionError as error:
        raise InputDataError(f"The survey contradicts what is in the repository: {error}") from error
    if collection:
        butler.collections.register(collection, CollectionType.CHAINED)
        butler.collections.extend_chain(collection, [run, truth_run])
    if is_new:
        data_id = {"instrument": SimulatedCamera.name}
        butler.put(survey.config.to_dict(), CONFIG_DATASET, data_id, run=truth_run)
