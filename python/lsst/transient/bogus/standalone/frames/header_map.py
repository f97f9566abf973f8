# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The header map: a YAML file that says how to read a set of frames."""

from __future__ import annotations

__all__ = (
    "OPTIONAL",
    "REQUIRED",
    "FrameSettings",
    "HeaderMap",
    "find_header_map",
    "read_header_map",
)

import dataclasses
import difflib
import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ...errors import InputDataError
from ...paths import package_dir
from .quantity import Quantity

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
class FrameSettings:
    """How to interpret and process the frames; each field is a key of the header map.

    Parameters
    ----------
    files
        Shell patterns of the files to read.
    skip
        Shell patterns of files to leave out.
    hdu
        Name or number of the HDU with the image; the first image if `None`.
    time_scale
        Time scale of the time: ``utc``, ``tai``, ``tt`` or ``tdb``.
    time_reference
        What the time is: the ``begin``, ``middle`` or ``end`` of the exposure.
    longitude
        Longitude of the telescope in degrees east: a night begins at its noon.
    zero_point_per_second
        Whether the zero point is for 1 unit per second rather than for 1 unit.
    fwhm_unit
        ``pixel`` or ``arcsec``.
    no_data_value
        Pixel value that stands for "no data", such as 0 at the borders of resampled
        frames; `None` if there is none.  NaN always stands for it.
    saturation_grow
        Pixels by which saturated regions are grown, because charge spills over.
    sky_subtract
        Whether to subtract a smooth sky.
    sky_mesh
        Mesh width of the sky in pixels: small meshes subtract the wings of galaxies,
        large ones leave gradients.
    crowded
        Whether stars overlap everywhere: the sky is then the level below which pixels
        scatter as gain and read noise say, and neighbours are subtracted before stars
        are used for the PSF.
    psf
        ``measured`` from the stars of the frame, falling back to a Gaussian of the
        header's FWHM, or that Gaussian (``header``).
    bands
        Band of each filter: shell pattern to band; the first pattern that matches counts.
    """

    files: tuple[str, ...] = ("*.fits",)
    skip: tuple[str, ...] = ()
    hdu: str | int | None = None
    time_scale: str = "utc"
    time_reference: str = "begin"
    longitude: float = 0.0
    zero_point_per_second: bool = False
    fwhm_unit: str = "pixel"
    no_data_value: float | None = None
    saturation_grow: int = 1
    sky_subtract: bool = True
    sky_mesh: int = 64
    crowded: bool = False
    psf: str = "measured"
    bands: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def band(self, physical_filter: str) -> str:
        """Return the band of a filter.

        Parameters
        ----------
        physical_filter
            Filter as the header names it.

        Returns
        -------
        band : `str`
            The band.

        Raises
        ------
        InputDataError
            Raised if no pattern matches.
        """
        for pattern, band in self.bands.items():
            if fnmatch.fnmatchcase(physical_filter, pattern):
                return band
        raise InputDataError(f"filter {physical_filter!r} is in no band; add it to 'bands' in the header map")


_CHOICES = {
    "time_scale": ("utc", "tai", "tt", "tdb"),
    "time_reference": ("begin", "middle", "end"),
    "fwhm_unit": ("pixel", "arcsec"),
    "psf": ("measured", "header"),
}
_LISTS = ("files", "skip")
_TYPES: dict[str, tuple[type, ...]] = {
    "hdu": (str, int),
    "longitude": (int, float),
    "zero_point_per_second": (bool,),
    "no_data_value": (int, float),
    "saturation_grow": (int,),
    "sky_subtract": (bool,),
    "sky_mesh": (int,),
    "crowded": (bool,),
    "bands": (dict,),
}


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
        settings |= _read_settings(content, problems)
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
            problems.append(f"{where}: unknown quantity {name!r}{_hint(name, REQUIRED + OPTIONAL)}")
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


def _read_settings(content: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    known = [field.name for field in dataclasses.fields(FrameSettings)]
    for key, value in content.items():
        if key not in known:
            problems.append(f"unknown key {key!r}{_hint(key, known)}")
        elif key in _LISTS:
            settings[key] = (value,) if isinstance(value, str) else tuple(value or ())
        elif key in _CHOICES and value not in _CHOICES[key]:
            problems.append(f"{key}: {value!r} is not one of {', '.join(_CHOICES[key])}")
        elif key in _TYPES and value is not None and not isinstance(value, _TYPES[key]):
            problems.append(f"{key}: {value!r} is not of type {_TYPES[key][0].__name__}")
        else:
            settings[key] = value
    if settings.get("sky_mesh", 64) < 8:
        problems.append(f"sky_mesh: {settings['sky_mesh']} pixels are too few; the least is 8")
    if not abs(settings.get("longitude", 0.0)) <= 360.0:
        problems.append(f"longitude: {settings['longitude']} is beyond ±360 degrees")
    return settings


def _hint(word: Any, known: tuple[str, ...] | list[str]) -> str:
    close = difflib.get_close_matches(str(word), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
