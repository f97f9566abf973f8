# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directives that write the reference part of a page from the code itself.

``pipeline-task``   class, connections and configuration of a task, by class name
``click-command``   usage and options of a subcommand of ``transient-bogus``
``dataset-tables``  every declared table with its columns
``module-api``      the public names of every library module
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

PACKAGE = "lsst.transient.bogus"
PYTHON = Path(__file__).resolve().parents[2] / "python"
TASK_FOLDERS = ("tasks", "standalone", "stack")


class TextDirective(SphinxDirective):
    """A directive that writes reStructuredText and parses it in place."""

    def text(self) -> Iterator[str]:
        """Yield the lines to parse."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Parse the lines; what the code does not have is an error of the page."""
        try:
            text = "\n".join(self.text())
        except (ImportError, LookupError, ValueError) as error:
            raise self.error(str(error)) from error
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def heading(title: str, underline: str) -> Iterator[str]:
    """Yield a section title."""
    yield from ("", title, underline * len(title), "")


def table(header: Iterable[str], widths: str, rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield a list table."""
    yield from ("", ".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "   :width: 100%", "")
    for row in (tuple(header), *rows):
        for n, cell in enumerate(row):
            text = " ".join(str(cell).split()) or "–"
            yield f"   {'*' if n == 0 else ' '} - {text}"
    yield ""


def literal(value: object) -> str:
    """Return a value as an inline literal."""
    return f"``{value}``"


def find_task(name: str) -> tuple[str, ast.ClassDef]:
    """Find the module that defines a task, and the definition."""
    for folder in TASK_FOLDERS:
        for path in sorted((PYTHON / Path(*PACKAGE.split(".")) / folder).rglob("*.py")):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef) and node.name == name:
                    return ".".join(path.relative_to(PYTHON).with_suffix("").parts), node
    raise LookupError(f"No class {name} in {', '.join(TASK_FOLDERS)}.")


class PipelineTaskDirective(TextDirective):
    """Reference of one task."""

    required_arguments = 1

    def text(self) -> Iterator[str]:
        """Yield the class, its connections and its configuration."""
        (name,) = self.arguments
        module_name, node = find_task(name)
        yield from (f".. py:currentmodule:: {module_name}", "")
        try:
            task = getattr(importlib.import_module(module_name), name)
        except ImportError as error:
            yield f"{literal(f'{module_name}.{name}')}: {(ast.get_docstring(node) or '').splitlines()[0]}"
            yield from ("", f"The tables of this class need ``lsst_distrib`` (here: {error}).", "")
            return
        yield from (f".. autoclass:: {module_name}.{name}", "   :show-inheritance:", "   :members: run", "")
        yield from self.connections(task.ConfigClass)
        yield from self.fields(task.ConfigClass)

    def connections(self, config: type) -> Iterator[str]:
        """Yield a table of what the task reads and writes."""
        connections = config.ConnectionsClass
        kinds = {
            "inputs": "input",
            "prerequisiteInputs": "prerequisite",
            "initInputs": "init input",
            "outputs": "output",
            "initOutputs": "init output",
        }
        rows = []
        for attribute, kind in kinds.items():
            for name in sorted(getattr(connections, attribute)):
                connection = connections.allConnections[name]
                dimensions = ", ".join(getattr(connection, "dimensions", ())) or "nothing"
                dataset = literal(connection.name.format(**connections.defaultTemplates))
                kept = f"{dataset} ({connection.storageClass}) by {dimensions}"
                rows.append((literal(name), kind, kept, connection.doc))
        yield from heading("Connections", "-")
        yield from table(("Connection", "Kind", "Dataset", "What it is"), "20 10 35 35", rows)

    def fields(self, config: type) -> Iterator[str]:
        """Yield a table of the configuration fields."""
        values = config().toDict()
        ignored = ("connections", "saveLogOutput")
        rows = []
        for name, field in config._fields.items():
            if name not in ignored:
                value = values[name]
                default = "(subtask)" if isinstance(value, dict) and "name" in value else literal(repr(value))
                rows.append((literal(name), default, field.doc))
        if rows:
            yield from heading("Configuration", "-")
            yield from table(("Field", "Default", "What it does"), "24 16 60", rows)


class ClickCommandDirective(TextDirective):
    """Reference of one subcommand."""

    required_arguments = 1

    def text(self) -> Iterator[str]:
        """Yield the usage, the help and the options."""
        (name,) = self.arguments
        group = importlib.import_module(f"{PACKAGE}.scripts").main
        command = group.get_command(click.Context(group), name)
        if command is None:
            raise LookupError(f"transient-bogus has no subcommand {name}.")
        context = click.Context(command, info_name=f"transient-bogus {name}")
        usage = " ".join(command.get_usage(context).removeprefix("Usage: ").split())
        yield from (".. code-block:: text", "", f"   {usage}", "", inspect.cleandoc(command.help or ""), "")
        rows = []
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                info = parameter.to_info_dict()
                default = "required" if parameter.required else info["default"]
                unset = default in (None, (), False, "") or "Sentinel" in str(default)
                shown = "" if unset else literal(default)
                rows.append((", ".join(map(literal, parameter.opts)), shown, parameter.help or ""))
        if rows:
            yield from table(("Option", "Default", "What it does"), "24 16 60", rows)


class DatasetTablesDirective(TextDirective):
    """Reference of all tables."""

    def text(self) -> Iterator[str]:
        """Yield a section for each declared table."""
        for schema in importlib.import_module(f"{PACKAGE}.columns").ALL_SCHEMAS:
            yield from (f".. _dataset-{schema.dataset_type.replace('_', '-')}:", "")
            yield from heading(literal(schema.dataset_type), "=")
            yield from (
                schema.doc,
                "",
                f"Dimensions: {', '.join(map(literal, schema.dimensions)) or 'none'}.",
                "",
            )
            rows = (
                (
                    literal(column.name),
                    literal(
                        f"{column.dtype} ({', '.join(map(str, column.shape))})"
                        if column.shape
                        else column.dtype
                    ),
                    column.unit or "",
                    f"{column.doc}{' Optional.' if getattr(column, 'optional', False) else ''}",
                )
                for column in schema.columns
            )
            yield from table(("Column", "Type", "Unit", "What it is"), "28 18 10 44", rows)


class ModuleApiDirective(TextDirective):
    """Reference of the library modules; tasks and scripts have pages of their own."""

    def text(self) -> Iterator[str]:
        """Yield a section for each public module."""
        package = importlib.import_module(PACKAGE)
        for info in sorted(pkgutil.walk_packages(package.__path__, f"{PACKAGE}."), key=lambda i: i.name):
            parts = info.name.removeprefix(f"{PACKAGE}.").split(".")
            private = any(part.startswith("_") for part in parts)
            if not private and parts[0] not in (*TASK_FOLDERS, "scripts", "data"):
                yield from heading(literal(".".join(parts)), "=")
                yield from (f".. automodule:: {info.name}", "   :members:", "   :show-inheritance:", "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    if not PYTHON.is_dir():
        raise ExtensionError(f"No source tree in {PYTHON}.")
    app.add_directive("pipeline-task", PipelineTaskDirective)
    app.add_directive("click-command", ClickCommandDirective)
    app.add_directive("dataset-tables", DatasetTablesDirective)
    app.add_directive("module-api", ModuleApiDirective)
    # Pages depend on code that Sphinx does not track, so each build reads all of them.
    app.connect("env-get-outdated", lambda app, env, added, changed, removed: sorted(env.found_docs))  # noqa: ARG005
    return {"parallel_read_safe": True, "parallel_write_safe": True}
