# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the parts of a simulated survey."""

from __future__ import annotations

__all__ = ("ArtifactConfig", "CalibrationConfig", "OpticsConfig", "SkyConfig", "TransientConfig")

import dataclasses


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
    star_density: float = 20.0
    star_slope: float = 0.24
    star_bright: float = 14.0
    star_faint: float = 24.5
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

    supernova_density: float = 2.4
    supernova_peak_bright: float = 21.0
    supernova_peak_faint: float = 25.0
    variable_star_fraction: float = 0.015
    nucleus_density: float = 1.0
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

    cosmic_rays: float = 30.0
    cosmic_rays_unmasked: float = 0.42
    hot_pixels: int = 36
    hot_pixels_unmasked: float = 0.4
    bad_columns: int = 2
    warm_columns: int = 3
    crosstalk: float = 4e-4
    trails: float = 0.8
    glints: float = 1.0
    read_noise: float = 9.0
    full_well: float = 120_000.0
