# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the search for pipelines and configs, in a checkout and in a wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lsst.transient.bogus import __version__
from lsst.transient.bogus.paths import PACKAGE_DIR_VARIABLE, ensure_package_dir_env, package_dir

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """Make a folder that looks like an EUPS product."""
    tmp_path.joinpath("product", "pipelines").mkdir(parents=True)
    return tmp_path / "product"


def test_source_tree_without_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PACKAGE_DIR_VARIABLE, raising=False)
    assert package_dir() == ROOT


def test_variable_wins(monkeypatch: pytest.MonkeyPatch, product: Path) -> None:
    monkeypatch.setenv(PACKAGE_DIR_VARIABLE, str(product))
    assert package_dir() == product


def test_wrong_variable_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PACKAGE_DIR_VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match=rf"absent.*\${PACKAGE_DIR_VARIABLE}"):
        package_dir()


def test_ensure_sets_the_variable_once(monkeypatch: pytest.MonkeyPatch, product: Path) -> None:
    # Setting first makes monkeypatch restore the variable afterwards.
    monkeypatch.setenv(PACKAGE_DIR_VARIABLE, "")
    monkeypatch.delenv(PACKAGE_DIR_VARIABLE)
    assert ensure_package_dir_env() == ROOT
    assert os.environ[PACKAGE_DIR_VARIABLE] == str(ROOT)

    monkeypatch.setenv(PACKAGE_DIR_VARIABLE, str(product))
    assert ensure_package_dir_env() == product
    assert os.environ[PACKAGE_DIR_VARIABLE] == str(product)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from the files git knows, without network."""
    source = tmp_path_factory.mktemp("source")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=False, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout: the files that make up a release are unknown")
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "doc/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    (source / "README.md").touch()
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = target.glob("*.whl")
    return path


def test_wheel_holds_every_data_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    listing = subprocess.run(
        ["git", "ls-files", "pipelines", "config", "bps"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    data = [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]
    assert {"bps", "pipelines"} <= {name.partition("/")[0] for name in data}
    assert [name for name in data if f"lsst/transient/bogus/data/{name}" not in names] == []


def test_wheel_holds_package_licence_and_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = [name for name in names if name.endswith("entry_points.txt")]
        assert "transient-bogus = lsst.transient.bogus.scripts:main" in archive.read(entry_points).decode()
    assert wheel.name.startswith(f"lsst_transient_bogus-{__version__}-py3-none-any")
    assert "lsst/transient/bogus/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "doc", "pipelines"))]


def test_installed_wheel_finds_its_pipelines(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    data = tmp_path / "lsst" / "transient" / "bogus" / "data"
    environment = {k: v for k, v in os.environ.items() if k != PACKAGE_DIR_VARIABLE}
    # Isolated from site-packages, where the checkout itself may be installed.
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    code += "from lsst.transient.bogus.paths import package_dir; print(package_dir())"
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert Path(result.stdout.strip()) == data
