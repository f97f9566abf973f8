# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What identifies the code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lsst.transient.bogus import __version__, version


def test_code_version_follows_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(version.__file__, tmp_path / "version.py")
    (tmp_path / "nn").mkdir()
    source = tmp_path / "nn" / "loop.py"
    source.write_text("x = 1\n")
    monkeypatch.setattr(version, "__file__", str(tmp_path / "version.py"))
    measure = version.code_version.__wrapped__
    first = measure()
    assert first == measure()
    assert first.startswith(f"{__version__}+")
    source.write_text("x = 2\n")
    assert measure() != first
