# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the search for an interpreter that can build the environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "tools" / "find-python"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder that is all there is in PATH, beside what the script itself runs."""
    for tool in ("head", "env"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    return tmp_path


def find(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": str(folder), "HOME": str(folder), **environment}
    return subprocess.run(["/bin/sh", SCRIPT], env=variables, check=False, capture_output=True, text=True)


def add_command(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


THIS_PYTHON = f'exec "{sys.executable}" "$@"'
TOO_OLD = 'echo "is Python 3.11.2" >&2; exit 1'


def test_shim_of_an_old_version_is_passed_over(folder: Path) -> None:
    add_command(folder, "python3.12", TOO_OLD)
    add_command(folder, "python3", THIS_PYTHON)
    result = find(folder)
    assert (result.returncode, result.stdout.strip()) == (0, sys.executable)


def test_pyenv_version_outside_path_is_found(folder: Path) -> None:
    add_command(folder, ".pyenv/versions/3.12.1/bin/python", THIS_PYTHON)
    result = find(folder)
    assert (result.returncode, result.stdout.strip()) == (0, sys.executable)


def test_none_is_an_error_that_names_what_was_looked_at(folder: Path) -> None:
    path = add_command(folder, "python3", TOO_OLD)
    result = find(folder)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "no Python >= 3.12" in result.stderr
    assert f"{path}: is Python 3.11.2" in result.stderr


def test_named_interpreter_is_the_only_candidate(folder: Path) -> None:
    add_command(folder, "python3", THIS_PYTHON)
    assert find(folder, PYTHON="/nowhere/python").returncode == 1
    assert find(folder, PYTHON="python3").stdout.strip() == sys.executable
