# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of header maps."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.paths import package_dir
from lsst.transient.bogus.standalone.frames.header_map import REQUIRED, find_header_map, read_header_map

CONFIG = package_dir() / "config" / "frames"


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_map_of_the_package_is_complete(path: Path) -> None:
    header_map = read_header_map(path)
    assert set(REQUIRED) <= set(header_map.quantities)
    assert header_map.settings.bands


def test_own_map_replaces_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("quantities: {gain: 4.0}\nsky_mesh: 32\nbands: {'r_*': special}\n")
    own, default = read_header_map(path), read_header_map(CONFIG / "default.yaml")
    assert own.quantities["gain"].value == 4.0
    assert own.quantities["read_noise"] == default.quantities["read_noise"]
    assert own.settings.sky_mesh == 32
    assert own.settings.longitude == default.settings.longitude
    assert own.settings.band("r_2") == "special"
    assert own.settings.band("r2") == "r"


def test_last_matching_file_pattern_counts(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "per_file:\n  - {files: 'a*', quantities: {gain: 1.0}}\n  - {files: 'ab*', quantities: {gain: 2.0}}\n"
    )
    header_map = read_header_map(path)
    gains = [header_map.for_file(name)["gain"].value for name in ("a1.fits", "ab1.fits", "b.fits")]
    assert gains == [1.0, 2.0, None]


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "quantities: {gian: GAIN, zero_point: {keywrd: ZP}}\nskymesh: 3\ntime_scale: local\n"
        "sky_mesh: 2\nlongitude: 1000\ncrowded: 'yes'\nper_file: [{quantities: {}}]\n"
    )
    with pytest.raises(InputDataError) as raised:
        read_header_map(path)
    message = str(raised.value)
    for expected in (
        "unknown quantity 'gian'; did you mean 'gain'?",
        "zero_point: unknown key keywrd",
        "unknown key 'skymesh'; did you mean 'sky_mesh'?",
        "time_scale: 'local' is not one of utc",
        "sky_mesh: 2 pixels are too few",
        "longitude: 1000 is beyond",
        "crowded: 'yes' is not of type bool",
        "per_file[0]: must have the keys",
    ):
        assert expected in message


@pytest.mark.parametrize("content", ["[1, 2]", "a: [", None])
def test_files_that_are_no_maps(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "own.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputDataError, match=r"own\.yaml"):
        read_header_map(path)


def test_unknown_filter_names_the_setting() -> None:
    with pytest.raises(InputDataError, match="'Halpha' is in no band; add it to 'bands'"):
        read_header_map(CONFIG / "default.yaml").settings.band("Halpha")


def test_map_is_found_in_the_folder_then_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "decam_i"
    folder.mkdir()
    assert find_header_map(folder) == CONFIG / "decam_i.yaml"
    assert find_header_map(tmp_path) == CONFIG / "default.yaml"
    (folder / "header_map.yaml").write_text("")
    assert find_header_map(folder) == folder / "header_map.yaml"
