# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from lsst.transient.bogus.scripts.simulate_survey import _PRESETS, simulate_survey
from lsst.transient.bogus.standalone.simulate import PRESETS

TINY = ["--preset", "small", "--size", "128", "--visits-per-band", "1", "--detectors", "1"]


def test_presets_are_those_of_the_library() -> None:
    assert set(_PRESETS) == set(PRESETS)


def test_again_fails_and_continues_when_asked(tmp_path: Path) -> None:
    repo = str(tmp_path / "repo")
    first = CliRunner().invoke(simulate_survey, [repo, *TINY, "--bands", "gr"])
    assert first.exit_code == 0, first.output
    assert "2 images written into SimCam/visits, 0 were there" in first.output
    again = CliRunner().invoke(simulate_survey, [repo, *TINY, "--bands", "gr"])
    assert again.exit_code == 1
    assert "--skip-existing" in again.output
    continued = CliRunner().invoke(simulate_survey, [repo, *TINY, "--bands", "gr", "--skip-existing"])
    assert continued.exit_code == 0, continued.output
    assert "0 images written into SimCam/visits, 2 were there" in continued.output


def test_bad_settings_write_nothing(tmp_path: Path) -> None:
    config = tmp_path / "survey.yaml"
    config.write_text("visits: 3")
    result = CliRunner().invoke(simulate_survey, [str(tmp_path / "repo"), "--config", str(config)])
    assert result.exit_code == 1
    assert "unknown setting visits" in result.output
    assert not (tmp_path / "repo").exists()


@pytest.mark.parametrize("kind", ["not a repository", "other schema"])
def test_wrong_repository(tmp_path: Path, simulated_repository: Path, kind: str) -> None:
    repo = tmp_path / "repo"
    if kind == "not a repository":
        repo.mkdir()
        (repo / "notes.txt").write_text("mine")
    else:
        import shutil

        shutil.copytree(simulated_repository, repo)
        database = sqlite3.connect(repo / "gen3.sqlite3")
        database.execute("UPDATE butler_attributes SET value = '99.0.0' WHERE name LIKE 'version:%Datasets%'")
        database.commit()
        database.close()
    result = CliRunner().invoke(simulate_survey, [str(repo), *TINY, "--skip-existing"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
