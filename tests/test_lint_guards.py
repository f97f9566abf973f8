# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the tools really hold the line: each must object to a planted error."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "python/lsst/transient/bogus"
STACK_ONLY = re.compile(r"lsst\.(afw|geom|ip|meas|obs|pipe\.tasks|skymap|source|transient)\b")


def run_tool(*arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, input=text, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("planted", "code"),
    [
        ("__version__: int = 'not a number'", "assignment"),
        ("def untyped(x):\n    return x", "no-untyped-def"),
        ("x: int = 1  # type: ignore", "unused-ignore"),
    ],
)
def test_mypy_fails_on_a_planted_error(planted: str, code: str, tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="the lint extra is not installed")
    shadow = tmp_path / "shadow.py"
    shadow.write_text(f"{planted}\n")
    module = f"{PACKAGE}/version.py"
    result = run_tool("mypy", "--cache-dir", tmp_path, "--shadow-file", module, shadow, module)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"[{code}]" in result.stdout


@pytest.mark.parametrize(
    ("path", "planted", "rule"),
    [
        (f"{PACKAGE}/labels.py", "import pickle", "TID251"),
        (f"{PACKAGE}/nn/model.py", "import torch\n\ntorch.save({}, 'model')", "TID251"),
        (f"{PACKAGE}/tasks/cutout.py", "from lsst.afw.image import ExposureF", "TID251"),
        (f"{PACKAGE}/tasks/cutout.py", "from lsst.images import Image", "TID251"),
        (f"{PACKAGE}/tasks/cutout.py", "print('a')", "T201"),
        (f"{PACKAGE}/seeds.py", "import numpy as np\n\nnp.random.seed(1)", "NPY002"),
        (f"{PACKAGE}/seeds.py", "try:\n    pass\nexcept Exception:\n    pass", "BLE001"),
    ],
)
def test_ruff_objects(path: str, planted: str, rule: str) -> None:
    pytest.importorskip("ruff", reason="the lint extra is not installed")
    result = run_tool("ruff", "check", "--output-format=concise", "--stdin-filename", path, "-", text=planted)
    assert f" {rule} " in result.stdout


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{PACKAGE}/stack/inject.py", "from lsst.afw.image import ExposureF"),
        (f"{PACKAGE}/pixels.py", "from lsst.images import Image"),
        (f"{PACKAGE}/standalone/inject.py", "from lsst.images import VisitImage"),
    ],
)
def test_ruff_knows_the_exceptions(path: str, text: str) -> None:
    pytest.importorskip("ruff", reason="the lint extra is not installed")
    result = run_tool("ruff", "check", "--output-format=concise", "--stdin-filename", path, "-", text=text)
    assert "TID251" not in result.stdout


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name).group()).lower()


def declared(*, extras: bool = False) -> set[str]:
    """Return the names of the distributions that this one needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = list(project["dependencies"])
    if extras:
        requirements += [r for extra in project["optional-dependencies"].values() for r in extra]
    return {normalise(requirement) for requirement in requirements} - {normalise(project["name"])}


def imported_modules() -> set[str]:
    """Return every absolute import of the package."""
    names = set()
    for path in (ROOT / PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module)
    return names


def test_every_imported_distribution_is_declared() -> None:
    wanted = declared(extras=True)
    distributions = importlib.metadata.packages_distributions()
    undeclared = []
    for name in imported_modules():
        parts = name.split(".")
        if parts[0] in sys.stdlib_module_names or STACK_ONLY.match(name):
            continue
        if parts[0] == "lsst":
            candidates = {"-".join(parts[:n]) for n in (2, 3, 4)}
        else:
            candidates = {normalise(d) for d in distributions.get(parts[0], parts[:1])}
        if not candidates & wanted:
            undeclared.append(name)
    assert sorted(undeclared) == []


def test_constraints_pin_every_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {normalise(line) for line in lines if "==" in line and not line.startswith("#")}
    assert sorted(declared(extras=True) - pinned) == []
