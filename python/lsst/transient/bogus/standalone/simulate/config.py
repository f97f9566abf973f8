# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a simulated survey."""

from __future__ import annotations

__all__ = (
    "PRESETS",
    "ArtifactConfig",
    "CalibrationConfig",
    "OpticsConfig",
    "SkyConfig",
    "SurveyConfig",
    "TransientConfig",
    "load_config",
)

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from ...errors import InputDataError
from .bands import BANDS


@dataclasses.dataclass(frozen=True)
class SkyConfig:
    """Constant stars and galaxies.

    Parameters
    ----------
    galaxy_density
        Galaxies brighter than magnitude 25 in r, per square arcminute.  Real
        fields have 35 to 50.
    galaxy_slope
        Slope of log10 of the galaxy counts against magnitude.
    galaxy_bright
        Brightest galaxy, r magnitude.
    galaxy_faint
        Faintest galaxy drawn, r magnitude; fainter than the detection limit, so
        that the sky has the texture of unresolved galaxies.
    companion_fraction
        Fraction of the galaxies that get a neighbour within three arcseconds,
        on top of chance blends.
    star_density
        Stars brighter than magnitude 22 in r, per square arcminute.  The PSF
        model needs about ten or more.
    star_slope
        Slope of log10 of the star counts against magnitude.
    star_bright
        Brightest star, r magnitude.  Stars brighter than about 17 saturate.
    star_faint
        Faintest star, r magnitude.
    fast_star_fraction
        Fraction of the stars with a proper motion of some tenths of an
        arcsecond a year, which leave dipoles.
    """

    galaxy_density: float = 40.0
    galaxy_slope: float = 0.34
    galaxy_bright: float = 17.5
    galaxy_faint: float = 26.0
    companion_fraction: float = 0.12
    star_density: float = 14.0
    star_slope: float = 0.25
    star_bright: float = 13.5
    star_faint: float = 25.0
    fast_star_fraction: float = 0.02


@dataclasses.dataclass(frozen=True)
class TransientConfig:
    """Real astrophysical change hidden in the pixels.

    Parameters
    ----------
    supernova_density
        Supernovae over the whole survey, per square arcminute.  Nature gives
        far fewer; this many make the counts significant in a small field.
    supernova_peak_bright
        Brightest peak, r magnitude.
    supernova_peak_faint
        Faintest peak, r magnitude.
    variable_star_fraction
        Fraction of the stars between r magnitudes 17.5 and 23 that vary.
    nucleus_density
        Galaxies with a flickering, flaring or fading nucleus, per square
        arcminute.
    moving_per_night
        Mean number of moving objects in the footprint each night.
    """

    supernova_density: float = 2.2
    supernova_peak_bright: float = 21.0
    supernova_peak_faint: float = 25.0
    variable_star_fraction: float = 0.012
    nucleus_density: float = 0.7
    moving_per_night: float = 3.0


@dataclasses.dataclass(frozen=True)
class OpticsConfig:
    """Seeing and optics.

    Parameters
    ----------
    seeing
        Median full width at half maximum in r, arcseconds.
    seeing_scatter
        Scatter of its natural logarithm between visits.
    ellipticity
        Scatter of each component of the mean ellipticity between visits, and of
        its change across the focal plane.
    field_variation
        Relative change of the width across the focal plane.
    brighter_fatter
        Relative growth of the width at saturation.
    halo_fraction
        Fraction of a star's flux in its halo.
    spike_fraction
        Fraction of a star's flux in its four diffraction spikes, which turn
        with the camera.
    ghost_fraction
        Fraction of a bright star's flux in its out-of-focus reflection.
    dcr
        Strength of differential chromatic refraction, 1 for nature; 0 switches
        it off.
    """

    seeing: float = 0.75
    seeing_scatter: float = 0.16
    ellipticity: float = 0.025
    field_variation: float = 0.04
    brighter_fatter: float = 0.02
    halo_fraction: float = 0.02
    spike_fraction: float = 0.004
    ghost_fraction: float = 0.002
    dcr: float = 1.0


