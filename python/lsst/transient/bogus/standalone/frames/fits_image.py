# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of a FITS file: its pixels and its header."""

from __future__ import annotations

__all__ = ("read_header", "read_pixels")

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ...errors import InputDataError

_UNREADABLE = (OSError, ValueError, TypeError, KeyError, IndexError, EOFError)
"""What FITS readers raise on broken files."""


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
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with fits.open(path, memmap=False) as hdus:
                image = _find_image(hdus, hdu)
                header = image.header.copy()
                header.extend(hdus[0].header, unique=True, update=False, strip=True)
                yield image, header
        # Astropy warns of a truncated file and then goes on.
        if truncated := [str(warning.message) for warning in caught if "truncated" in str(warning.message)]:
            raise InputDataError(f"cannot be read completely: {truncated[0]}")
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
