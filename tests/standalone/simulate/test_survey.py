# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lsst.daf.butler import Butler
from lsst.images.psfs import PiffWrapper
from lsst.transient.bogus.columns import SIMULATED_TRUTH
from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.standalone.repository import open_repository
from lsst.transient.bogus.standalone.simulate import SurveyConfig, load_config, plan_survey, render
from lsst.transient.bogus.standalone.simulate import survey as survey_module
from lsst.transient.bogus.standalone.simulate.survey import (
    CONFIG_DATASET,
    DEFAULT_COLLECTION,
    DEFAULT_RUN,
    DEFAULT_TRUTH_RUN,
    simulate_survey,
)


@pytest.fixture(scope="module")
def tiny() -> SurveyConfig:
    return load_config(
        preset="small", overrides={"size": 128, "visits_per_band": 3, "sky": {"star_density": 40.0}}
    )


def visits_in(butler: Butler, run: str = DEFAULT_RUN) -> list[int]:
    refs = butler.query_datasets("visit_image", collections=run, find_first=False, explain=False)
    return sorted(int(ref.dataId["visit"]) for ref in refs)


def test_repository_of_the_fixture(simulated_repository: Path, small_config: SurveyConfig) -> None:
    with Butler.from_config(str(simulated_repository), collections=[DEFAULT_COLLECTION]) as butler:
        refs = butler.query_datasets("visit_image")
        assert len(refs) == 8
        ref = min(refs, key=lambda ref: ref.dataId["visit"])
        visit = plan_survey(small_config).visits[0]
        detector = int(ref.dataId["detector"])
        rendered = render(plan_survey(small_config), visit, detector)
        stored = butler.get("visit_image.image", ref.dataId)
        assert ref.dataId["visit"] == visit.visit
        noise = np.sqrt(np.median(rendered.variance))
        assert np.abs(stored.array - rendered.image).max() < 0.5 * noise
        truth = butler.get("simulated_truth", ref.dataId)
        SIMULATED_TRUTH.check(truth)
        assert len(truth) == len(rendered.truth)
        assert butler.get(CONFIG_DATASET, instrument="SimCam") == small_config.to_dict()
        psfs = [butler.get("visit_image.psf", r.dataId) for r in refs]
        assert any(isinstance(psf, PiffWrapper) for psf in psfs)


def test_truth_is_in_a_run_of_its_own(simulated_repository: Path) -> None:
    with Butler.from_config(str(simulated_repository)) as butler:
        assert len(butler.query_datasets("simulated_truth", collections=DEFAULT_TRUTH_RUN)) == 8
        assert not butler.query_datasets("simulated_truth", collections=DEFAULT_RUN, explain=False)
        assert butler.collections.get_info(DEFAULT_COLLECTION).children == (DEFAULT_RUN, DEFAULT_TRUTH_RUN)


def test_existing_survey_must_be_continued(repository_copy: Butler, small_config: SurveyConfig) -> None:
    with pytest.raises(InputDataError, match=r"4 of 4 visits.*--skip-existing"):
        simulate_survey(repository_copy, small_config)
    result = simulate_survey(repository_copy, small_config, skip_existing=True)
    assert (result.n_written, result.n_skipped) == (0, 8)


def test_other_settings_cannot_continue(repository_copy: Butler, small_config: SurveyConfig) -> None:
    changed = dataclasses.replace(
        small_config, artifacts=dataclasses.replace(small_config.artifacts, trails=3.0)
    )
    with pytest.raises(InputDataError, match=r"artifacts.trails was 0.8, now 3.0"):
        simulate_survey(repository_copy, changed, skip_existing=True)


def test_other_visits_of_same_number_are_refused(repository_copy: Butler, small_config: SurveyConfig) -> None:
    changed = dataclasses.replace(small_config, exposure_time=30.0)
    with pytest.raises(InputDataError, match="contradicts"):
        simulate_survey(repository_copy, changed, run="other/visits", truth_run="other/truth")
    assert not repository_copy.collections.query("other/*")


def test_interrupted_simulation_continues(
    tiny: SurveyConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, int]] = []
    original = survey_module.make_detector_image

    def counted(config: SurveyConfig, job: tuple[int, int]):
        if len(made) == 3:
            made.append(job)
            raise KeyboardInterrupt
        made.append(job)
        return original(config, job)

    monkeypatch.setattr(survey_module, "make_detector_image", counted)
    with open_repository(tmp_path / "repo", create=True) as butler:
        with pytest.raises(KeyboardInterrupt):
            simulate_survey(butler, tiny)
        # The second visit was cut short after one of its two detectors.
        first = plan_survey(tiny).visits[0].visit
        assert visits_in(butler) == [first, first]
        result = simulate_survey(butler, tiny, skip_existing=True)
        assert (result.n_written, result.n_skipped) == (4, 2)
        assert made[-4:] == [(1, 0), (1, 1), (2, 0), (2, 1)]
        assert len(visits_in(butler)) == 6


def test_survey_without_anything_that_changes(tmp_path: Path, tiny: SurveyConfig) -> None:
    still = load_config(
        overrides={
            **tiny.to_dict(),
            "visits_per_band": 1,
            "n_detectors": 1,
            "transients": {
                "supernova_density": 0.0,
                "nucleus_density": 0.0,
                "variable_star_fraction": 0.0,
                "moving_per_night": 0.0,
            },
        }
    )
    with open_repository(tmp_path / "repo", create=True) as butler:
        simulate_survey(butler, still, collection=None)
        (ref,) = butler.query_datasets("simulated_truth", collections=DEFAULT_TRUTH_RUN)
        truth = butler.get(ref)
        assert len(truth) == 0
        SIMULATED_TRUTH.check(truth)
        assert list(butler.collections.query("*")) == [DEFAULT_RUN, DEFAULT_TRUTH_RUN]
