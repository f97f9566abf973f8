# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that several test modules share: a tiny simulated survey, in memory and in a repository."""

from __future__ import annotations

import dataclasses
import fcntl
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner

from lsst.daf.butler import Butler
from lsst.images import VisitImage
from lsst.transient.bogus.scripts.simulate_survey import simulate_survey
from lsst.transient.bogus.standalone.images import make_gaussian_psf
from lsst.transient.bogus.standalone.simulate import Survey, SurveyConfig, load_config, plan_survey, render
from lsst.transient.bogus.standalone.simulate.products import make_image, truth_table

INSTRUMENT = "SimCam"
VISITS_COLLECTION = "SimCam/defaults"


@dataclasses.dataclass(frozen=True)
class SimulatedImage:
    """One detector of a simulated visit."""

    image: VisitImage
    truth: Table
    survey: Survey
    visit_index: int
    detector: int


@pytest.fixture(scope="session")
def small_config() -> SurveyConfig:
    """Settings of the tiny survey: one band, four visits, two detectors of 256 × 256 pixels."""
    return load_config(preset="small")


@pytest.fixture(scope="session")
def small_survey(small_config: SurveyConfig) -> Survey:
    return plan_survey(small_config)


@pytest.fixture(scope="session")
def make_simulated(small_survey: Survey) -> Callable[[int, int], SimulatedImage]:
    """Render a detector of the tiny survey with a Gaussian PSF of the visit's seeing attached."""

    def make(visit_index: int, detector: int) -> SimulatedImage:
        visit = small_survey.visits[visit_index]
        rendered = render(small_survey, visit, detector)
        size = small_survey.config.size
        box = make_image_box(size)
        psf = make_gaussian_psf(fwhm=visit.seeing, box=box)
        image = make_image(small_survey.config, visit, detector, rendered, psf)
        truth = truth_table(small_survey, visit, rendered)
        return SimulatedImage(image, truth, small_survey, visit_index, detector)

    return make


@pytest.fixture(scope="session")
def simulated(make_simulated: Callable[[int, int], SimulatedImage]) -> SimulatedImage:
    """The first visit of the tiny survey, detector 0.  Read only."""
    return make_simulated(0, 0)


@pytest.fixture(scope="session")
def simulated_visit_image(simulated: SimulatedImage) -> VisitImage:
    """Image of the first visit of the tiny survey, detector 0.  Read only."""
    return simulated.image


def make_image_box(size: int):
    from lsst.images import Box

    return Box.from_shape((size, size))


@pytest.fixture(scope="session")
def simulated_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a repository with the tiny survey.  Read only; shared by all workers of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    # With xdist every worker has its own base; their parent is shared.
    shared = base.parent if base.name.startswith("popen-") else base
    root, lock = shared / "simulated_repository", shared / "simulated_repository.lock"
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if not root.exists():
            unfinished = shared / "unfinished_simulated_repository"
            shutil.rmtree(unfinished, ignore_errors=True)
            result = CliRunner().invoke(simulate_survey, [str(unfinished), "--preset", "small"])
            assert result.exit_code == 0, result.output
            unfinished.rename(root)
    return root


@pytest.fixture
def repository_copy(simulated_repository: Path, tmp_path: Path) -> Iterator[Butler]:
    """Writeable butler on a copy of the repository with the tiny survey."""
    shutil.copytree(simulated_repository, tmp_path / "repository")
    with Butler.from_config(str(tmp_path / "repository"), writeable=True) as butler:
        yield butler


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261)
