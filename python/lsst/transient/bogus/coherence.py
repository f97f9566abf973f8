# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether fluxes and positions behave like those of one source in the sky or like artefacts."""

from __future__ import annotations

__all__ = ("light_curve_ratio", "position_ratio")

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from .evidence import group_pairs

type _Array = npt.NDArray[np.float64]
type _Index = npt.NDArray[np.int64]

_AMPLITUDES = (1.0, 0.35)
_TIME_SCALES = (0.15, 0.6)
_DUTY_CYCLES = (0.1, 0.3, 0.6)
_FLUX_SCALE_ERROR = 0.05
_MIN_SPAN = 1e-3
_SCATTERS = np.array([1.0, 2.0, 4.0])
_SCATTER_OF_SOURCES = np.array([0.8, 0.15, 0.05])
_SCATTER_OF_ARTEFACTS = np.full(3, 1.0 / 3.0)


@dataclasses.dataclass(frozen=True)
class _Chains:
    """Points of chains one after the other, in order of time.

    Parameters
    ----------
    order
        Row of each point, shape (P,).
    start, length
        First point and number of points of each chain, shape (C,), the longest first.
    """

    order: _Index
    start: _Index
    length: _Index

    @classmethod
    def of(cls, owner: _Index, time: _Array) -> tuple[_Chains, _Index]:
        """Return the chains of the owners, and the owner of each chain."""
        order = np.lexsort((time, owner))
        start = np.flatnonzero(np.diff(owner[order], prepend=-1))
        length = np.diff(np.append(start, len(order)))
        longest = np.argsort(-length, kind="stable")
        start, length = start[longest], length[longest]
        return cls(order, start, length), owner[order][start]

    def steps(self) -> Iterator[_Index]:
        """Give the rows of the first point of all chains, of the second of all that have one, ..."""
        for step in range(int(self.length.max(initial=0))):
            n = int(np.searchsorted(-self.length, -step, side="left"))
            yield self.order[self.start[:n] + step]


def light_curve_ratio(
    rows: Mapping[str, np.ndarray], owner: npt.ArrayLike, *, n_objects: int, outlier_rate: float
) -> _Array:
    """Return how much better a light curve is explained by a source than by artefacts.

    Parameters
    ----------
    rows
        Columns ``midpointMjdTai``, ``night``, ``band``, ``psfFlux`` and
        ``psfFluxErr`` of detections and forced photometry, each of shape (N,).
    owner
        Object of each row, shape (N,).
    n_objects
        Number of objects M.
    outlier_rate
        Share of a source's nights whose flux is wrong.

    Returns
    -------
    log_ratio : `numpy.ndarray`
        Log ratio of marginal likelihoods, float64, shape (M,); 0 for objects with
        fewer than two nights.

    Notes
    -----
    Fluxes of a night and band count as one, for artefacts return within a night
    too.  A source is one of

    * on in a single window of time, of flux N(b, A²), and at the level b of its
      band before and after;
    * smooth: a damped random walk of amplitude A in each band;
    * erratic: N(b, A²) in every night.

    Artefacts are one of

    * sporadic: on by chance, with a duty cycle q, at level b otherwise;
    * constant in each band: what is wrong with the template is always there;
    * erratic, as above: a residual that follows the seeing.

    Amplitudes A are fractions of the largest flux of the band, the level b is zero
    or the median of the band (a source in the template is negative when off),
    times of the walk are fractions of the time spanned.  All are averaged over.
    """
    points = _nightly_points(rows, np.asarray(owner, dtype=np.int64))
    several = np.bincount(points["owner"][points["is_new_night"]], minlength=n_objects) > 1
    points = {name: column[several[points["owner"]]] for name, column in points.items()}
    ratio = np.zeros(n_objects)
    if len(points["owner"]):
        sources, artefacts = _likelihoods(points, n_objects, outlier_rate)
        ratio[several] = (_mixture(sources, n_objects) - _mixture(artefacts, n_objects))[several]
    return ratio


