# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the command that ingests frames: what it writes, and what it refuses."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner, Result

from lsst.daf.butler import Butler
from lsst.transient.bogus.scripts.ingest_frames import ingest_frames

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="The folder of real images is not beside this checkout."
)


def write_frame(path: Path, *, seed: int = 1, mjd: float = 56500.9, **changes: object) -> None:
    """Write a frame of six stars; a keyword set to None is left out."""
    y, x = np.mgrid[:96, :96]
    image = np.full(x.shape, 300.0)
    for star_x, star_y in ((20, 20), (70, 25), (45, 50), (25, 75), (75, 75), (60, 10)):
        image += 800.0 * np.exp(-((x - star_x) ** 2 + (y - star_y) ** 2) / (2 * 1.5**2))
    pixels = np.random.default_rng(seed).poisson(image).astype(np.float32)
    cards: dict[str, object] = {"MJD-OBS": mjd, "EXPTIME": 60.0, "FILTER": "r", "MAGZERO": 27.0, "GAIN": 1.0}
    cards |= {"RDNOISE": 5.0, "SATURATE": 5e4, "FWHM": 3.5, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
    cards |= {"CRVAL1": 150.0, "CRVAL2": 2.0, "CRPIX1": 48.0, "CRPIX2": 48.0, "CD1_1": -1e-4, "CD2_2": 1e-4}
    header = fits.Header([(key, value) for key, value in (cards | changes).items() if value is not None])
    fits.writeto(path, pixels, header)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "night"
    folder.mkdir()
    return folder


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(ingest_frames, [str(argument) for argument in arguments])
    # A user's mistake ends in a message, never in a traceback.
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_frames_become_visits_once(tmp_path: Path, folder: Path) -> None:
    for number in range(3):
        write_frame(folder / f"{number}.fits", seed=number, mjd=56500.9 + number)
    repo = tmp_path / "repo"
    first = run(repo, folder, "--limit", 2)
    assert first.exit_code == 0
    assert "2 frames written into frames/night, 0 were there; 2 nights, bands r." in first.output
    second = run(repo, folder)
    assert "1 frames written into frames/night, 2 were there; 3 nights, bands r." in second.output
    with Butler.from_config(str(repo)) as butler:
        assert len(butler.query_datasets("visit_image", collections="frames/night")) == 3


def test_everything_wrong_is_listed_and_nothing_written(tmp_path: Path, folder: Path) -> None:
    write_frame(folder / "good.fits")
    write_frame(folder / "wcs.fits", seed=2, mjd=56501.9, CTYPE1=None, CTYPE2=None)
    write_frame(folder / "zero.fits", seed=3, mjd=56502.9, EXPTIME=0.0)
    write_frame(folder / "twice.fits", mjd=56503.9)
    fits.writeto(folder / "nan.fits", np.full((64, 64), np.nan, dtype=np.float32))
    (folder / "cut.fits").write_bytes((folder / "good.fits").read_bytes()[:20000])
    result = run(tmp_path / "repo", folder)
    assert result.exit_code == 1
    assert "5 files cannot be ingested" in result.output
    for line in (
        "wcs.fits: has no WCS",
        "zero.fits: exposure_time: 0 s is not between 0 and",
        "twice.fits: has the same pixels as good.fits",
        "nan.fits: has no usable pixel",
        "cut.fits: cannot be read completely",
    ):
        assert line in result.output
    assert not (tmp_path / "repo").exists()


def test_dry_run_lists_and_writes_nothing(tmp_path: Path, folder: Path) -> None:
    write_frame(folder / "a.fits")
    result = run(tmp_path / "repo", folder, "--dry-run")
    assert result.exit_code == 0
    assert "2013072734595" in result.output
    assert "1 frames would be written into frames/night, 0 are there." in result.output
    assert not (tmp_path / "repo").exists()


def test_own_header_map(tmp_path: Path, folder: Path) -> None:
    write_frame(folder / "a.fits", MAGZERO=None, PHOT=26.0)
    (tmp_path / "map.yaml").write_text("quantities: {zero_point: PHOT}\n")
    refused = run(tmp_path / "repo", folder)
    assert refused.exit_code == 1
    assert "zero_point: no keyword MAGZERO or" in refused.output
    assert run(tmp_path / "repo", folder, "--header-map", tmp_path / "map.yaml", "--dry-run").exit_code == 0
    wrong = run(tmp_path / "repo", folder, "--header-map", tmp_path / "none.yaml")
    assert wrong.exit_code == 1
    assert "Cannot read the header map" in wrong.output


def test_wrong_gain_is_suspected(tmp_path: Path, folder: Path) -> None:
    write_frame(folder / "a.fits", GAIN=10.0)
    result = run(tmp_path / "repo", folder)
    assert result.exit_code == 0
    assert "Warning: the noise of the sky is 3." in result.output


def test_empty_folder(tmp_path: Path, folder: Path) -> None:
    result = run(tmp_path / "repo", folder)
    assert result.exit_code == 1
    assert "No file in" in result.output
    assert not (tmp_path / "repo").exists()


@pytest.mark.parametrize("kind", ["file", "folder", "broken"])
def test_something_that_is_no_repository(tmp_path: Path, folder: Path, kind: str) -> None:
    write_frame(folder / "a.fits")
    repo = tmp_path / "repo"
    if kind == "file":
        repo.write_text("nothing")
    else:
        repo.mkdir()
        (repo / ("notes.txt" if kind == "folder" else "butler.yaml")).write_text("a: [")
    before = sorted(tmp_path.rglob("*"))
    result = run(repo, folder)
    assert result.exit_code == 1
    assert "repository" in result.output
    assert sorted(tmp_path.rglob("*")) == before


def test_repository_of_another_schema_version(tmp_path: Path, folder: Path) -> None:
    write_frame(folder / "a.fits")
    repo = tmp_path / "repo"
    Butler.makeRepo(str(repo))
    with sqlite3.connect(repo / "gen3.sqlite3") as database:
        database.execute("UPDATE butler_attributes SET value = '99.0.0' WHERE name LIKE 'version:%Datasets%'")
    database.close()
    result = run(repo, folder)
    assert result.exit_code == 1
    assert "cannot be opened with this version of the middleware" in result.output
    assert "99.0.0" in result.output


@needs_shared_data
def test_real_frames_with_distortion_and_a_wrong_date(tmp_path: Path) -> None:
    """DECam stamps: TPV projection, and the time of one frame in the header of all."""
    result = run(tmp_path / "repo", SHARED_DATA / "decam_i", "--frames", "dec-obs*a.fits")
    assert result.exit_code == 0
    assert "2 frames written into frames/decam_i, 0 were there; 2 nights, bands i." in result.output
    with Butler.from_config(str(tmp_path / "repo"), collections="frames/decam_i") as butler:
        days = {ref.dataId["visit"] // 100_000 for ref in butler.query_datasets("visit_image")}
        assert days == {20160817, 20180803}


@needs_shared_data
def test_real_compressed_frames_of_a_crowded_field(tmp_path: Path) -> None:
    arguments = (tmp_path / "repo", SHARED_DATA / "saao_kb13475", "--frames", "*I0103*")
    assert run(*arguments).exit_code == 0
    with Butler.from_config(str(tmp_path / "repo"), collections="frames/saao_kb13475") as butler:
        (ref,) = butler.query_datasets("ingested_frame")
        entry = butler.get(ref)
    assert 0.9 < entry["measured"]["noise_ratio"] < 1.1
    assert 3.5 < entry["measured"]["psf_fwhm"] < 5.0
    # MAGZERO is mirrored about 25.
    assert entry["settings"]["zero_point"] == pytest.approx(50.0 - 24.923342257381126)
