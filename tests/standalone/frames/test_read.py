# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of reading one frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from lsst.images import Box, DetectorFrame, SkyProjection
from lsst.transient.bogus.paths import package_dir
from lsst.transient.bogus.standalone.frames.fits_image import read_header, read_pixels
from lsst.transient.bogus.standalone.frames.header_map import HeaderMap, read_header_map
from lsst.transient.bogus.standalone.frames.projection import read_wcs
from lsst.transient.bogus.standalone.frames.read import read_frame

type WriteFrame = Callable[..., Path]

CONFIG = package_dir() / "config" / "frames"

# Distortion terms of a real DECam exposure, with the reference pixel moved near the array.
TPV = {
    "CTYPE1": "RA---TPV",
    "CTYPE2": "DEC--TPV",
    "CRVAL1": 316.8366457274,
    "CRVAL2": -65.96615744051,
    "CRPIX1": -581.2001,
    "CRPIX2": -6954.667,
    "CD1_1": -4.277769182710e-07,
    "CD1_2": 7.288176943228e-05,
    "CD2_1": -7.285243193483e-05,
    "CD2_2": -4.178363776447e-07,
    "PV1_0": -2.198081907137e-03,
    "PV1_1": 1.009654718498,
    "PV1_2": -3.758489887115e-04,
    "PV1_4": -7.676233406907e-03,
    "PV1_5": 8.225149965240e-04,
    "PV1_6": -1.572234021545e-03,
    "PV1_7": 1.267021888194e-03,
    "PV2_0": 2.608600302784e-04,
    "PV2_1": 1.006207625861,
    "PV2_2": -2.900464115462e-04,
    "PV2_4": -1.053301680900e-03,
    "PV2_5": -2.504274501569e-03,
    "PV2_7": -6.291070578135e-03,
}


def own_map(tmp_path: Path, text: str = "") -> HeaderMap:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    return read_header_map(path)


def test_everything_is_read(write_frame: WriteFrame, tmp_path: Path) -> None:
    frame, problems = read_frame(write_frame("a.fits"), own_map(tmp_path))
    assert problems == []
    assert frame is not None
    assert (frame.physical_filter, frame.band, frame.detector, frame.target) == ("r", "r", 0, "field")
    assert (frame.exposure_time, frame.zero_point, frame.gain, frame.read_noise) == (60.0, 27.0, 2.0, 5.0)
    assert (frame.saturation, frame.sky_level, frame.fwhm) == (50000.0, 0.0, 3.5)
    assert frame.pixel_scale == pytest.approx(0.36, rel=1e-4)
    # UTC to TAI in 2013.
    assert (frame.mjd_begin - 56500.9) * 86400 == pytest.approx(35.0, abs=1e-3)
    # 56500 is 27 July 2013; 0.9 d is 9.6 h after noon.
    assert frame.day_obs == 20130727
    assert frame.visit == 20130727_00000 + 34560 + 35


def test_compressed_frames_hold_the_same(write_frame: WriteFrame, tmp_path: Path) -> None:
    plain, _ = read_frame(write_frame("a.fits"), own_map(tmp_path))
    packed, _ = read_frame(write_frame("b.fits.fz"), own_map(tmp_path))
    assert plain is not None
    assert packed is not None
    assert plain.pixel_hash == packed.pixel_hash
    assert plain.visit == packed.visit


@pytest.mark.parametrize(
    ("text", "longitude", "expected"),
    [("begin", 0.0, 0.0), ("middle", 0.0, -30.0), ("end", 0.0, -60.0)],
)
def test_time_reference(
    write_frame: WriteFrame, tmp_path: Path, text: str, longitude: float, expected: float
) -> None:
    frame, _ = read_frame(write_frame("a.fits"), own_map(tmp_path, f"time_reference: {text}\n"))
    assert frame is not None
    assert (frame.mjd_begin - 56500.9) * 86400 - 35.0 == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("mjd", "longitude", "night"), [(56501.1, 0.0, 20130727), (56501.1, 150.0, 20130728)]
)
def test_night_begins_at_local_noon(
    write_frame: WriteFrame, tmp_path: Path, mjd: float, longitude: int, night: int
) -> None:
    frame, _ = read_frame(write_frame("a.fits", mjd=mjd), own_map(tmp_path, f"longitude: {longitude}\n"))
    assert frame is not None
    assert frame.day_obs == night
    assert frame.visit // 100_000 == night


def test_zero_point_per_second_and_seeing_in_arcsec(write_frame: WriteFrame, tmp_path: Path) -> None:
    rules = own_map(tmp_path, "zero_point_per_second: true\nfwhm_unit: arcsec\n")
    frame, problems = read_frame(write_frame("a.fits", EXPTIME=100.0, FWHM=0.72), rules)
    assert problems == []
    assert frame is not None
    assert frame.zero_point == pytest.approx(32.0)
    assert frame.fwhm == pytest.approx(2.0, rel=1e-3)