def position_ratio(x: _Array, y: _Array, error: _Array, owner: _Index, *, n_objects: int) -> _Array:
    """Return how much better the scatter of positions is explained by a source than by artefacts.

    Parameters
    ----------
    x, y
        Offsets of the detections from any point of their object, along two
        perpendicular axes in arcsec, shape (N,).
    error
        Standard error of each coordinate in arcsec, shape (N,).
    owner
        Object of each detection, shape (N,).
    n_objects
        Number of objects M.

    Returns
    -------
    log_ratio : `numpy.ndarray`
        Log ratio of marginal likelihoods, float64, shape (M,); 0 for a single
        detection.

    Notes
    -----
    Positions scatter by k times their errors about a common mean.  Sources have
    mostly k = 1, seldom 2 or 4, for errors are not perfect; of artefacts nothing
    is known, and the three are equally likely: what scatters more is not matched.
    """
    weight = error**-2.0
    total = np.maximum(np.bincount(owner, weights=weight, minlength=n_objects), np.finfo(float).tiny)
    chi2 = np.zeros(n_objects)
    for offset in (x, y):
        mean = np.bincount(owner, weights=weight * offset, minlength=n_objects) / total
        chi2 += np.bincount(owner, weights=weight * (offset - mean[owner]) ** 2, minlength=n_objects)
    freedom = 2 * np.maximum(np.bincount(owner, minlength=n_objects) - 1, 0)
    scatter = _SCATTERS[:, np.newaxis]
    likelihood = -freedom * np.log(scatter) - 0.5 * chi2 / scatter**2

    def mixed(share: _Array) -> _Array:
        result: _Array = np.logaddexp.reduce(likelihood + np.log(share[:, np.newaxis]), axis=0)
        return result

    return mixed(_SCATTER_OF_SOURCES) - mixed(_SCATTER_OF_ARTEFACTS)


def _nightly_points(rows: Mapping[str, np.ndarray], owner: _Index) -> dict[str, np.ndarray]:
    """Return the mean flux of each object, band and night, in order of time."""
    flux, error = (np.asarray(rows[name], dtype=float) for name in ("psfFlux", "psfFluxErr"))
    usable = np.isfinite(flux) & (error > 0) & np.isfinite(error)
    flux, error, owner = flux[usable], error[usable], owner[usable]
    names, band = np.unique(np.asarray(rows["band"], dtype=str)[usable], return_inverse=True)
    chain = owner * max(1, len(names)) + band
    night = np.asarray(rows["night"], dtype=np.int64)[usable]
    group, first = group_pairs(chain, night)
    weight = error**-2.0
    total = np.bincount(group, weights=weight)
    mean = np.bincount(group, weights=weight * flux) / total
    time = np.bincount(group, weights=weight * np.asarray(rows["midpointMjdTai"])[usable]) / total
    _, one_of_night = group_pairs(owner[first], night[first])
    is_new_night = np.zeros(len(first), bool)
    is_new_night[one_of_night] = True
    return {
        "time": time,
        "flux": mean,
        # A scale that is off by some per cent must not make the brightest points decide.
        "variance": 1.0 / total + (_FLUX_SCALE_ERROR * mean) ** 2,
        "owner": owner[first],
        "chain": chain[first],
        "is_new_night": is_new_night,
    }


def _likelihoods(
    points: dict[str, np.ndarray], n: int, outlier_rate: float
) -> tuple[list[list[_Array]], list[list[_Array]]]:
    """Return log likelihoods of the kinds of source and of artefact, each for several parameters."""
    flux, variance, owner = points["flux"], points["variance"], points["owner"]
    by_band, chain = _Chains.of(points["chain"], points["time"])
    by_object, member = _Chains.of(owner, points["time"])
    place = np.searchsorted(np.sort(chain), points["chain"])
    peak = np.zeros(len(chain))
    np.maximum.at(peak, place, np.abs(flux))
    span = _span(points["time"], owner, n)[owner]
    window, smooth, erratic, sporadic, constant = [], [], [], [], []
    for fraction in _AMPLITUDES:
        amplitude = fraction * peak[place]
        smooth += [_walk(points, by_band, amplitude, scale * span, n) for scale in _TIME_SCALES]
        constant.append(_walk(points, by_band, amplitude, np.full(len(span), np.inf), n))
        for level in (np.zeros(len(flux)), _medians(flux, points["chain"])):
            off = _log_normal(flux - level, variance)
            on = _log_normal(flux - level, variance + amplitude**2)
            erratic.append(np.bincount(owner, weights=on, minlength=n))
            off_or_wrong = np.logaddexp(np.log1p(-outlier_rate) + off, np.log(outlier_rate) + on)
            window.append(_window(off_or_wrong, on, by_object, member, n))
            for duty in _DUTY_CYCLES:
                either = np.logaddexp(np.log1p(-duty) + off, np.log(duty) + on)
                sporadic.append(np.bincount(owner, weights=either, minlength=n))
    return [window, smooth, erratic], [sporadic, constant, erratic]