@dataclasses.dataclass(frozen=True)
class CalibrationConfig:
    """Errors left by calibration.

    Parameters
    ----------
    astrometry_shift
        Standard deviation of each component of the shift of a visit, pixels.
    astrometry_smooth
        Rms of the low-order distortion left in a visit, pixels.
    astrometry_turbulence
        Rms of the distortion on scales of a hundred pixels and more, pixels.
    zero_point
        Standard deviation of the zero point between visits, relative.
    flat
        Peak of the smooth flat-field error across a detector, relative.
    sky
        Rms of the residual sky, in units of the noise of one pixel.
    transparency
        Scatter of the transparency between visits, relative.
    """

    astrometry_shift: float = 0.05
    astrometry_smooth: float = 0.05
    astrometry_turbulence: float = 0.03
    zero_point: float = 0.01
    flat: float = 0.005
    sky: float = 0.12
    transparency: float = 0.05


@dataclasses.dataclass(frozen=True)
class ArtifactConfig:
    """Detector and orbit artefacts.

    Parameters
    ----------
    cosmic_rays
        Mean number of cosmic rays per detector of 512 × 512 pixels and minute.
    cosmic_rays_unmasked
        Fraction of the cosmic rays that the mask misses.
    hot_pixels
        Number of hot pixels per detector of 512 × 512 pixels.
    hot_pixels_unmasked
        Fraction of the hot pixels that the mask misses.
    bad_columns
        Number of masked bad columns per detector.
    warm_columns
        Number of unmasked, weakly charged column pieces per detector.
    crosstalk
        Fraction of a pixel's charge that appears in the mirrored amplifier
        after correction.
    trails
        Mean number of satellite trails across the focal plane per visit.
    glints
        Mean number of glint sequences across the focal plane per visit.
    read_noise
        Read noise, electrons.
    full_well
        Full well, electrons; charge above it bleeds along columns.
    """

    cosmic_rays: float = 25.0
    cosmic_rays_unmasked: float = 0.35
    hot_pixels: int = 30
    hot_pixels_unmasked: float = 0.3
    bad_columns: int = 2
    warm_columns: int = 2
    crosstalk: float = 4e-4
    trails: float = 0.6
    glints: float = 0.6
    read_noise: float = 9.0
    full_well: float = 120_000.0


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
        Standard deviation of the camera angle about a quarter turn, degrees.
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
    n_detectors: int = 4
    size: int = 512
    gap: int = 12
    pixel_scale: float = 0.2
    ra: float = 150.12
    dec: float = 2.21
    first_mjd: float = 61041.0
    duration: float = 80.0
    exposure_time: float = 60.0
    dither: float = 30.0
    rotation_scatter: float = 2.0
    sky: SkyConfig = SkyConfig()
    transients: TransientConfig = TransientConfig()
    optics: OpticsConfig = OpticsConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    artifacts: ArtifactConfig = ArtifactConfig()

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
    def half_width(self) -> float:
        """Half the side of the focal plane, pixels."""
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
    "small": {"n_detectors": 2, "size": 256, "visits_per_band": 4, "bands": ["r"], "duration": 40.0},
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
        settings.update(read or {})
    settings.update(overrides or {})
    unknown: list[str] = []
    config = _build(SurveyConfig, settings, "", unknown)
    if unknown:
        raise InputDataError(f"Bad survey configuration: {'; '.join(unknown)}.")
    return config or SurveyConfig()


def _build[T](cls: type[T], settings: Mapping[str, Any], prefix: str, problems: list[str]) -> T | None:
    """Build a nested configuration, collecting what is wrong."""
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    before = len(problems)
    for name, value in settings.items():
        if name not in hints:
            problems.append(f"unknown setting {prefix}{name}")
        elif dataclasses.is_dataclass(hints[name]):
            nested = _build(hints[name], value or {}, f"{prefix}{name}.", problems)
            values[name] = nested
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
