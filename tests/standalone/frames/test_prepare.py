# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of making a frame into a visit image."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lsst.images.psfs import GaussianPointSpreadFunction
from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.paths import package_dir
from lsst.transient.bogus.standalone.frames.header_map import read_header_map
from lsst.transient.bogus.standalone.frames.prepare import assemble, measure
from lsst.transient.bogus.standalone.frames.read import Frame, read_frame
from lsst.transient.bogus.standalone.frames.settings import FrameSettings

from .conftest import FWHM, STAR_FLUX, STARS

type WriteFrame = Callable[..., Path]


def read(path: Path, **changes: object) -> tuple[Frame, FrameSettings]:
    header_map = read_header_map(package_dir() / "config" / "frames" / "default.yaml")
    frame, problems = read_frame(path, header_map)
    assert problems == []
    assert frame is not None
    return frame, dataclasses.replace(header_map.settings, **changes)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("psf", ["measured", "header"])
def test_flux_through_the_psf(write_frame: WriteFrame, psf: str) -> None:
    frame, settings = read(write_frame("a.fits"), psf=psf)
    measured = measure(frame, settings)
    image = assemble(frame, measured, settings)
    assert measured.summary["psf_fwhm"] == pytest.approx(FWHM, rel=0.06)
    assert measured.summary["noise_ratio"] == pytest.approx(1.0, abs=0.05)
    assert image.unit == "nJy"
    assert image.obs_info.observing_day == 20130727
    # 27.0 is 4.4 mag below 31.4.
    expected = STAR_FLUX * 10 ** (0.4 * 4.4)
    fluxes = []
    for x, y in STARS:
        stamp = image.psf.compute_stellar_image(x=x, y=y)
        data = image.image[stamp.bbox].array
        fluxes.append(np.sum(data * stamp.array) / np.sum(stamp.array**2))
    assert np.mean(fluxes) == pytest.approx(expected, rel=0.03)


def test_stars_are_where_the_sky_says(write_frame: WriteFrame) -> None:
    frame, settings = read(write_frame("a.fits"), psf="header")
    image = assemble(frame, measure(frame, settings), settings)
    # The reference pixel (64, 60) of FITS is (63, 59) here.
    sky = image.sky_projection.pixel_to_sky(x=63.0, y=59.0)
    assert sky.ra.deg == pytest.approx(150.0, abs=1e-9)
    assert sky.dec.deg == pytest.approx(2.0, abs=1e-9)


def test_header_psf_is_a_gaussian(write_frame: WriteFrame) -> None:
    frame, settings = read(write_frame("a.fits"), psf="header")
    psf = measure(frame, settings).psf
    assert isinstance(psf, GaussianPointSpreadFunction)
    assert psf.sigma == pytest.approx(FWHM / 2.3548, rel=1e-3)


def test_neither_stars_nor_seeing(write_frame: WriteFrame) -> None:
    pixels = np.random.default_rng(1).normal(100.0, 5.0, (96, 96)).astype(np.float32)
    frame, settings = read(write_frame("a.fits", pixels=pixels, FWHM=None))
    with pytest.raises(InputDataError, match=r"psf: cannot be measured .* and the header has no FWHM"):
        measure(frame, settings)
