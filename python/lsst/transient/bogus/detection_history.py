# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""When, in which bands and with which scores objects were detected."""

from __future__ import annotations

__all__ = (
    "detection_counts",
    "detection_times",
    "extreme",
    "score_history",
    "supporting_nights",
    "template_echoes",
    "total",
)

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .evidence import group_pairs

type _Array = npt.NDArray[np.float64]
type _Index = npt.NDArray[np.int64]
type _Columns = Mapping[str, np.ndarray]


def total(values: npt.ArrayLike, owner: _Index, n: int) -> _Array:
    """Return the sum of each owner's values.

    Parameters
    ----------
    values
        Values, shape (N,).
    owner
        Object of each value, shape (N,).
    n
        Number of objects M.

    Returns
    -------
    total : `numpy.ndarray`
        Sums, float64, shape (M,).
    """
    return np.bincount(owner, weights=np.asarray(values, dtype=float), minlength=n)


def extreme(ufunc: np.ufunc, values: np.ndarray, owner: _Index, n: int) -> _Array:
    """Return the extreme of each owner's values.

    Parameters
    ----------
    ufunc
        `numpy.fmin` or `numpy.fmax`.
    values
        Values, shape (N,).
    owner
        Object of each value, shape (N,).
    n
        Number of objects M.

    Returns
    -------
    extreme : `numpy.ndarray`
        Extremes, float64, shape (M,); NaN where none is known.
    """
    out = np.full(n, np.nan)
    ufunc.at(out, owner, values)
    return out


def template_echoes(found: _Columns, owner: _Index) -> npt.NDArray[np.bool_]:
    """Tell which detections may be of a single visit, seen again through the templates of others.

    Parameters
    ----------
    found
        Columns ``band`` and ``psfFlux`` of the detections, each of shape (N,).
    owner
        Object of each detection, shape (N,).

    Returns
    -------
    is_echo : `numpy.ndarray`
        Whether the detection may be an echo, bool, shape (N,).

    Notes
    -----
    Templates are made of visits of the survey.  Whatever is in one visit alone, a
    glint as well as a supernova, is in the template of others and leaves negative
    detections there.  They say nothing new.  So detections are echoes that have
    the sign opposite to the largest flux of their object and band, if no second
    detection has the sign of that.
    """
    _, band = np.unique(np.asarray(found["band"], dtype=str), return_inverse=True)
    group, first = group_pairs(owner, band.astype(np.int64))
    flux = np.nan_to_num(np.asarray(found["psfFlux"], dtype=float))
    order = np.lexsort((np.abs(flux), group))
    is_last = np.diff(group[order], append=-1) != 0
    sign = np.sign(flux[order[is_last]])
    agrees = np.sign(flux) == sign[group]
    n_agree = np.bincount(group[agrees], minlength=len(first))
    is_echo: npt.NDArray[np.bool_] = ~agrees & (n_agree[group] < 2)
    return is_echo


def detection_counts(
    found: _Columns,
    owner: _Index,
    *,
    n_objects: int,
    score_threshold: float,
    counts: npt.NDArray[np.bool_],
) -> dict[str, np.ndarray]:
    """Count the detections, nights and bands of each object.

    Parameters
    ----------
    found
        Columns ``band``, ``night``, ``score``, ``psfFlux`` and ``is_injected`` of
        the detections, each of shape (N,).
    owner
        Object of each detection, shape (N,).
    n_objects
        Number of objects M.
    score_threshold
        Working threshold of the score.
    counts
        Whether a detection can count for a night, bool, shape (N,).

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        Columns of ``transient_objects``, each of shape (M,).
    """
    night = np.asarray(found["night"], dtype=np.int64)
    names, band = np.unique(np.asarray(found["band"], dtype=str), return_inverse=True)
    n_bands = len(names)
    with np.errstate(invalid="ignore"):
        above = counts & (np.asarray(found["score"]) > score_threshold)
    negative = np.asarray(found["psfFlux"]) < 0
    in_band = owner * n_bands + band
    detections = np.bincount(in_band, minlength=n_objects * n_bands).reshape(n_objects, n_bands)
    band_nights = np.array(
        [_distinct_nights(owner[band == i], night[band == i], n_objects) for i in range(n_bands)],
        dtype=np.int64,
    )
    n_detections = np.bincount(owner, minlength=n_objects)
    return {
        "n_detections": n_detections,
        "n_nights": _distinct_nights(owner, night, n_objects),
        "n_nights_above": _distinct_nights(owner[above], night[above], n_objects),
        "n_bands": (detections > 0).sum(axis=1),
        "bands": _text(names, detections, counted=False),
        "detections_by_band": _text(names, detections, counted=True),
        "nights_by_band": _text(names, band_nights.reshape(n_bands, n_objects).T, counted=True),
        "negative_fraction": total(negative, owner, n_objects) / np.maximum(n_detections, 1),
        "n_injected": np.bincount(owner[np.asarray(found["is_injected"], dtype=bool)], minlength=n_objects),
    }


