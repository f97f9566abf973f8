# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading of one frame: what its header says, and what is wrong with it."""

from __future__ import annotations

__all__ = ("Frame", "read_frame")

import dataclasses
import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.time import Time, TimeDelta

from ...errors import InputDataError
from ..registration import day_obs_of, detector_corners
from .fits_image import read_pixels
from .header_map import HeaderMap
from .projection import pixel_scale, read_wcs
from .quantity import Quantity

_LIMITS = {
    "exposure_time": (0.0, 1e6, "s"),
    "zero_point": (0.0, 50.0, "mag"),
    "gain": (0.0, 1e6, "e/unit"),
    "read_noise": (-1e-9, 1e4, "e"),
    "saturation": (0.0, np.inf, "units"),
    "sky_level": (-1e-9, np.inf, "units"),
    "fwhm": (0.3, 100.0, "pixel"),
}
"""Exclusive limits of the numbers, and their unit."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """One frame, all but its pixels.

    Parameters
    ----------
    path
        The file.
    visit
        Visit number: observing day and second of that day, YYYYMMDDSSSSS.
    day_obs
        Observing day, YYYYMMDD.
    detector
        Detector number.
    physical_filter
        Filter.
    band
        Band.
    mjd_begin
        TAI MJD at which the exposure began.
    exposure_time
        Exposure time in seconds.
    zero_point
        AB magnitude of one unit of the image.
    gain
        Electrons for one unit of the image.
    read_noise
        Read noise in electrons.
    saturation
        Pixel value from which on a pixel is saturated.
    sky_level
        Sky that was subtracted from the frame.
    fwhm
        Full width at half maximum in pixels; NaN if the header has none.
    target
        Name of the field.
    shape
        Rows and columns.
    pixel_scale
        Arcseconds per pixel.
    corners
        Right ascension and declination of the corners, degrees.
    pixel_hash
        Digest of the pixels.
    """

    path: Path
    visit: int
    day_obs: int
    detector: int
    physical_filter: str
    band: str
    mjd_begin: float
    exposure_time: float
    zero_point: float
    gain: float
    read_noise: float
    saturation: float
    sky_level: float
    fwhm: float
    target: str
    shape: tuple[int, int]
    pixel_scale: float
    corners: tuple[tuple[float, float], ...]
    pixel_hash: str

    @property
    def where(self) -> str:
        """Data ID for messages."""
        return f"visit {self.visit}, detector {self.detector}"


def read_frame(path: Path, header_map: HeaderMap) -> tuple[Frame | None, list[str]]:
    """Read one frame and find everything that is wrong with it.

    Parameters
    ----------
    path
        The file.
    header_map
        How to read it.

    Returns
    -------
    frame : `Frame` or `None`
        The frame; `None` if there is a problem.
    problems : `list` [`str`]
        What is missing or wrong.
    """
    settings = header_map.settings
    try:
        pixels, header = read_pixels(path, settings.hdu)
    except InputDataError as error:
        return None, [str(error)]
    problems = _check_pixels(pixels, settings.no_data_value)
    corners: tuple[tuple[float, float], ...] = ()
    scale = np.nan
    try:
        wcs = read_wcs(header, pixels.shape)
        corners, scale = detector_corners(wcs, pixels.shape), pixel_scale(wcs, pixels.shape)
        if not np.all(np.isfinite(corners)) or not 1e-3 < scale < 120.0:
            problems.append(f"WCS is not usable: {scale:.3g} arcsec per pixel")
    except InputDataError as error:
        problems.append(str(error))
    reader = _Reader(header, path.name, header_map, problems)
    values = reader.values(scale)
    if problems:
        return None, problems
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()[:32]
    frame = Frame(
        path=path, shape=pixels.shape, pixel_scale=scale, corners=corners, pixel_hash=digest, **values
    )
    return frame, []


def _check_pixels(pixels: np.ndarray, no_data_value: float | None) -> list[str]:
    usable = np.isfinite(pixels)
    if no_data_value is not None:
        usable &= pixels != no_data_value
    if not usable.any():
        return ["has no usable pixel: all are NaN or 'no data'"]
    values = pixels[usable]
    if values.min() == values.max():
        return [f"has no image: all pixels are {values.flat[0]}"]
    if min(pixels.shape) < 32:
        return [f"is too small: {pixels.shape[1]}×{pixels.shape[0]} pixels; the least is 32×32"]
    return []


@dataclasses.dataclass
class _Reader:
    """Reads the quantities of one frame and collects what is wrong."""

    header: fits.Header
    name: str
    header_map: HeaderMap
    problems: list[str]

    def __post_init__(self) -> None:
        self.quantities: dict[str, Quantity] = self.header_map.for_file(self.name)

    def number(self, name: str) -> float:
        """Return a number within its limits; NaN and a problem otherwise."""
        try:
            value = self.quantities[name].number(self.header, self.name)
        except InputDataError as error:
            self.problems.append(f"{name}: {error}")
            return np.nan
        low, high, unit = _LIMITS[name]
        if not low < value < high:
            self.problems.append(f"{name}: {value:g} {unit} is not between {max(low, 0):g} and {high:g}")
        return value

    def text(self, name: str) -> str:
        """Return a text; empty, and a problem, if there is none."""
        try:
            return self.quantities[name].text(self.header, self.name)
        except InputDataError as error:
            self.problems.append(f"{name}: {error}")
            return ""

    def values(self, pixel_scale: float) -> dict[str, Any]:
        """Return everything of a `Frame` that the header tells."""
        settings = self.header_map.settings
        values: dict[str, Any] = {
            name: self.number(name)
            for name in ("exposure_time", "zero_point", "gain", "read_noise", "saturation", "sky_level")
        }
        if settings.zero_point_per_second and values["exposure_time"] > 0:
            values["zero_point"] += 2.5 * np.log10(values["exposure_time"])
        values["fwhm"] = self._fwhm(pixel_scale)
        values["target"] = self.quantities["target"].text(self.header, self.name) or "field"
        values["detector"] = self._detector()
        values |= self._time(values["exposure_time"])
        values["physical_filter"] = self.text("physical_filter")
        if values["physical_filter"]:
            try:
                values["band"] = settings.band(values["physical_filter"])
            except InputDataError as error:
                self.problems.append(f"physical_filter: {error}")
        return values

    def _fwhm(self, pixel_scale: float) -> float:
        """Return the FWHM in pixels; NaN if the header has none."""
        try:
            value = self.quantities["fwhm"].number(self.header, self.name)
        except InputDataError:
            value = np.nan
        if self.header_map.settings.fwhm_unit == "arcsec":
            value /= pixel_scale
        if np.isnan(value):
            if self.header_map.settings.psf == "header":
                self.problems.append("fwhm: is missing and 'psf: header' needs it")
            return np.nan
        low, high, unit = _LIMITS["fwhm"]
        if not low < value < high:
            self.problems.append(f"fwhm: {value:g} {unit} is not between {low:g} and {high:g}")
        return value

    def _detector(self) -> int:
        text = self.text("detector")
        try:
            detector = int(text)
        except ValueError:
            detector = -1
        if not 0 <= detector < 256:
            self.problems.append(f"detector: {text!r} is not a number from 0 to 255")
        return detector

    def _time(self, exposure_time: float) -> dict[str, Any]:
        settings = self.header_map.settings
        try:
            with warnings.catch_warnings():
                # The years of which astropy is unsure are refused below.
                warnings.filterwarnings("ignore", message=".*dubious year.*")
                time = self.quantities["time"].time(self.header, self.name, scale=settings.time_scale).tai
        except InputDataError as error:
            self.problems.append(f"time: {error}")
            return {}
        if not 1950.0 < time.jyear < 2100.0:
            self.problems.append(f"time: {time.isot} is not between the years 1950 and 2100")
            return {}
        if not exposure_time > 0:
            return {}
        since_begin = {"begin": 0.0, "middle": 0.5, "end": 1.0}[settings.time_reference]
        begin = time - TimeDelta(since_begin * exposure_time, format="sec")
        day_obs, visit = _number_of_visit(begin, settings.longitude)
        return {"mjd_begin": float(begin.mjd), "day_obs": day_obs, "visit": visit}


def _number_of_visit(begin: Time, longitude: float) -> tuple[int, int]:
    """Return the observing day and the visit number, which depend on the time alone."""
    # Local mean time: the night, and so the observing day, begins at its noon.
    local = float(begin.mjd) + longitude / 360.0
    second = int(np.floor(np.mod(local - 0.5, 1.0) * 86400.0 + 1e-4))
    day_obs = day_obs_of(local)
    return day_obs, day_obs * 100_000 + min(second, 86399)
