# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that imports point down only, and that heavy libraries load late.

The layers are those of the developer guide.  They are checked on the source text, so that
an import inside a function counts too.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[1] / "python"
PACKAGE = "lsst.transient.bogus"

# A module or folder that is not named here is pure science.
LAYERS = {
    "columns": 1,
    "errors": 1,
    "ids": 1,
    "paths": 1,
    "seeds": 1,
    "version": 1,
    "inspector": 3,
    "nn": 3,
    "pixels": 3,
    "plots": 3,
    "report": 3,
    "stack": 4,
    "standalone": 4,
    "tasks": 4,
    "scripts": 5,
}
PURE_SCIENCE = 2

STACK_ONLY = (
    "lsst.afw",
    "lsst.geom",
    "lsst.ip",
    "lsst.meas",
    "lsst.obs",
    "lsst.pipe.tasks",
    "lsst.skymap",
    "lsst.source",
)
LATE = ("bokeh", "hdbscan", "matplotlib", "torch", "umap")


@dataclasses.dataclass(frozen=True)
class Import:
    """One imported name."""

    source: str
    """Module that imports."""
    target: str
    """Module that is imported, or an object in it."""
    line: int
    at_import_time: bool
    """Whether the import runs when the module is imported."""

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"

    def is_of(self, *packages: str) -> bool:
        return any(f"{self.target}.".startswith(f"{package}.") for package in packages)


def modules() -> dict[str, Path]:
    """Return the path of every module of the package."""
    paths = sorted((PYTHON / "lsst" / "transient" / "bogus").rglob("*.py"))
    names = [path.relative_to(PYTHON).with_suffix("").parts for path in paths]
    return {".".join(n[:-1] if n[-1] == "__init__" else n): p for n, p in zip(names, paths, strict=True)}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def walk(node: ast.AST, at_import_time: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Yield all nodes, and whether each runs when the module is imported."""
    for child in ast.iter_child_nodes(node):
        late = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or is_type_checking(
            child
        )
        yield child, at_import_time and not late
        yield from walk(child, at_import_time and not late)


def imports_of(name: str, path: Path) -> Iterator[Import]:
    """Yield the imports of a module, relative ones made absolute."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node, at_import_time in walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            targets = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            yield Import(name, target, node.lineno, at_import_time)


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    """Return every import of the package."""
    return [found for name, path in modules().items() for found in imports_of(name, path)]


def folder(name: str) -> str:
    """Return the part of a module's name that decides its layer."""
    return name.removeprefix(PACKAGE).lstrip(".").partition(".")[0]


def layer(name: str) -> int:
    return LAYERS.get(folder(name), PURE_SCIENCE)


def test_imports_point_down(imports: list[Import]) -> None:
    inside = [i for i in imports if i.is_of(PACKAGE) and folder(i.target) and folder(i.source)]
    assert inside, "found no import within the package: the test looks in the wrong place"
    # A name with a leading underscore, as in __version__, is an object of the package itself.
    assert [str(i) for i in inside if folder(i.target)[0] != "_" and layer(i.target) > layer(i.source)] == []


def test_leaves_and_package_import_lightly(imports: list[Import]) -> None:
    heavy = [i for i in imports if layer(i.source) <= PURE_SCIENCE and i.at_import_time and i.is_of(*LATE)]
    assert [str(i) for i in heavy] == []
    assert [str(i) for i in imports if i.source == PACKAGE and not i.is_of(f"{PACKAGE}.version")] == []


def test_pure_science_knows_no_middleware(imports: list[Import]) -> None:
    middleware = ("lsst.ctrl", "lsst.daf", "lsst.pex", "lsst.pipe")
    found = [
        i for i in imports if layer(i.source) == PURE_SCIENCE and folder(i.source) and i.is_of(*middleware)
    ]
    assert [str(i) for i in found] == []


def test_native_tasks_know_neither_world(imports: list[Import]) -> None:
    worlds = (f"{PACKAGE}.standalone", f"{PACKAGE}.stack")
    assert [str(i) for i in imports if folder(i.source) == "tasks" and i.is_of(*worlds)] == []


def test_images_stay_behind_their_boundary(imports: list[Import]) -> None:
    allowed = ("pixels", "standalone", "stack")
    assert [str(i) for i in imports if i.is_of("lsst.images") and folder(i.source) not in allowed] == []


def test_stack_packages_only_in_stack_modules(imports: list[Import]) -> None:
    outside = [i for i in imports if i.is_of(*STACK_ONLY) and "stack" not in i.source.split(".")]
    assert [str(i) for i in outside] == []


def test_torch_lives_on_its_island(imports: list[Import]) -> None:
    outside = [i for i in imports if i.is_of("torch") and i.at_import_time and folder(i.source) != "nn"]
    assert [str(i) for i in outside] == []


def test_task_modules_load_late(imports: list[Import]) -> None:
    folders = ("tasks", "standalone", "stack")
    early = [i for i in imports if folder(i.source) in folders and i.at_import_time and i.is_of(*LATE)]
    assert [str(i) for i in early] == []


def test_importing_all_tasks_loads_nothing_heavy() -> None:
    names = [name for name in modules() if folder(name) in ("tasks", "standalone")]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print(*sorted(set({LATE!r}) & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import torch", [("torch", True)]),
        ("def f():\n    import torch", [("torch", False)]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", [("torch", False)]),
        ("class A:\n    from torch import nn", [("torch.nn", True)]),
        ("from ..nn import loop", [("lsst.transient.bogus.nn.loop", True)]),
    ],
)
def test_the_reader_of_imports(text: str, expected: list[tuple[str, bool]], tmp_path: Path) -> None:
    path = tmp_path / "cutout.py"
    path.write_text(text)
    found = [(i.target, i.at_import_time) for i in imports_of(f"{PACKAGE}.tasks.cutout", path)]
    assert [f for f in found if f[0] != "typing.TYPE_CHECKING"] == expected
