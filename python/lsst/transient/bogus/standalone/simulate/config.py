# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a simulated survey."""

from __future__ import annotations

__all__ = ("PRESETS", "SurveyConfig", "load_config")

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from ...errors import InputDataError
from .bands import BANDS
from .settings import ArtifactConfig, CalibrationConfig, OpticsConfig, SkyConfig, TransientConfig


@dataclasses.dataclass(frozen=True)
class SurveyConfig:
    """A simulated survey.

    Parameters
    ----------
    seed
        Seed of everything random.
    bands
        Bands, out of ugrizy.
    visits_per_band
        Visits in each band.
    n_detectors
        Detectors of the mosaic.
    size
        Side of a detector, pixels.
    gap
        Gap between detectors, pixels.
    pixel_scale
        Pixel scale, arcseconds.
    ra
        Right ascension of the field, degrees.
    dec
        Declination of the field, degrees.
    first_mjd
        TAI MJD of the first night.
    duration
        Length of the survey, days.
    exposure_time
        Exposure time, seconds.
    dither
        Largest dither in each direction, pixels.
    rotation_scatter
        Standard deviation of the camera angle about a quarter turn, or a half turn where the
        mosaic is not square, degrees.
    sky
        Constant stars and galaxies.
    transients
        Real astrophysical change.
    optics
        Seeing and optics.
    calibration
        Errors left by calibration.
    artifacts
        Detector and orbit artefacts.
    """

    seed: int = 1
    bands: tuple[str, ...] = ("g", "r")
    visits_per_band: int = 8
    n_detectors: int = 2
    size: int = 640
    gap: int = 12
    pixel_scale: float = 0.2
    ra: float = 150.12
    dec: float = 2.21
    first_mjd: float = 61041.0
    duration: float = 80.0
    exposure_time: float = 60.0
    dither: float = 30.0
    rotation_scatter: float = 2.0
    sky: SkyConfig = dataclasses.field(default_factory=SkyConfig)
    transients: TransientConfig = dataclasses.field(default_factory=TransientConfig)
    optics: OpticsConfig = dataclasses.field(default_factory=OpticsConfig)
    calibration: CalibrationConfig = dataclasses.field(default_factory=CalibrationConfig)
    artifacts: ArtifactConfig = dataclasses.field(default_factory=ArtifactConfig)

    def __post_init__(self) -> None:
        problems = [
            f"unknown band {band!r} (known: {', '.join(BANDS)})" for band in self.bands if band not in BANDS
        ]
        problems += [] if self.bands else ["no bands"]
        problems += [] if len(set(self.bands)) == len(self.bands) else ["a band is listed twice"]
        for name, low, high in _LIMITS:
            if not low <= getattr(self, name) <= high:
                problems.append(f"{name}={getattr(self, name)} is not between {low} and {high}")
        if problems:
            raise InputDataError(f"Bad survey configuration: {'; '.join(problems)}.")

    @property
    def columns(self) -> int:
        """Detector columns of the mosaic."""
        return math.ceil(math.sqrt(self.n_detectors))

    @property
    def rows(self) -> int:
        """Detector rows of the mosaic."""
        return math.ceil(self.n_detectors / self.columns)

    @property
    def half_width(self) -> float:
        """Half the longer side of the focal plane, pixels."""
        return 0.5 * (self.columns * (self.size + self.gap) - self.gap)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as nested dictionaries of JSON types.

        Returns
        -------
        config : `dict` [`str`, `typing.Any`]
            What `load_config` reads.
        """
        return {**dataclasses.asdict(self), "bands": list(self.bands)}


_LIMITS = (
    ("visits_per_band", 1, 1000),
    ("n_detectors", 1, 64),
    ("size", 128, 4096),
    ("gap", 0, 1000),
    ("pixel_scale", 0.02, 2.0),
    ("dec", -85.0, 85.0),
    ("duration", 1.0, 4000.0),
    ("exposure_time", 1.0, 3600.0),
    ("dither", 0.0, 1000.0),
)

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "demo": {},
    "small": {
        "n_detectors": 2,
        "size": 256,
        "visits_per_band": 4,
        "bands": ["r"],
        "duration": 40.0,
        "sky": {"star_density": 60.0},  # enough for a PSF on a quarter of the area
    },
}
"""Settings by preset name, as differences from the defaults."""


def load_config(
    path: Path | None = None, *, preset: str = "demo", overrides: Mapping[str, Any] | None = None
) -> SurveyConfig:
    """Read a configuration.

    Parameters
    ----------
    path
        YAML file of nested settings, which override those of the preset.
    preset
        One of `PRESETS`.
    overrides
        Settings that override those of the file.

    Returns
    -------
    config : `SurveyConfig`
        Configuration.

    Raises
    ------
    InputDataError
        Raised if the file cannot be read, a setting is unknown, or a value is
        out of range; lists every unknown setting.
    """
    settings: dict[str, Any] = dict(PRESETS[preset])
    if path is not None:
        try:
            read = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise InputDataError(f"Cannot read the survey configuration {path}: {error}") from error
        if read is not None and not isinstance(read, dict):
            raise InputDataError(f"The survey configuration {path} is not a mapping of settings.")
        settings = _merged(settings, read or {})
    settings = _merged(settings, overrides or {})
    unknown: list[str] = []
    config = _build(SurveyConfig, settings, "", unknown)
    if unknown:
        raise InputDataError(f"Bad survey configuration: {'; '.join(unknown)}.")
    return config or SurveyConfig()


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings with some of them changed."""
    merged = dict(base)
    for name, value in changes.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if nested else value
    return merged


def _build[T](cls: type[T], settings: Mapping[str, Any], prefix: str, problems: list[str]) -> T | None:
    """Build a nested configuration, collecting what is wrong."""
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    before = len(problems)
    for name, value in settings.items():
        if name not in hints:
            problems.append(f"unknown setting {prefix}{name}")
        elif dataclasses.is_dataclass(hints[name]):
            if isinstance(value, Mapping):
                values[name] = _build(hints[name], value, f"{prefix}{name}.", problems)
            else:
                problems.append(f"{prefix}{name} must be a mapping of settings, not {value!r}")
        elif name == "bands":
            values[name] = tuple(str(v) for v in ([value] if isinstance(value, str) else value))
        elif isinstance(value, bool) or not isinstance(value, int | float):
            problems.append(f"{prefix}{name} must be a number, not {value!r}")
        elif hints[name] is int and value != int(value):
            problems.append(f"{prefix}{name} must be a whole number, not {value!r}")
        elif not math.isfinite(value):
            problems.append(f"{prefix}{name} must be finite, not {value!r}")
        else:
            values[name] = hints[name](value)
    return cls(**values) if len(problems) == before else None
