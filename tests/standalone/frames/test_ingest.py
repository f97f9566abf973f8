# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of writing frames into a repository."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsst.daf.butler import Butler
from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.paths import package_dir
from lsst.transient.bogus.standalone.frames.header_map import HeaderMap, read_header_map
from lsst.transient.bogus.standalone.frames.ingest import ingest, open_existing, unfinished
from lsst.transient.bogus.standalone.frames.read import Frame
from lsst.transient.bogus.standalone.frames.validate import find_files, read_folder
from lsst.transient.bogus.standalone.repository import open_repository

type WriteFrame = Callable[..., Path]

RUN = "frames/test"


@pytest.fixture(scope="module")
def header_map() -> HeaderMap:
    default = read_header_map(package_dir() / "config" / "frames" / "default.yaml")
    # The Gaussian of the header saves the time of measuring PSFs.
    return dataclasses.replace(default, settings=dataclasses.replace(default.settings, psf="header"))


@pytest.fixture
def frames(frame_folder: Path, write_frame: WriteFrame, header_map: HeaderMap) -> tuple[Frame, ...]:
    for number in range(3):
        write_frame(f"{number}.fits", seed=number, mjd=56500.9 + number, MAGZERO=27.0 + 0.1 * number)
    survey = read_folder(find_files(frame_folder, header_map.settings), header_map)
    survey.raise_problems()
    return survey.frames


@pytest.fixture
def butler(tmp_path: Path) -> Iterator[Butler]:
    with open_repository(tmp_path / "repo", create=True) as butler:
        yield butler


def test_visits_images_and_provenance(
    butler: Butler, frames: tuple[Frame, ...], header_map: HeaderMap
) -> None:
    result = ingest(butler, RUN, frames, header_map.settings)
    assert (result.n_written, result.n_skipped) == (3, 0)
    visits = butler.query_dimension_records("visit", instrument="Frames")
    assert sorted(record.id for record in visits) == [frame.visit for frame in frames]
    assert sorted(record.day_obs for record in visits) == [20130727, 20130728, 20130729]
    regions = butler.query_dimension_records("visit_detector_region", instrument="Frames")
    assert len(regions) == 3
    data_id = {"instrument": "Frames", "visit": frames[1].visit, "detector": 0}
    image = butler.get("visit_image", data_id, collections=RUN)
    assert image.band == "r"
    assert image.metadata["file"] == "1.fits"
    provenance = butler.get("ingested_frame", data_id, collections=RUN)
    assert provenance["file"] == "1.fits"
    assert provenance["settings"]["zero_point"] == pytest.approx(27.1)
    assert provenance["measured"]["psf_fwhm"] == pytest.approx(3.5, rel=0.05)


def test_again_is_skipped(butler: Butler, frames: tuple[Frame, ...], header_map: HeaderMap) -> None:
    ingest(butler, RUN, frames[:2], header_map.settings)
    result = ingest(butler, RUN, frames, header_map.settings)
    assert (result.n_written, result.n_skipped) == (1, 2)


def test_interrupted_ingestion_continues(
    butler: Butler, frames: tuple[Frame, ...], header_map: HeaderMap
) -> None:
    def interrupted(items: Iterable[Any], _description: str, _total: int) -> Iterator[Any]:
        for number, item in enumerate(items):
            if number == 1:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        ingest(butler, RUN, frames, header_map.settings, progress=interrupted)
    assert len(butler.query_datasets("visit_image", collections=RUN)) == 1
    assert len(butler.query_datasets("ingested_frame", collections=RUN)) == 1
    assert ingest(butler, RUN, frames, header_map.settings).n_written == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixel_hash": "other"}, r"was made from 1\.fits, with other pixels"),
        ({"zero_point": 28.0}, r"was ingested with zero_point 27\.1 \(now 28\.0\)"),
        ({"visit": 2013072812345}, "was ingested as visit .*, detector 0, now is visit 2013072812345"),
    ],
)
def test_conflicts_are_errors(
    butler: Butler, frames: tuple[Frame, ...], header_map: HeaderMap, change: dict[str, Any], message: str
) -> None:
    ingest(butler, RUN, frames, header_map.settings)
    changed = [frames[0], dataclasses.replace(frames[1], **change)]
    with pytest.raises(InputDataError, match=message):
        unfinished(butler, RUN, changed, header_map.settings)
    # Another RUN takes it, unless the visit itself is another.
    assert len(unfinished(butler, "frames/other", changed, header_map.settings)) == 2


def test_other_settings_are_a_conflict(
    butler: Butler, frames: tuple[Frame, ...], header_map: HeaderMap
) -> None:
    ingest(butler, RUN, frames[:1], header_map.settings)
    settings = dataclasses.replace(header_map.settings, sky_mesh=32)
    with pytest.raises(InputDataError, match=r"sky_mesh 64 \(now 32\)"):
        ingest(butler, RUN, frames, settings)
    assert len(butler.query_datasets("visit_image", collections=RUN)) == 1


def test_visit_registered_otherwise(butler: Butler, frames: tuple[Frame, ...], header_map: HeaderMap) -> None:
    ingest(butler, RUN, frames[:1], header_map.settings)
    longer = dataclasses.replace(frames[0], exposure_time=90.0)
    with pytest.raises(InputDataError, match="contradict what is in the repository"):
        ingest(butler, "frames/other", [longer], header_map.settings)
    assert "frames/other" not in butler.collections.query("*")


def test_existing_repository_is_opened(tmp_path: Path, butler: Butler) -> None:
    assert open_existing(tmp_path / "none") is None
    opened = open_existing(tmp_path / "repo")
    assert opened is not None
    opened.close()
    np.savetxt(tmp_path / "file", [1])
    with pytest.raises(InputDataError, match="is not a Butler repository"):
        open_existing(tmp_path)
