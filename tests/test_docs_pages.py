# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that every task, script and table has its place in the documentation, and no page is stale."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "lsst" / "transient" / "bogus"
PAGES = ROOT / "doc" / "lsst.transient.bogus"


def task_names() -> set[str]:
    """Return the names of the public Task classes of all task folders."""
    return {
        node.name
        for folder in ("tasks", "standalone", "stack")
        for path in (PACKAGE / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and any(ast.unparse(base).endswith("Task") for base in node.bases)
    }


def script_names() -> set[str]:
    """Return the names of all subcommands."""
    if not (PACKAGE / "scripts").exists():
        return set()
    scripts = importlib.import_module("lsst.transient.bogus.scripts")
    return set(scripts.main.list_commands(click.Context(scripts.main)))


def pages(folder: str) -> set[str]:
    return {path.stem for path in (PAGES / folder).glob("*.rst")} - {"index"}


def test_every_task_has_its_page_and_every_page_its_task() -> None:
    assert sorted(task_names() ^ pages("tasks")) == []


def test_every_script_has_its_page_and_every_page_its_script() -> None:
    assert sorted(script_names() ^ pages("scripts")) == []


def test_every_page_generates_its_reference() -> None:
    """The tables of configs, connections and options come from the code."""
    directives = {"tasks": "pipeline-task", "scripts": "click-command"}
    stale = [
        f"{folder}/{name}.rst"
        for folder, directive in directives.items()
        for name in pages(folder)
        if f".. {directive}:: {name}" not in (PAGES / folder / f"{name}.rst").read_text()
    ]
    assert stale == []
