# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Light curves of simulated transients and variables."""

from __future__ import annotations

__all__ = ("damped_random_walk", "flare", "periodic", "supernova_magnitudes")

import numpy as np

_COOLING = {"u": 0.9, "g": 0.55, "r": 0.0, "i": -0.1, "z": -0.15, "y": -0.2}
"""Reddening of a supernova after maximum, magnitudes per 20 days relative to r."""

_PEAK_COLOUR = {"u": 0.5, "g": 0.0, "r": 0.0, "i": 0.15, "z": 0.25, "y": 0.35}
"""Magnitude at maximum relative to r."""


def supernova_magnitudes(days: np.ndarray, bands: np.ndarray, *, kind: str, stretch: float) -> np.ndarray:
    """Return the light curve of a supernova relative to its peak in r.

    Parameters
    ----------
    days
        Days since maximum, shape (N,).
    bands
        Band of each epoch, shape (N,).
    kind
        ``thermonuclear``, ``plateau`` or ``fast``.
    stretch
        Factor on all time scales.

    Returns
    -------
    magnitudes : `numpy.ndarray`
        Magnitudes below the peak, shape (N,); infinite before the explosion.

    Notes
    -----
    A quadratic rise (fireball), then a decline that is linear in magnitudes at
    first and slower later; a plateau falls by two magnitudes at its end.  Bands
    share the rise and redden together.
    """
    rise, fast, slow, turn = {
        "thermonuclear": (17.0, 0.085, 0.022, 25.0),
        "plateau": (8.0, 0.010, 0.012, 80.0),
        "fast": (5.0, 0.20, 0.08, 10.0),
    }[kind]
    phase = np.asarray(days, dtype=float) / stretch
    after = np.maximum(phase, 0.0)
    decline = fast * np.minimum(after, turn) + slow * np.maximum(after - turn, 0.0)
    if kind == "plateau":
        decline = decline + 2.0 / (1.0 + np.exp(-(after - turn) / 4.0))
    with np.errstate(divide="ignore"):
        early = -5.0 * np.log10(np.clip(1.0 + phase / rise, 0.0, 1.0))
    reddening = np.array([_COOLING[band] for band in bands]) * np.minimum(after, 40.0) / 20.0
    colour = np.array([_PEAK_COLOUR[band] for band in bands])
    return np.asarray(np.where(phase < 0.0, early, decline + reddening) + colour)


def periodic(mjd: np.ndarray, *, period: float, phase: float, skew: float) -> np.ndarray:
    """Return a periodic light curve of zero mean and unit half amplitude.

    Parameters
    ----------
    mjd
        Times, days.
    period
        Period, days.
    phase
        Phase at MJD 0, cycles.
    skew
        Fraction of the cycle spent rising, between 0 and 1: 0.5 is a sinusoid,
        0.15 resembles an RR Lyrae star.

    Returns
    -------
    curve : `numpy.ndarray`
        Values between −1 and 1, same shape as ``mjd``.
    """
    cycle = np.mod(np.asarray(mjd, dtype=float) / period + phase, 1.0)
    warped = np.where(cycle < skew, 0.5 * cycle / skew, 0.5 + 0.5 * (cycle - skew) / (1.0 - skew))
    return np.asarray(-np.cos(2.0 * np.pi * warped))


def damped_random_walk(rng: np.random.Generator, mjd: np.ndarray, *, rms: float, tau: float) -> np.ndarray:
    """Draw the flicker of an active nucleus.

    Parameters
    ----------
    rng
        Random generator.
    mjd
        Times in ascending order, days.
    rms
        Long-term standard deviation.
    tau
        Damping time, days.

    Returns
    -------
    curve : `numpy.ndarray`
        Zero-mean values, same shape as ``mjd``.
    """
    draws = rng.standard_normal(len(mjd))
    curve = np.zeros(len(mjd))
    for i, draw in enumerate(draws):
        memory = np.exp(-(mjd[i] - mjd[i - 1]) / tau) if i else 0.0
        previous = curve[i - 1] if i else 0.0
        curve[i] = memory * previous + rms * np.sqrt(1.0 - memory**2) * draw
    return curve


def flare(mjd: np.ndarray, *, start: float, rise: float, decay: float) -> np.ndarray:
    """Return a flare of unit peak: an exponential rise and decay.

    Parameters
    ----------
    mjd
        Times, days.
    start
        Time of the peak, days.
    rise
        Rise time, days.
    decay
        Decay time, days.

    Returns
    -------
    curve : `numpy.ndarray`
        Values between 0 and 1, same shape as ``mjd``.
    """
    since = np.asarray(mjd, dtype=float) - start
    return np.asarray(np.exp(np.where(since < 0.0, since / rise, -since / decay)))
