# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The header map: a YAML file that says how to read a set of frames."""

from __future__ import annotations

__all__ = (
    "OPTIONAL",
    "REQUIRED",
    "HeaderMap",
    "find_header_map",
    "read_header_map",
)

import dataclasses
import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ...errors import InputDataError
from ...paths import package_dir
from .quantity import Quantity
from .settings import FrameSettings, hint, read_settings

REQUIRED = (
    "time",
    "exposure_time",
    "physical_filter",
    "detector",
    "zero_point",
    "gain",
    "read_noise",
    "saturation",
    "sky_level",
)
"""Quantities that every frame must have."""

OPTIONAL = ("fwhm", "target")
"""Quantities that a frame may have."""


@dataclasses.dataclass(frozen=True)
class HeaderMap:
    """How to read a set of frames.

    Parameters
    ----------
    quantities
        Where each quantity is found.
    settings
        How to interpret and process the frames.
    per_file
        Shell pattern of file names and the quantities that differ for them, in order:
        the last pattern that matches counts.
    origin
        Files that the map was read from.
    """

    quantities: Mapping[str, Quantity]
    settings: FrameSettings
    per_file: tuple[tuple[str, Mapping[str, Quantity]], ...] = ()
    origin: tuple[str, ...] = ()

    def for_file(self, name: str) -> dict[str, Quantity]:
        """Return where the quantities of one file are found.

        Parameters
        ----------
        name
            Name of the file without its folder.

        Returns
        -------
        quantities : `dict` [`str`, `Quantity`]
            Where each quantity is found.
        """
        found = dict(self.quantities)
        for pattern, quantities in self.per_file:
            if fnmatch.fnmatchcase(name, pattern):
                found.update(quantities)
        return found


def find_header_map(folder: Path) -> Path:
    """Return the header map for a folder that none was given for.

    Parameters
    ----------
    folder
        Folder of frames.

    Returns
    -------
    path : `pathlib.Path`
        ``header_map.yaml`` in the folder, or ``config/frames/<name of the folder>.yaml``
        of this package, or its ``config/frames/default.yaml``.
    """
    config = package_dir() / "config" / "frames"
    candidates = (folder / "header_map.yaml", config / f"{folder.resolve().name}.yaml")
    return next((path for path in candidates if path.is_file()), config / "default.yaml")


def read_header_map(path: Path) -> HeaderMap:
    """Read a header map; what it leaves out is taken from the package's default map.

    Parameters
    ----------
    path
        YAML file.

    Returns
    -------
    header_map : `HeaderMap`
        The header map.

    Raises
    ------
    InputDataError
        Raised if the file cannot be read or understood; lists everything that is wrong.
    """
    default = package_dir() / "config" / "frames" / "default.yaml"
    problems: list[str] = []
    quantities: dict[str, Quantity] = {}
    settings: dict[str, Any] = {}
    per_file: list[tuple[str, Mapping[str, Quantity]]] = []
    origin = [default] if path.resolve() == default.resolve() else [default, path]
    for source in origin:
        content = dict(_load(source))
        quantities |= _read_quantities(content.pop("quantities", None) or {}, "quantities", problems)
        for number, entry in enumerate(content.pop("per_file", None) or ()):
            per_file.append(_read_per_file(entry, f"per_file[{number}]", problems))
        bands = settings.get("bands", {})
        settings |= read_settings(content, problems)
        # The user's patterns come first: the first that matches counts.
        own = settings.get("bands") or {}
        settings["bands"] = {**own, **{key: band for key, band in bands.items() if key not in own}}
    problems += [f"quantities: {name} is missing" for name in REQUIRED if name not in quantities]
    if problems:
        raise InputDataError("\n".join(f"{path}: {problem}" for problem in problems))
    return HeaderMap(
        quantities, FrameSettings(**settings), tuple(per_file), tuple(str(source) for source in origin)
    )


def _load(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputDataError(f"Cannot read the header map {path}: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise InputDataError(f"{path}: a header map must be a mapping, not {type(content).__name__}")
    return content


def _read_quantities(content: Any, where: str, problems: list[str]) -> dict[str, Quantity]:
    if not isinstance(content, Mapping):
        problems.append(f"{where}: must be a mapping of quantities")
        return {}
    quantities = {}
    for name, spec in content.items():
        if name not in REQUIRED + OPTIONAL:
            problems.append(f"{where}: unknown quantity {name!r}{hint(name, REQUIRED + OPTIONAL)}")
            continue
        try:
            quantities[name] = Quantity.from_yaml(spec)
        except InputDataError as error:
            problems.append(f"{where}: {name}: {error}")
    return quantities


def _read_per_file(entry: Any, where: str, problems: list[str]) -> tuple[str, Mapping[str, Quantity]]:
    if not isinstance(entry, Mapping) or set(entry) != {"files", "quantities"}:
        problems.append(f"{where}: must have the keys 'files' and 'quantities'")
        return "", {}
    return str(entry["files"]), _read_quantities(entry["quantities"], f"{where}.quantities", problems)
