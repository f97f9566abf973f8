# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detector artefacts: cosmic rays, hot pixels, columns, bleeding, crosstalk."""

from __future__ import annotations

__all__ = ("Defects", "bleed", "cosmic_rays", "crosstalk", "detector_defects", "interpolate")

import dataclasses

import numpy as np
import scipy.ndimage

from ...seeds import generator
from .config import SurveyConfig

_REFERENCE_AREA = 512.0**2


@dataclasses.dataclass(frozen=True)
class Defects:
    """Lasting defects of a detector.

    Parameters
    ----------
    charge
        Charge that the defects add in every exposure, electrons, shape (H, W).
    hot
        Column and row of each hot pixel, shape (N, 2).
    hot_charge
        Charge of each hot pixel when it is on, electrons, shape (N,).
    hot_blinks
        Whether a hot pixel is off in about half of the exposures, shape (N,).
    masked
        Pixels known to be bad, shape (H, W).
    """

    charge: np.ndarray
    hot: np.ndarray
    hot_charge: np.ndarray
    hot_blinks: np.ndarray
    masked: np.ndarray

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the charge that the defects add in one exposure.

        Parameters
        ----------
        rng
            Random generator.

        Returns
        -------
        charge : `numpy.ndarray`
            Electrons, shape (H, W).
        """
        charge = self.charge.copy()
        is_on = ~self.hot_blinks | (rng.random(len(self.hot)) < 0.5)
        level = self.hot_charge * rng.normal(1.0, 0.1, len(self.hot)).clip(0.5)
        np.add.at(charge, (self.hot[is_on, 1], self.hot[is_on, 0]), level[is_on])
        return charge


def detector_defects(config: SurveyConfig, detector: int) -> Defects:
    """Draw the lasting defects of a detector.

    Parameters
    ----------
    config
        Survey.
    detector
        Detector number.

    Returns
    -------
    defects : `Defects`
        The same in every visit.
    """
    rng = generator("defects", config.seed, detector)
    size, settings = config.size, config.artifacts
    charge, masked = np.zeros((size, size)), np.zeros((size, size), dtype=bool)
    n_hot = round(settings.hot_pixels * size**2 / _REFERENCE_AREA)
    hot = rng.integers(0, size, (n_hot, 2))
    known = rng.random(n_hot) >= settings.hot_pixels_unmasked
    masked[hot[known, 1], hot[known, 0]] = True
    for column in rng.integers(0, size, settings.bad_columns):
        masked[:, column] = True
    for column in rng.integers(0, size, settings.warm_columns):
        start, length = rng.integers(0, size), rng.integers(size // 12, size // 3)
        charge[start : start + length, column] += rng.uniform(1.0, 2.5) * _typical_noise(config)
    return Defects(
        charge=charge,
        hot=hot,
        hot_charge=_typical_noise(config) * np.exp(rng.normal(np.log(15.0), 0.7, n_hot)),
        hot_blinks=rng.random(n_hot) < 0.3,
        masked=masked,
    )


def _typical_noise(config: SurveyConfig) -> float:
    """Noise of a pixel of a typical exposure, electrons."""
    return 40.0 * np.sqrt(config.exposure_time / 60.0) * config.pixel_scale / 0.2


def cosmic_rays(
    config: SurveyConfig, rng: np.random.Generator, *, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the cosmic rays of an exposure.

    Parameters
    ----------
    config
        Survey.
    rng
        Random generator.
    noise
        Noise of a pixel, electrons.

    Returns
    -------
    charge : `numpy.ndarray`
        Electrons, shape (H, W).
    masked
        Pixels that the cosmic-ray finder flagged, shape (H, W).

    Notes
    -----
    Short tracks, which look like stars, are missed four times as often as long
    ones, and the ends of long ones are missed too.
    """
    size, settings = config.size, config.artifacts
    expected = settings.cosmic_rays * size**2 / _REFERENCE_AREA * config.exposure_time / 60.0
    charge, masked = np.zeros((size, size)), np.zeros((size, size), dtype=bool)
    for _ in range(rng.poisson(expected)):
        length = 1.0 + rng.exponential(6.0)
        is_short = length < 4.0
        missed = rng.random() < settings.cosmic_rays_unmasked * (2.0 if is_short else 0.5)
        track = _track(rng, size, length)
        if not missed:
            masked |= track > 5.0 * noise
        charge += track
    return charge, masked


