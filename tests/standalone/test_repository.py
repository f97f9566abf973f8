# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening repositories: what cannot be used is refused with a reason."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.standalone.repository import open_repository


def test_a_new_repository_is_made_once_and_opened_again(tmp_path: Path) -> None:
    open_repository(tmp_path / "repo", create=True).close()
    with open_repository(tmp_path / "repo", create=True) as butler:
        assert butler.isWriteable()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    tmp_path.joinpath("letter.txt").write_text("hello")
    with pytest.raises(InputDataError, match="not a Butler repository"):
        open_repository(tmp_path, create=True)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_a_repository_of_another_schema_version_is_refused(tmp_path: Path) -> None:
    open_repository(tmp_path / "repo", create=True).close()
    with sqlite3.connect(tmp_path / "repo" / "gen3.sqlite3") as connection:
        changed = connection.execute(
            "UPDATE butler_attributes SET value = '99.0.0' WHERE name LIKE 'version:%DimensionRecord%'"
        ).rowcount
    assert changed == 1
    with pytest.raises(InputDataError, match=r"(?s)cannot be opened with this version.*99\.0\.0"):
        open_repository(tmp_path / "repo")


def test_a_damaged_registry_is_refused(tmp_path: Path) -> None:
    open_repository(tmp_path / "repo", create=True).close()
    (tmp_path / "repo" / "gen3.sqlite3").write_bytes(b"")
    with pytest.raises(InputDataError, match="damaged"):
        open_repository(tmp_path / "repo")


def test_a_name_that_the_middleware_cannot_create_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match=r"cannot be named my\.repo"):
        open_repository(tmp_path / "my.repo", create=True)
    assert not list(tmp_path.iterdir())
