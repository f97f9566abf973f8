# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the command that runs the whole loop: what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from lsst.daf.butler import Butler
from lsst.transient.bogus.scripts import main


def run(*arguments: object) -> str:
    """Run a command that must fail with a message, and return the message."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Folder of a demo whose repository another version of the middleware has made."""
    root = tmp_path / "foreign"
    root.mkdir()
    Butler.makeRepo(str(root / "repo"))
    with sqlite3.connect(root / "repo" / "gen3.sqlite3") as database:
        database.execute("UPDATE butler_attributes SET value = '99.0.0' WHERE name LIKE 'version:%Datasets%'")
    database.close()
    return root


def test_folder_without_frames(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    assert "No file in" in run("demo", "--frames", tmp_path / "night", "--folder", tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_repository_of_another_schema_version(foreign: Path) -> None:
    before = sorted(foreign.rglob("*"))
    assert "99.0.0" in run("demo", "--folder", foreign)
    assert "99.0.0" in run("report", foreign / "repo", "transient_bogus", foreign / "report")
    assert sorted(foreign.rglob("*")) == before


def test_places_where_nothing_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "file" in run("demo", "--folder", tmp_path / "file" / "demo")
    assert "nowhere" in run("report", tmp_path / "nowhere", "transient_bogus", tmp_path / "report")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