def test_keywords_of_the_primary_header_count(
    frame_folder: Path, tmp_path: Path, write_frame: WriteFrame
) -> None:
    path = write_frame("a.fits.fz", GAIN=None)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["GAIN"] = 3.0
    frame, _ = read_frame(path, own_map(tmp_path))
    assert frame is not None
    assert frame.gain == 3.0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"CTYPE1": None, "CTYPE2": None}, "has no WCS"),
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}, "WCS is GLON-TAN"),
        ({"RADESYS": "FK4", "EQUINOX": 1950.0}, "FK4, equinox 1950"),
        ({"CD1_1": 0.0, "CD2_2": 0.0}, "WCS cannot be used"),
        ({"EXPTIME": 0.0}, "exposure_time: 0 s is not between"),
        ({"EXPTIME": None}, "exposure_time: no keyword EXPTIME"),
        ({"GAIN": -1.0}, "gain: -1 e/unit is not between"),
        ({"MAGZERO": 99.0}, "zero_point: 99 mag is not between 0 and 50"),
        ({"RDNOISE": "x"}, "read_noise: 'x' is not a number"),
        ({"FILTER": "Halpha"}, "physical_filter: filter 'Halpha' is in no band"),
        ({"FILTER": None}, "physical_filter: no keyword"),
        ({"MJD__OBS": None}, "time: no keyword"),
        ({"MJD__OBS": 0.0}, "is not between the years"),
        ({"FWHM": -1.0}, "fwhm: -1 pixel"),
        ({"CCDNUM": 300}, "detector: '300' is not a number from 0 to 255"),
    ],
)
def test_header_that_is_wrong(
    write_frame: WriteFrame, tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    frame, problems = read_frame(write_frame("a.fits", **changes), own_map(tmp_path))
    assert frame is None
    assert len(problems) == 1
    assert problem in problems[0]


@pytest.mark.parametrize(
    ("pixels", "problem"),
    [
        (np.full((64, 64), np.nan, dtype=np.float32), "has no usable pixel"),
        (np.zeros((64, 64), dtype=np.float32), "all pixels are 0.0"),
        (np.arange(200.0).reshape(10, 20), "too small: 20×10"),
        (np.zeros((3, 64, 64), dtype=np.float32), "no image of two dimensions"),
    ],
)
def test_pixels_that_are_wrong(
    write_frame: WriteFrame, tmp_path: Path, pixels: np.ndarray, problem: str
) -> None:
    _, problems = read_frame(write_frame("a.fits", pixels=pixels), own_map(tmp_path))
    assert len(problems) == 1
    assert problem in problems[0]


def test_all_problems_of_a_frame_are_reported(write_frame: WriteFrame, tmp_path: Path) -> None:
    path = write_frame("a.fits", EXPTIME=0.0, GAIN=None, CTYPE1=None, CTYPE2=None)
    _, problems = read_frame(path, own_map(tmp_path))
    assert [problem.split(":")[0].split()[0] for problem in problems] == ["has", "exposure_time", "gain"]


@pytest.mark.parametrize("name", ["a.fits", "a.fits.fz"])
def test_truncated_file(write_frame: WriteFrame, tmp_path: Path, name: str) -> None:
    path = write_frame(name)
    content = path.read_bytes()
    path.write_bytes(content[: int(0.6 * len(content))])
    _, problems = read_frame(path, own_map(tmp_path))
    assert len(problems) == 1
    assert "cannot be read completely" in problems[0]


@pytest.mark.parametrize("content", [b"", b"not FITS at all", b"SIMPLE  =                    T"])
def test_file_that_is_not_fits(frame_folder: Path, tmp_path: Path, content: bytes) -> None:
    path = frame_folder / "a.fits"
    path.write_bytes(content)
    _, problems = read_frame(path, own_map(tmp_path))
    assert len(problems) == 1
    assert "cannot be read completely" in problems[0]


def test_named_hdu(write_frame: WriteFrame, tmp_path: Path) -> None:
    path = write_frame("a.fits")
    _, problems = read_frame(path, own_map(tmp_path, "hdu: SCI\n"))
    assert problems == ["has no HDU 'SCI'"]
    assert read_pixels(path, 0)[0].shape == (128, 128)


def test_tpv_projection_is_stored_exactly(write_frame: WriteFrame) -> None:
    path = write_frame("a.fits", **TPV)
    wcs = read_wcs(read_header(path, None), (128, 128))
    x, y = np.array([0.0, 127.0, 40.0]), np.array([0.0, 20.0, 127.0])
    frame = DetectorFrame(instrument="Frames", visit=1, detector=0, bbox=Box.from_shape((128, 128)))
    sky = SkyProjection.from_fits_wcs(wcs, frame).pixel_to_sky(x=x, y=y)
    back_x, back_y = wcs.all_world2pix(sky.ra.deg, sky.dec.deg, 0)
    assert np.abs(np.concatenate([back_x - x, back_y - y])).max() < 0.01


@pytest.mark.parametrize(
    "path", sorted((package_dir() / "config" / "frames").glob("*.yaml")), ids=lambda p: p.stem
)
def test_maps_say_what_they_need(write_frame: WriteFrame, path: Path) -> None:
    """A frame with an empty header is refused by name of each quantity, not by an exception."""
    bare = dict.fromkeys(("EXPTIME", "FILTER", "MAGZERO", "GAIN", "RDNOISE", "SATURATE", "MJD__OBS"))
    _, problems = read_frame(write_frame("a.fits", **bare), read_header_map(path))
    assert {"time", "exposure_time", "physical_filter", "gain"} <= {p.split(":")[0] for p in problems}
