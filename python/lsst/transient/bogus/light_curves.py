# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What light curves say about their objects: counts, peak, shape, variability and motion."""

from __future__ import annotations

__all__ = ("astrometry", "log_slope", "nights", "object_statistics", "reduced_chi2_of_constant")

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .association import mean_positions
from .coherence import light_curve_ratio, position_ratio
from .detection_history import (
    detection_counts,
    detection_times,
    extreme,
    score_history,
    template_echoes,
    total,
)
from .evidence import ConfirmationRule, EvidenceModel, combine_scores, group_pairs, probability
from .supporting_nights import supporting_nights

type _Array = npt.NDArray[np.float64]
type _Index = npt.NDArray[np.int64]
type _Columns = Mapping[str, np.ndarray]

_MIN_SLOPE_SNR = 2.0


def nights(mjd: npt.ArrayLike, *, offset: float = 0.0) -> npt.NDArray[np.int32]:
    """Return the night of each time.

    Parameters
    ----------
    mjd
        Times in days (MJD), shape (N,).
    offset
        East longitude of the site in days (degrees / 360): noon at the site
        divides the nights.

    Returns
    -------
    night : `numpy.ndarray`
        MJD of the evening's date, int32, shape (N,).
    """
    return np.floor(np.asarray(mjd, dtype=float) - 0.5 + offset).astype(np.int32)


def object_statistics(
    rows: _Columns, owner: npt.ArrayLike, *, n_objects: int, evidence: EvidenceModel, rule: ConfirmationRule
) -> dict[str, np.ndarray]:
    """Reduce light curves to one row per object.

    Parameters
    ----------
    rows
        Columns of the epochs, each of shape (N,): ``ra``, ``dec`` (deg),
        ``position_error`` (arcsec, per coordinate), ``midpointMjdTai``,
        ``night``, ``band``, ``psfFlux``, ``psfFluxErr`` (nJy), ``snr``,
        ``score``, ``is_forced`` and ``is_injected``.
    owner
        Object of each epoch, 0 to ``n_objects - 1``, shape (N,).  Every object
        has at least one detection.
    n_objects
        Number of objects M.
    evidence
        How scores are combined.
    rule
        Which nights count.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        Columns of ``transient_objects``, each of shape (M,), without
        ``diaObjectId`` and ``is_confirmed``.

    Notes
    -----
    Forced epochs count for variability, rise, fade, the light curve's evidence and
    supporting nights alone, and not at all where an injection is in the way.
    """
    own = np.asarray(owner, dtype=np.int64)
    detected = ~np.asarray(rows["is_forced"], dtype=bool)
    clean = detected | ~np.asarray(rows["is_injected"], dtype=bool)
    found = {name: np.asarray(column)[detected] for name, column in rows.items()}
    usable = {name: np.asarray(column)[clean] for name, column in rows.items()}
    seen, of_usable = own[detected], own[clean]
    independent = np.ones(len(seen), bool)
    if evidence.template_echoes:
        independent = ~template_echoes(found, seen)
    counts = clean.copy()
    counts[detected] = independent
    columns = {
        **detection_counts(
            found,
            seen,
            n_objects=n_objects,
            score_threshold=rule.score_threshold,
            counts=independent,
        ),
        "n_nights_supporting": supporting_nights(
            rows, own, n_objects=n_objects, prior=evidence.prior, rule=rule, counts=counts
        ),
        **score_history(found, seen, n_objects=n_objects),
        **detection_times(found, seen, n_objects=n_objects),
        **astrometry(found, seen, n_objects=n_objects),
        "persistence": np.bincount(seen, minlength=n_objects)
        / np.maximum(np.bincount(of_usable, minlength=n_objects), 1),
        "chi2_constant": reduced_chi2_of_constant(usable, of_usable, n_objects=n_objects),
    }
    found["score"] = np.where(independent, found["score"], np.nan)
    columns |= _evidence(found, seen, usable, of_usable, columns, evidence)
    peak = _peak_rows(found, seen)
    columns["peak_flux"] = found["psfFlux"][peak]
    columns["peak_mjd"] = found["midpointMjdTai"][peak]
    columns["peak_snr"] = extreme(np.fmax, found["snr"], seen, n_objects)
    at_peak = {name: column[peak] for name, column in found.items()}
    for name, side in (("rise_rate", -1), ("fade_rate", 1)):
        columns[name] = log_slope(usable, of_usable, at_peak, side=side)
    return columns