def _mixture(kinds: list[list[_Array]], n: int) -> _Array:
    """Return the log of the mean likelihood over kinds, and over the parameters of each."""
    means = [np.logaddexp.reduce(kind, axis=0) - np.log(len(kind)) for kind in kinds]
    result: _Array = np.logaddexp.reduce(means, axis=0) - np.log(len(means)) if means else np.zeros(n)
    return result


def _log_normal(residual: _Array, variance: _Array) -> _Array:
    return -0.5 * (np.log(2.0 * np.pi * variance) + residual**2 / variance)


def _span(time: _Array, owner: _Index, n: int) -> _Array:
    first, last = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(first, owner, time)
    np.maximum.at(last, owner, time)
    return np.maximum(last - first, _MIN_SPAN)


def _medians(flux: _Array, chain: _Index) -> _Array:
    """Return the (lower) median flux of each point's chain, shape (N,)."""
    order = np.lexsort((flux, chain))
    start = np.flatnonzero(np.diff(chain[order], prepend=-1))
    length = np.diff(np.append(start, len(order)))
    median = np.empty(len(flux))
    median[order] = np.repeat(flux[order][start + (length - 1) // 2], length)
    return median


def _walk(points: dict[str, np.ndarray], chains: _Chains, amplitude: _Array, scale: _Array, n: int) -> _Array:
    """Return the log likelihood of a damped random walk in each band, by a Kalman filter."""
    n_chains = len(chains.start)
    mean, spread = np.zeros(n_chains), np.zeros(n_chains)
    last, total = np.full(n_chains, -np.inf), np.zeros(n)
    for rows in chains.steps():
        c = slice(0, len(rows))
        prior = amplitude[rows] ** 2
        with np.errstate(invalid="ignore"):
            kept = np.where(np.isinf(last[c]), 0.0, np.exp(-(points["time"][rows] - last[c]) / scale[rows]))
        predicted, uncertainty = kept * mean[c], kept**2 * spread[c] + prior * (1.0 - kept**2)
        variance = uncertainty + points["variance"][rows]
        residual = points["flux"][rows] - predicted
        np.add.at(total, points["owner"][rows], _log_normal(residual, variance))
        gain = uncertainty / variance
        mean[c], spread[c] = predicted + gain * residual, (1.0 - gain) * uncertainty
        last[c] = points["time"][rows]
    return total


def _window(off: _Array, on: _Array, chains: _Chains, member: _Index, n: int) -> _Array:
    """Return the log likelihood of being on in one window of time, the window unknown."""
    rate = 1.0 / (chains.length + 1.0)
    change, stay = np.log(rate), np.log1p(-rate)
    before = np.full(len(rate), np.log(0.5))
    within = before.copy()
    after = np.full(len(rate), -np.inf)
    for step, rows in enumerate(chains.steps()):
        c = slice(0, len(rows))
        if step:
            after[c] = np.logaddexp(within[c] + change[c], after[c])
            within[c] = np.logaddexp(before[c] + change[c], within[c] + stay[c])
            before[c] += stay[c]
        before[c] += off[rows]
        within[c] += on[rows]
        after[c] += off[rows]
    total = np.zeros(n)
    total[member] = np.logaddexp.reduce([before, within, after], axis=0)
    return total
