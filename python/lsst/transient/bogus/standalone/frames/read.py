# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading of one frame: its pixels, its projection, and what its header says."""

from __future__ import annotations

__all__ = ("Frame", "read_frame", "read_header", "read_pixels", "read_wcs")

import contextlib
import dataclasses
import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.wcs
import numpy as np
from astropy.io import fits
from astropy.time import Time, TimeDelta
from astropy.utils.exceptions import AstropyUserWarning, AstropyWarning

from lsst.images import Box, DetectorFrame, SkyProjection

from ...errors import InputDataError
from ..registration import day_obs_of, detector_corners
from .header_map import HeaderMap
from .quantity import Quantity

_MAX_WCS_ERROR = 0.01
"""Largest difference between the projection that is stored and the FITS standard, pixels."""

_UNREADABLE = (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, AstropyUserWarning)
"""What FITS readers raise on broken files."""

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


def read_pixels(path: Path, hdu: str | int | None) -> tuple[np.ndarray, fits.Header]:
    """Read the image of a file.

    Parameters
    ----------
    path
        FITS file, plain or compressed.
    hdu
        Name or number of the HDU; the first image if `None`.

    Returns
    -------
    pixels : `numpy.ndarray`
        Pixels in native byte order, shape (H, W).
    header : `astropy.io.fits.Header`
        Header of the image, with what it lacks taken from the primary header.

    Raises
    ------
    InputDataError
        Raised if the file cannot be read completely or has no image.
    """
    with _open_image(path, hdu) as (image, header):
        pixels = image.data
        native = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
    return native, header


def read_header(path: Path, hdu: str | int | None) -> fits.Header:
    """Read the header of a file's image.

    Parameters
    ----------
    path
        FITS file, plain or compressed.
    hdu
        Name or number of the HDU; the first image if `None`.

    Returns
    -------
    header : `astropy.io.fits.Header`
        Header of the image, with what it lacks taken from the primary header.

    Raises
    ------
    InputDataError
        Raised if the file cannot be read or has no image.
    """
    with _open_image(path, hdu) as (_, header):
        return header


@contextlib.contextmanager
def _open_image(path: Path, hdu: str | int | None) -> Iterator[tuple[Any, fits.Header]]:
    """Open the image of a file and its header; all that goes wrong is one error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            # Astropy warns of a truncated file and then goes on.
            warnings.filterwarnings("error", message=".*truncated.*", category=AstropyUserWarning)
            with fits.open(path, memmap=False) as hdus:
                image = _find_image(hdus, hdu)
                header = image.header.copy()
                header.extend(hdus[0].header, unique=True, update=False, strip=True)
                yield image, header
    except InputDataError:
        raise
    except _UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputDataError(f"cannot be read completely: {reason}") from error


def _find_image(hdus: fits.HDUList, wanted: str | int | None) -> Any:
    if wanted is not None:
        try:
            image = hdus[wanted]
        except (KeyError, IndexError) as error:
            raise InputDataError(f"has no HDU {wanted!r}") from error
        if not _is_image(image):
            raise InputDataError(f"HDU {wanted!r} is not an image of two dimensions")
        return image
    images = [image for image in hdus if _is_image(image)]
    if not images:
        raise InputDataError("has no image of two dimensions")
    return images[0]


def _is_image(hdu: Any) -> bool:
    return bool(getattr(hdu, "is_image", False)) and len(hdu.shape) == 2


def read_wcs(header: fits.Header, shape: tuple[int, int]) -> astropy.wcs.WCS:
    """Read the projection of a frame, and check that it can be stored.

    Parameters
    ----------
    header
        Header of the image.
    shape
        Rows and columns of the image.

    Returns
    -------
    wcs : `astropy.wcs.WCS`
        The projection.

    Raises
    ------
    InputDataError
        Raised if there is none, it is not equatorial for equinox 2000, or the
        repository's form of it differs from the FITS standard.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            wcs = astropy.wcs.WCS(header, naxis=2, relax=True)
        if not wcs.has_celestial:
            raise InputDataError("has no WCS")
        _check_sky_system(wcs)
        error = _projection_error(wcs, shape)
    except (ValueError, TypeError, RuntimeError, astropy.wcs.WcsError) as problem:
        if isinstance(problem, InputDataError):
            raise
        raise InputDataError(f"WCS cannot be used: {' '.join(str(problem).split())}") from problem
    if not error < _MAX_WCS_ERROR:
        raise InputDataError(f"WCS cannot be stored: it would change by {error:.3g} pixels")
    return wcs


def _check_sky_system(wcs: astropy.wcs.WCS) -> None:
    axes, system, equinox = wcs.wcs.ctype, wcs.wcs.radesys.strip().upper() or "ICRS", wcs.wcs.equinox
    equatorial = axes[0].startswith("RA--") and axes[1].startswith("DEC-")
    if not (equatorial and system in ("ICRS", "FK5") and (np.isnan(equinox) or equinox == 2000.0)):
        raise InputDataError(
            f"WCS is {axes[0]}, {axes[1]}, {system}, equinox {equinox:g}; "
            "needs RA, DEC in ICRS or FK5 at equinox 2000"
        )


def _projection_error(wcs: astropy.wcs.WCS, shape: tuple[int, int]) -> float:
    """Return by how many pixels the stored projection is off, at worst."""
    box = Box.from_shape(shape)
    frame = DetectorFrame(instrument="Frames", visit=0, detector=0, bbox=box)
    x, y = (
        grid.ravel() for grid in np.meshgrid(np.linspace(0, shape[1] - 1, 5), np.linspace(0, shape[0] - 1, 5))
    )
    sky = SkyProjection.from_fits_wcs(wcs, frame).pixel_to_sky(x=x, y=y)
    ra, dec = wcs.all_pix2world(x, y, 0)
    scale = _pixel_scale(wcs, shape) / 3600.0
    offsets = np.hypot(
        (np.mod(sky.ra.deg - ra + 180.0, 360.0) - 180.0) * np.cos(np.radians(dec)), sky.dec.deg - dec
    )
    return float(np.max(offsets) / scale)


def _pixel_scale(wcs: astropy.wcs.WCS, shape: tuple[int, int]) -> float:
    """Return the arcseconds per pixel in the middle of the frame."""
    x, y = 0.5 * (shape[1] - 1), 0.5 * (shape[0] - 1)
    ra, dec = wcs.all_pix2world([x, x + 1, x], [y, y, y + 1], 0)
    east = (np.mod(ra[1:] - ra[0] + 180.0, 360.0) - 180.0) * np.cos(np.radians(dec[0]))
    north = dec[1:] - dec[0]
    return float(3600.0 * np.sqrt(abs(east[0] * north[1] - east[1] * north[0])))


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
        corners, scale = detector_corners(wcs, pixels.shape), _pixel_scale(wcs, pixels.shape)
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
