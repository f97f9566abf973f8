# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the pipelines, configs and submit files of this package are.

Pipelines refer to each other as ``$TRANSIENT_BOGUS_DIR/pipelines/…``.  EUPS sets that
variable in the stack; in a pip installation these functions find its value, and
``python -m lsst.transient.bogus.paths`` prints it for a shell to export.
"""

from __future__ import annotations

__all__ = ("PACKAGE_DIR_VARIABLE", "ensure_package_dir_env", "package_dir")

import os
import sys
from pathlib import Path

PACKAGE_DIR_VARIABLE = "TRANSIENT_BOGUS_DIR"
"""Environment variable that holds the root of the product."""


def package_dir() -> Path:
    """Find the folder that holds ``pipelines/``, ``config/`` and ``bps/``.

    Returns
    -------
    path : `pathlib.Path`
        The value of ``TRANSIENT_BOGUS_DIR`` if it is set; else the root of the
        source tree this module lies in; else the data folder of the wheel.

    Raises
    ------
    FileNotFoundError
        Raised if that folder has no ``pipelines/``.
    """
    package = Path(__file__).resolve().parent
    if value := os.environ.get(PACKAGE_DIR_VARIABLE):
        root, origin = Path(value), f"named by ${PACKAGE_DIR_VARIABLE}"
    elif (checkout := package.parents[3]).joinpath("pyproject.toml").is_file():
        root, origin = checkout, "the source tree"
    else:
        root, origin = package / "data", "the installed package"
    if not root.joinpath("pipelines").is_dir():
        raise FileNotFoundError(f"No folder 'pipelines' in {root} ({origin}).")
    return root


def ensure_package_dir_env() -> Path:
    """Set ``TRANSIENT_BOGUS_DIR`` for this process and its children, unless it is set.

    Returns
    -------
    path : `pathlib.Path`
        The value of the variable.

    Raises
    ------
    FileNotFoundError
        Raised if no folder with pipelines is found.
    """
    root = package_dir()
    os.environ.setdefault(PACKAGE_DIR_VARIABLE, str(root))
    return root


if __name__ == "__main__":
    sys.stdout.write(f"{package_dir()}\n")