def _evidence(
    found: _Columns,
    seen: _Index,
    usable: _Columns,
    of_usable: _Index,
    objects: Mapping[str, np.ndarray],
    model: EvidenceModel,
) -> dict[str, np.ndarray]:
    """Return the log likelihood ratios of scores, light curve and positions, and what they add up to."""
    n = len(objects["n_detections"])
    scores = combine_scores(
        found["score"],
        seen,
        found["night"],
        is_negative=np.asarray(found["psfFlux"]) < 0,
        n_objects=n,
        model=model,
    )
    x, y = _offsets(found, seen, objects["ra"], objects["dec"])
    curve = light_curve_ratio(usable, of_usable, n_objects=n, outlier_rate=model.failure_rate)
    scatter = position_ratio(x, y, np.asarray(found["position_error"], dtype=float), seen, n_objects=n)
    curve = np.clip(curve, -model.max_curve_ratio, model.max_curve_ratio)
    combined = scores + curve + np.clip(scatter, -model.max_position_ratio, model.max_position_ratio)
    return {
        "score_log_ratio": scores,
        "curve_log_ratio": curve,
        "position_log_ratio": scatter,
        "log_likelihood_ratio": combined,
        "probability": probability(combined, model.prior),
    }


def _peak_rows(found: _Columns, owner: _Index) -> _Index:
    """Return the row of largest absolute flux of each owner, the earliest of equals."""
    height = np.nan_to_num(np.abs(np.asarray(found["psfFlux"], dtype=float)), nan=-1.0)
    order = np.lexsort((found["midpointMjdTai"], -height, owner))
    return order[np.flatnonzero(np.diff(owner[order], prepend=-1))]


def reduced_chi2_of_constant(rows: _Columns, owner: _Index, *, n_objects: int) -> _Array:
    """Return the reduced chi-squared of a constant flux in each band.

    Parameters
    ----------
    rows
        Columns ``band``, ``psfFlux`` and ``psfFluxErr``, each of shape (N,).
    owner
        Object of each row, shape (N,).
    n_objects
        Number of objects M.

    Returns
    -------
    chi2 : `numpy.ndarray`
        Sum of (f - f_band)² / σ² over the points minus the bands, float64,
        shape (M,); NaN without a degree of freedom.
    """
    flux, error = (np.asarray(rows[name], dtype=float) for name in ("psfFlux", "psfFluxErr"))
    usable = np.isfinite(flux) & np.isfinite(error) & (error > 0)
    _, band = np.unique(np.asarray(rows["band"], dtype=str), return_inverse=True)
    own, flux, weight = owner[usable], flux[usable], error[usable] ** -2.0
    group, first = group_pairs(own, band.astype(np.int64)[usable])
    n_groups = len(first)
    mean = total(flux * weight, group, n_groups) / total(weight, group, n_groups)
    chi2 = total((flux - mean[group]) ** 2 * weight, own, n_objects)
    freedom = np.bincount(own, minlength=n_objects) - np.bincount(own[first], minlength=n_objects)
    return np.where(freedom > 0, chi2 / np.maximum(freedom, 1), np.nan)


