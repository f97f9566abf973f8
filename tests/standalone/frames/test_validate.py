# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of reading a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.paths import package_dir
from lsst.transient.bogus.standalone.frames.header_map import read_header_map
from lsst.transient.bogus.standalone.frames.settings import FrameSettings
from lsst.transient.bogus.standalone.frames.validate import Survey, find_files, read_folder

type WriteFrame = Callable[..., Path]


def read_all(folder: Path) -> Survey:
    header_map = read_header_map(package_dir() / "config" / "frames" / "default.yaml")
    return read_folder(find_files(folder, header_map.settings), header_map)


def test_frames_are_in_order_of_time(frame_folder: Path, write_frame: WriteFrame) -> None:
    write_frame("a.fits", mjd=56502.9, seed=1)
    write_frame("b.fits", mjd=56500.9, seed=2)
    survey = read_all(frame_folder)
    assert survey.problems == ()
    assert [frame.path.name for frame in survey.frames] == ["b.fits", "a.fits"]


def test_same_pixels_and_same_second(frame_folder: Path, write_frame: WriteFrame) -> None:
    write_frame("a.fits", mjd=56500.9, seed=1)
    write_frame("b.fits", mjd=56501.9, seed=1)
    write_frame("c.fits", mjd=56500.9, seed=3)
    problems = dict(read_all(frame_folder).problems)
    assert problems["b.fits"] == "has the same pixels as a.fits"
    assert (
        "begins in the same second as a.fits on the same detector (2013-07-27T21:36:00" in problems["c.fits"]
    )


def test_one_visit_may_have_several_detectors(frame_folder: Path, write_frame: WriteFrame) -> None:
    write_frame("a.fits", seed=1, CCDNUM=1)
    write_frame("b.fits", seed=2, CCDNUM=2)
    survey = read_all(frame_folder)
    assert survey.problems == ()
    assert len({frame.visit for frame in survey.frames}) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"FILTER": "i"}, "is in filter 'i', but a.fits"),
        ({"EXPTIME": 30.0}, "is exposed for 30 s, but a.fits"),
    ],
)
def test_detectors_of_one_visit_must_agree(
    frame_folder: Path, write_frame: WriteFrame, changes: dict[str, object], problem: str
) -> None:
    write_frame("a.fits", seed=1, CCDNUM=1)
    write_frame("b.fits", seed=2, CCDNUM=2, **changes)
    ((name, found),) = read_all(frame_folder).problems
    assert name == "b.fits"
    assert problem in found


def test_odd_pixel_scale(frame_folder: Path, write_frame: WriteFrame) -> None:
    for number in range(3):
        write_frame(f"{number}.fits", seed=number, mjd=56500.5 + number)
    write_frame("odd.fits", seed=5, mjd=56510.5, CD1_1=-3e-4, CD2_2=3e-4)
    ((name, problem),) = read_all(frame_folder).problems
    assert name == "odd.fits"
    assert "1.080 arcsec per pixel; the frames usually have 0.360" in problem


def test_problems_of_all_files_are_raised_together(frame_folder: Path, write_frame: WriteFrame) -> None:
    write_frame("a.fits", GAIN=None, EXPTIME=0.0)
    write_frame("b.fits", CTYPE1=None, CTYPE2=None)
    write_frame("c.fits")
    with pytest.raises(InputDataError) as raised:
        read_all(frame_folder).raise_problems()
    message = str(raised.value)
    assert message.startswith("2 files cannot be ingested:\n")
    assert message.count("\n  a.fits: ") == 2
    assert "\n  b.fits: has no WCS" in message


def test_files_are_chosen_by_pattern(frame_folder: Path) -> None:
    for name in ("b.fits", "a.fits.fz", "a.txt", "dark.fits"):
        (frame_folder / name).touch()
    settings = FrameSettings(files=("*.fits", "*.fz"), skip=("dark*",))
    assert [path.name for path in find_files(frame_folder, settings)] == ["a.fits.fz", "b.fits"]
    assert [path.name for path in find_files(frame_folder, settings, pattern="b*")] == ["b.fits"]
    assert [path.name for path in find_files(frame_folder, settings, limit=1)] == ["a.fits.fz"]


def test_empty_and_missing_folder(frame_folder: Path) -> None:
    with pytest.raises(InputDataError, match=r"No file in .* is named \*\.fits"):
        find_files(frame_folder, FrameSettings())
    with pytest.raises(InputDataError, match="is not a folder"):
        find_files(frame_folder / "none", FrameSettings())


def test_neither_stars_nor_seeing(frame_folder: Path, write_frame: WriteFrame) -> None:
    pixels = np.random.default_rng(1).normal(100.0, 5.0, (96, 96)).astype(np.float32)
    write_frame("a.fits", pixels=pixels, FWHM=None)
    ((_, problem),) = read_all(frame_folder).problems
    assert problem.startswith("psf: cannot be measured")
