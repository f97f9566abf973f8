# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""When, in which bands and with which scores objects were detected."""

from __future__ import annotations

__all__ = (
    "detection_counts",
    "detection_times",
    "distinct_nights",
    "extreme",
    "score_history",
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
    detection of the object, in whatever band, has the sign of that.
    """
    _, band = np.unique(np.asarray(found["band"], dtype=str), return_inverse=True)
    group, _ = group_pairs(owner, band.astype(np.int64))
    flux = np.nan_to_num(np.asarray(found["psfFlux"], dtype=float))
    order = np.lexsort((np.abs(flux), group))
    is_last = np.diff(group[order], append=-1) != 0
    leading = np.sign(flux[order[is_last]])[group]
    n_objects = int(owner.max(initial=-1)) + 1
    positive, negative = (np.bincount(owner[sign * flux > 0], minlength=n_objects) for sign in (1, -1))
    n_agree = np.where(leading > 0, positive[owner], negative[owner])
    is_echo: npt.NDArray[np.bool_] = (np.sign(flux) != leading) & (n_agree < 2)
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
        [distinct_nights(owner[band == i], night[band == i], n_objects) for i in range(n_bands)],
        dtype=np.int64,
    )
    n_detections = np.bincount(owner, minlength=n_objects)
    return {
        "n_detections": n_detections,
        "n_nights": distinct_nights(owner, night, n_objects),
        "n_nights_above": distinct_nights(owner[above], night[above], n_objects),
        "n_bands": (detections > 0).sum(axis=1),
        "bands": _text(names, detections, counted=False),
        "detections_by_band": _text(names, detections, counted=True),
        "nights_by_band": _text(names, band_nights.reshape(n_bands, n_objects).T, counted=True),
        "negative_fraction": total(negative, owner, n_objects) / np.maximum(n_detections, 1),
        "n_injected": np.bincount(owner[np.asarray(found["is_injected"], dtype=bool)], minlength=n_objects),
    }


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


def distinct_nights(owner: _Index, night: _Index, n_objects: int) -> _Index:
    """Return the number of distinct nights of each object.

    Parameters
    ----------
    owner
        Object of each epoch, shape (N,).
    night
        Night of each, shape (N,).
    n_objects
        Number of objects M.

    Returns
    -------
    number : `numpy.ndarray`
        Number of nights, int64, shape (M,).
    """
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