def _track(rng: np.random.Generator, size: int, length: float) -> np.ndarray:
    """Draw the charge of one cosmic ray: a line, sometimes a wiggle."""
    n = max(2, int(4.0 * length))
    turn = 0.25 if rng.random() < 0.2 else 0.02
    heading = rng.uniform(0.0, 2.0 * np.pi) + np.cumsum(rng.normal(0.0, turn, n))
    x = rng.uniform(0.0, size) + np.cumsum(np.cos(heading)) * length / n
    y = rng.uniform(0.0, size) + np.cumsum(np.sin(heading)) * length / n
    per_step = np.exp(rng.normal(np.log(900.0), 0.6)) * length / n * rng.uniform(0.5, 1.5, n)
    track = np.zeros((size, size))
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        weight = (1.0 - np.abs(x - x0 - dx)) * (1.0 - np.abs(y - y0 - dy))
        inside = (x0 + dx >= 0) & (x0 + dx < size) & (y0 + dy >= 0) & (y0 + dy < size)
        np.add.at(track, (y0[inside] + dy, x0[inside] + dx), (weight * per_step)[inside])
    return track


def bleed(electrons: np.ndarray, full_well: float) -> tuple[np.ndarray, np.ndarray]:
    """Let charge above the full well flow along its column.

    Parameters
    ----------
    electrons
        Charge of each pixel, shape (H, W).
    full_well
        Full well, electrons.

    Returns
    -------
    bled : `numpy.ndarray`
        Charge after bleeding, nowhere above the full well; what reaches the
        edge is lost.
    saturated : `numpy.ndarray`
        Pixels at the full well, shape (H, W).
    """
    bled = np.minimum(electrons, full_well)
    for column in np.flatnonzero((electrons > full_well).any(axis=0)):
        charge = electrons[:, column]
        # Each saturated run of the column bleeds by itself, half of it each way.
        labels, n_runs = scipy.ndimage.label(charge > full_well)
        for run in range(1, n_runs + 1):
            rows = np.flatnonzero(labels == run)
            excess = 0.5 * float(np.sum(charge[rows] - full_well))
            bled[rows[-1] + 1 :, column] = _fill(bled[rows[-1] + 1 :, column], excess, full_well)
            below = bled[: rows[0], column]
            bled[: rows[0], column] = _fill(below[::-1], excess, full_well)[::-1]
    return bled, bled >= 0.999 * full_well


def _fill(charge: np.ndarray, excess: float, full_well: float) -> np.ndarray:
    """Fill pixels in order until the excess is used up."""
    capacity = full_well - charge
    before = np.cumsum(capacity) - capacity
    return charge + np.clip(excess - before, 0.0, capacity)


def crosstalk(electrons: np.ndarray, coefficient: float, full_well: float) -> np.ndarray:
    """Return what bright pixels leave in the mirrored amplifier.

    Parameters
    ----------
    electrons
        Charge of each pixel, shape (H, W).
    coefficient
        Fraction that appears.
    full_well
        Full well, electrons; pixels below a fifth of it leave nothing that
        could be seen.

    Returns
    -------
    charge : `numpy.ndarray`
        Electrons to add, shape (H, W).
    """
    return coefficient * np.where(electrons > 0.2 * full_well, electrons, 0.0)[:, ::-1]


def interpolate(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Replace pixels by a smooth mean of their neighbours.

    Parameters
    ----------
    image
        Pixels, shape (H, W).
    where
        Pixels to replace, shape (H, W).

    Returns
    -------
    image : `numpy.ndarray`
        Copy with the pixels replaced.
    """
    if not where.any():
        return image.copy()
    weight = (~where).astype(float)
    sigma = 1.5
    smooth = scipy.ndimage.gaussian_filter(image * weight, sigma, mode="constant")
    norm = scipy.ndimage.gaussian_filter(weight, sigma, mode="constant")
    return np.where(where & (norm > 1e-6), smooth / np.maximum(norm, 1e-6), image)