def supporting_nights(
    rows: _Columns,
    owner: _Index,
    *,
    n_objects: int,
    score_threshold: float,
    prior: float,
    min_forced_snr: float,
    counts: npt.NDArray[np.bool_],
) -> _Index:
    """Count the nights that support each object.

    Parameters
    ----------
    rows
        Columns ``band``, ``night``, ``score``, ``psfFlux``, ``psfFluxErr`` and
        ``is_forced`` of the epochs, each of shape (N,).
    owner
        Object of each epoch, shape (N,).
    n_objects
        Number of objects M.
    score_threshold
        Working threshold of the score.
    prior
        Score that says nothing: the share of transients before a stamp is seen.
    min_forced_snr
        Significance from which a forced flux supports an object.
    counts
        Whether an epoch can count for a night, bool, shape (N,).

    Returns
    -------
    number : `numpy.ndarray`
        Number of supporting nights, int64, shape (M,).

    Notes
    -----
    A night supports an object

    * if a score speaks for it, that is, is above the prior;
    * if there is a negative detection in a band in which at least two positive ones
      are above the threshold: the template then holds the source, and networks that
      learn from injections know little of what has faded;
    * if a forced flux is significant and has the sign of the object's most significant
      detection.  What a single visit left in the template of the others, such as a
      glint, has the other sign.
    """
    flux, score = (np.asarray(rows[name], dtype=float) for name in ("psfFlux", "score"))
    forced = np.asarray(rows["is_forced"], dtype=bool)
    _, band = np.unique(np.asarray(rows["band"], dtype=str), return_inverse=True)
    in_band = owner * (int(band.max(initial=0)) + 1) + band
    with np.errstate(invalid="ignore", divide="ignore"):
        significance = np.nan_to_num(flux / np.asarray(rows["psfFluxErr"], dtype=float), posinf=0, neginf=0)
        above, speaks = (~forced & (score > limit) for limit in (score_threshold, prior))
    positive = np.bincount(in_band[counts & above & (flux > 0)], minlength=int(in_band.max(initial=0)) + 1)
    faded = ~forced & (flux < 0) & (positive[in_band] >= 2)
    height = np.where(forced, -1.0, np.abs(significance))
    order = np.lexsort((height, owner))
    last = order[np.diff(owner[order], append=-1) != 0]
    sign = np.zeros(n_objects)
    sign[owner[last]] = np.sign(significance[last])
    recovered = forced & (significance * sign[owner] >= min_forced_snr)
    chosen = counts & (above | speaks | faded | recovered)
    return _distinct_nights(owner[chosen], np.asarray(rows["night"], dtype=np.int64)[chosen], n_objects)


def score_history(found: _Columns, owner: _Index, *, n_objects: int) -> dict[str, np.ndarray]:
    """Reduce the history of the score.

    Parameters
    ----------
    found
        Columns ``score`` and ``midpointMjdTai`` of the detections, each of shape (N,).
    owner
        Object of each detection, shape (N,).
    n_objects
        Number of objects M.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        ``max_score``, ``mean_score``, ``score_scatter``, ``first_score`` and
        ``last_score`` of the known scores, each of shape (M,); NaN without one.
    """
    known = np.isfinite(found["score"])
    score, time, own = (np.asarray(a)[known] for a in (found["score"], found["midpointMjdTai"], owner))
    count = np.maximum(np.bincount(own, minlength=n_objects), 1)
    mean = total(score, own, n_objects) / count
    scatter = np.sqrt(total((score - mean[own]) ** 2, own, n_objects) / count)
    columns = {"max_score": extreme(np.fmax, score, own, n_objects)}
    for name, value in (("mean_score", mean), ("score_scatter", scatter)):
        columns[name] = np.where(np.isfinite(columns["max_score"]), value, np.nan)
    order = np.lexsort((time, own))
    is_first = np.diff(own[order], prepend=-1) != 0
    is_last = np.diff(own[order], append=-1) != 0
    for name, rows in (("first_score", order[is_first]), ("last_score", order[is_last])):
        columns[name] = np.full(n_objects, np.nan)
        columns[name][own[rows]] = score[rows]
    return columns


def detection_times(found: _Columns, owner: _Index, *, n_objects: int) -> dict[str, np.ndarray]:
    """Return when each object was detected.

    Parameters
    ----------
    found
        Column ``midpointMjdTai`` of the detections, shape (N,).
    owner
        Object of each detection, shape (N,).
    n_objects
        Number of objects M.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        ``first_mjd``, ``last_mjd`` and ``duration`` in days, each of shape (M,).
    """
    first = extreme(np.fmin, found["midpointMjdTai"], owner, n_objects)
    last = extreme(np.fmax, found["midpointMjdTai"], owner, n_objects)
    return {"first_mjd": first, "last_mjd": last, "duration": last - first}


def _distinct_nights(owner: _Index, night: _Index, n_objects: int) -> _Index:
    """Return the number of distinct nights of each object."""
    _, first = group_pairs(owner, night)
    return np.bincount(owner[first], minlength=n_objects)


def _text(
    names: npt.NDArray[np.str_], counts: npt.NDArray[np.int64], *, counted: bool
) -> npt.NDArray[np.str_]:
    """Write the bands of each object, ``gr``, or with their counts of shape (M, bands), ``g3 r5``."""
    text = np.full(len(counts), "", dtype="U1")
    for name, count in zip(names, counts.T, strict=True):
        item = np.full(len(count), str(name))
        if counted:
            item = np.char.add(np.where(text != "", " ", ""), np.char.add(item, count.astype(str)))
        text = np.char.add(text, np.where(count > 0, item, ""))
    return text
