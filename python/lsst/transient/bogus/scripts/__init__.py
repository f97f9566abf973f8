# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``transient-bogus``: every script of the package as a subcommand."""

from __future__ import annotations

__all__ = ("main",)

import importlib
import logging
from typing import Any, cast, override

import click

_COMMANDS = {
    "demo": "Run the whole loop on a simulated survey or on a folder of frames.",
    "describe-model": "Say what a stored model is and where it comes from.",
    "export-model-package": "Write a model package that the stack's RBTransiNetTask runs.",
    "import-model": "Copy a trained model into another repository or to another instrument.",
    "ingest-frames": "Make a folder of calibrated FITS frames into visits of a repository.",
    "ingest-injection-catalog": "Write injection catalogues as the stock VisitInjectTask wants them.",
    "ingest-model-package": "Put a model package into a repository of the science stack.",
    "inspect-transients": "Write a page to look at everything in a collection.",
    "list-candidates": "List the confirmed candidates of a collection.",
    "report": "Write metrics.json and index.html for a collection.",
    "simulate-survey": "Simulate a survey into a repository.",
    "tune": "Search for settings of the training that suit a survey better.",
}
"""Subcommands and what they do: the modules behind them are imported when they run."""


def _mistakes() -> tuple[type[Exception], ...]:
    """Return what a wrong path or a foreign repository raises: a message says enough of it."""
    # Imported only once something has gone wrong.
    from lsst.daf.butler.registry.interfaces import IncompatibleVersionError

    from ..errors import InputDataError

    return InputDataError, IncompatibleVersionError, FileNotFoundError, NotADirectoryError, PermissionError


class _LazyGroup(click.Group):
    """A group that imports a subcommand's module only when it is used."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = cmd_name.replace("-", "_")
        return cast(click.Command, getattr(importlib.import_module(f"{__name__}.{module}"), module))

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except _mistakes() as error:
            raise click.ClickException(str(error)) from error

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lsst-transient-bogus")
def main() -> None:
    """Tell astrophysical transients from bogus detections, without labels."""
    # The butler warns of each package that is missing, though nobody asked for a table of that kind.
    logging.getLogger("lsst.daf.butler._storage_class").setLevel(logging.ERROR)