def log_slope(rows: _Columns, owner: _Index, peak: _Columns, *, side: int) -> _Array:
    """Return the slope of log flux on one side of the peak, in the band of the peak.

    Parameters
    ----------
    rows
        Columns ``band``, ``midpointMjdTai``, ``psfFlux`` and ``psfFluxErr``, each of
        shape (N,).
    owner
        Object of each row, shape (N,).
    peak
        The same columns at the peak of each object, each of shape (M,).
    side
        -1 for the rise (up to the peak), +1 for the fade (from the peak).

    Returns
    -------
    slope : `numpy.ndarray`
        d ln|f| / dt in 1/d, float64, shape (M,), by weighted least squares of
        the points of the peak's sign above 2σ; NaN with fewer than two times.
    """
    n = len(peak["psfFlux"])
    flux = np.asarray(rows["psfFlux"], dtype=float) * np.sign(peak["psfFlux"])[owner]
    error = np.asarray(rows["psfFluxErr"], dtype=float)
    time = np.asarray(rows["midpointMjdTai"], dtype=float) - peak["midpointMjdTai"][owner]
    with np.errstate(invalid="ignore"):
        usable = (flux > _MIN_SLOPE_SNR * error) & (error > 0) & (side * time >= 0)
    usable &= np.asarray(rows["band"], dtype=str) == np.asarray(peak["band"], dtype=str)[owner]
    own, t, log_flux = owner[usable], time[usable], np.log(flux[usable])
    slope, variance, _ = _fit_line(t, log_flux, (flux[usable] / error[usable]) ** 2, own, n)
    return np.where(np.isfinite(variance), slope, np.nan)


def _fit_line(t: _Array, y: _Array, weight: _Array, owner: _Index, n: int) -> tuple[_Array, _Array, _Array]:
    """Fit a line per owner: slope, its variance and the chi-squared of the residuals."""
    weights = np.where(np.bincount(owner, minlength=n) > 0, total(weight, owner, n), 1.0)
    dt = t - (total(weight * t, owner, n) / weights)[owner]
    dy = y - (total(weight * y, owner, n) / weights)[owner]
    moment = total(weight * dt * dt, owner, n)
    # A time span of less than a second is no baseline.
    spread = moment > weights * 1e-10
    slope = np.where(spread, total(weight * dt * dy, owner, n) / np.where(spread, moment, 1.0), np.nan)
    variance = np.where(spread, 1.0 / np.where(spread, moment, 1.0), np.nan)
    residual = dy - np.nan_to_num(slope)[owner] * dt
    return slope, variance, total(weight * residual**2, owner, n)


def _offsets(found: _Columns, owner: _Index, ra: _Array, dec: _Array) -> tuple[_Array, _Array]:
    """Return offsets of the detections from their object, to the east and north in arcsec."""
    x = ((found["ra"] - ra[owner] + 180.0) % 360.0 - 180.0) * 3600.0 * np.cos(np.radians(dec))[owner]
    return x, (found["dec"] - dec[owner]) * 3600.0


def astrometry(found: _Columns, owner: _Index, *, n_objects: int) -> dict[str, np.ndarray]:
    """Return mean positions, their errors and the motion of each object.

    Parameters
    ----------
    found
        Columns ``ra``, ``dec``, ``position_error`` and ``midpointMjdTai`` of the
        detections, each of shape (N,).
    owner
        Object of each detection, shape (N,).
    n_objects
        Number of objects M.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        ``ra``, ``dec``, ``raErr``, ``decErr`` (deg), ``motion`` (arcsec/d) and
        ``motion_significance``, each of shape (M,).

    Notes
    -----
    Errors are those given, enlarged by the scatter about the fitted motion
    where it exceeds them.  Under no motion, the significance follows a
    Rayleigh distribution.  Motion is NaN where all detections are of one time.
    """
    ra, dec, count = mean_positions(found["ra"], found["dec"], owner)
    x, y = _offsets(found, owner, ra, dec)
    time = np.asarray(found["midpointMjdTai"], dtype=float)
    weight = np.asarray(found["position_error"], dtype=float) ** -2.0
    vx, variance, chi2_x = _fit_line(time, x, weight, owner, n_objects)
    vy, _, chi2_y = _fit_line(time, y, weight, owner, n_objects)
    freedom = np.where(np.isfinite(variance), 2 * count - 4, 2 * count - 2)
    inflation = np.maximum(1.0, (chi2_x + chi2_y) / np.maximum(freedom, 1)) * (freedom > 0) + (freedom <= 0)
    error = np.sqrt(total(1.0 / weight, owner, n_objects) * inflation) / np.maximum(count, 1) / 3600.0
    motion = np.hypot(vx, vy)
    return {
        "ra": ra,
        "dec": dec,
        "raErr": error,
        "decErr": error,
        "motion": motion,
        "motion_significance": motion / np.sqrt(variance * inflation),
    }
