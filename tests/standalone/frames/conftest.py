# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: small frames of stars of known flux, written as FITS files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

type WriteFrame = Callable[..., Path]

SIZE = 128
SKY = 400.0
GAIN = 2.0
READ_NOISE = 5.0
FWHM = 3.5
SIGMA = FWHM / 2.3548
STAR_FLUX = 20000.0
STARS = [(24.3, 30.6), (90.2, 25.7), (60.4, 62.1), (30.8, 95.5), (100.6, 100.2), (64.7, 104.9)]


def star_pixels(
    seed: int, *, shape: tuple[int, int] = (SIZE, SIZE), stars: Sequence[Any] = STARS
) -> np.ndarray:
    """Render Gaussian stars on a sky, with photon and read noise, in units of the frame."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.full(shape, SKY)
    for star_x, star_y in stars:
        profile = np.exp(-((x - star_x) ** 2 + (y - star_y) ** 2) / (2 * SIGMA**2))
        image += STAR_FLUX * profile / (2 * np.pi * SIGMA**2)
    rng = np.random.default_rng(seed)
    electrons = rng.poisson(image * GAIN) + rng.normal(0.0, READ_NOISE, shape)
    return (electrons / GAIN).astype(np.float32)


def header(mjd: float = 56500.9, **changes: Any) -> fits.Header:
    """Make a complete header; a keyword set to None is left out."""
    cards: dict[str, Any] = {
        "MJD-OBS": mjd,
        "EXPTIME": 60.0,
        "FILTER": "r",
        "MAGZERO": 27.0,
        "GAIN": GAIN,
        "RDNOISE": READ_NOISE,
        "SATURATE": 50000.0,
        "FWHM": FWHM,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 150.0,
        "CRVAL2": 2.0,
        "CRPIX1": 64.0,
        "CRPIX2": 60.0,
        "CD1_1": -1e-4,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": 1e-4,
    }
    cards |= {key.replace("__", "-"): value for key, value in changes.items()}
    result = fits.Header()
    for key, value in cards.items():
        if value is not None:
            result[key] = value
    return result


@pytest.fixture
def frame_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    return folder


@pytest.fixture
def write_frame(frame_folder: Path) -> WriteFrame:
    """Write a frame into the folder; a number of the name seeds its noise."""

    def write(
        name: str, *, pixels: np.ndarray | None = None, seed: int = 1, mjd: float = 56500.9, **changes: Any
    ) -> Path:
        path = frame_folder / name
        data = star_pixels(seed) if pixels is None else pixels
        if name.endswith(".fz"):
            image = fits.CompImageHDU(
                data, header(mjd, **changes), compression_type="GZIP_2", quantize_level=0
            )
            fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
        else:
            fits.writeto(path, data, header(mjd, **changes))
        return path

    return write
