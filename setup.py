# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the product's data folders into the wheel; all else is declared in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

DATA_FOLDERS = ("pipelines", "config", "bps")
"""Folders that stay at the top level, as in every EUPS product."""


class BuildWithData(build_py):
    """Copy the data folders to ``lsst/transient/bogus/data``, where `paths.package_dir` looks."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        data = Path(self.build_lib, "lsst", "transient", "bogus", "data")
        # A folder left by an earlier build would keep files deleted since.
        shutil.rmtree(data, ignore_errors=True)
        for name in DATA_FOLDERS:
            if Path(name).is_dir():
                shutil.copytree(name, data / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


setup(cmdclass={"build_py": BuildWithData})
