# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the frames of a header map are interpreted and processed."""

from __future__ import annotations

__all__ = ("FrameSettings", "hint", "read_settings")

import dataclasses
import difflib
import fnmatch
from collections.abc import Mapping
from typing import Any

from ...errors import InputDataError


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


def read_settings(content: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Read the settings of a header map.

    Parameters
    ----------
    content
        What the file holds beside quantities.
    problems
        List to which everything that is wrong is added.

    Returns
    -------
    settings : `dict` [`str`, `object`]
        Fields of `FrameSettings` that the file holds.
    """
    settings: dict[str, Any] = {}
    known = [field.name for field in dataclasses.fields(FrameSettings)]
    for key, value in content.items():
        if key not in known:
            problems.append(f"unknown key {key!r}{hint(key, known)}")
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


def hint(word: Any, known: tuple[str, ...] | list[str]) -> str:
    """Return what may have been meant by an unknown word.

    Parameters
    ----------
    word
        The unknown word.
    known
        The known ones.

    Returns
    -------
    hint : `str`
        The most similar one, or all of them.
    """
    close = difflib.get_close_matches(str(word), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
