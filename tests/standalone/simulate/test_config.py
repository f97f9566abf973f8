# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.standalone.simulate.config import PRESETS, SurveyConfig, load_config


def test_defaults_fulfil_the_demo() -> None:
    config = load_config()
    assert config == SurveyConfig()
    assert len(config.bands) >= 2
    assert config.visits_per_band >= 8
    assert config.n_detectors >= 2


@pytest.mark.parametrize("preset", PRESETS)
def test_round_trip_through_a_file(preset: str, tmp_path: Path) -> None:
    import yaml

    config = load_config(preset=preset)
    path = tmp_path / "survey.yaml"
    path.write_text(yaml.safe_dump(config.to_dict()))
    assert load_config(path) == config


def test_order_of_precedence(tmp_path: Path) -> None:
    path = tmp_path / "survey.yaml"
    path.write_text("size: 300\nseed: 5\nartifacts: {trails: 0, hot_pixels: 3}\nsky: {galaxy_slope: 0.3}\n")
    config = load_config(path, preset="small", overrides={"seed": 7, "bands": ["g", "i"]})
    assert (config.n_detectors, config.size, config.seed, config.bands) == (2, 300, 7, ("g", "i"))
    assert (config.artifacts.trails, config.artifacts.hot_pixels) == (0.0, 3)
    assert config.sky.star_density == PRESETS["small"]["sky"]["star_density"]
    assert config.artifacts.glints == SurveyConfig().artifacts.glints


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sise: 300\noptics: {seing: 1}", "unknown setting sise; unknown setting optics.seing"),
        ("optics: 3", "optics must be a mapping of settings, not 3"),
        ("size: 5.5", "size must be a whole number"),
        ("seed: true", "seed must be a number"),
        ("duration: .nan", "duration must be finite"),
        ("size: 20", "size=20 is not between"),
        ("bands: gx", "unknown band 'gx'"),
        ("bands: [g, g]", "a band is listed twice"),
        ("bands: []", "no bands"),
        ("[1, 2]", "not a mapping"),
        ("a: [", "Cannot read"),
    ],
)
def test_bad_settings(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "survey.yaml"
    path.write_text(text)
    with pytest.raises(InputDataError, match=message):
        load_config(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="Cannot read"):
        load_config(tmp_path / "absent.yaml")


@pytest.mark.parametrize(("n", "columns", "half_width"), [(1, 1, 100.0), (2, 2, 205.0), (4, 2, 205.0)])
def test_mosaic(n: int, columns: int, half_width: float) -> None:
    config = SurveyConfig(n_detectors=n, size=200, gap=10)
    assert (config.columns, config.half_width) == (columns, half_width)
