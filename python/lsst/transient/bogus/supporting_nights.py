# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nights that speak for an object: by a score, by fading, or by a forced flux."""

from __future__ import annotations

__all__ = ("supporting_nights",)

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .detection_history import distinct_nights
from .evidence import ConfirmationRule


def supporting_nights(
    rows: Mapping[str, np.ndarray],
    owner: npt.NDArray[np.int64],
    *,
    n_objects: int,
    prior: float,
    rule: ConfirmationRule,
    counts: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Count the nights that support each object.

    Parameters
    ----------
    rows
        Columns ``night``, ``score``, ``psfFlux``, ``psfFluxErr`` (nJy) and
        ``is_forced`` of the epochs, each of shape (N,).
    owner
        Object of each epoch, shape (N,).
    n_objects
        Number of objects M.
    prior
        Score that says nothing: the share of transients before a stamp is seen.
    rule
        Working threshold of the score, and significance from which a forced flux counts.
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
    * if there is a negative detection, and at least two positive ones, in whatever bands,
      are above the threshold: a template then holds the source, and networks that
      learn from injections know little of what has faded;
    * if a forced flux is significant and has the sign of the object's most significant
      detection.  What a single visit left in the template of the others, such as a
      glint, has the other sign.
    """
    flux, score = (np.asarray(rows[name], dtype=float) for name in ("psfFlux", "score"))
    forced = np.asarray(rows["is_forced"], dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        significance = np.nan_to_num(flux / np.asarray(rows["psfFluxErr"], dtype=float), posinf=0, neginf=0)
        above, speaks = (~forced & (score > limit) for limit in (rule.score_threshold, prior))
    positive = np.bincount(owner[counts & above & (flux > 0)], minlength=n_objects)
    faded = ~forced & (flux < 0) & (positive[owner] >= 2)
    height = np.where(forced, -1.0, np.abs(significance))
    order = np.lexsort((height, owner))
    last = order[np.diff(owner[order], append=-1) != 0]
    sign = np.zeros(n_objects)
    sign[owner[last]] = np.sign(significance[last])
    recovered = forced & (significance * sign[owner] >= rule.min_forced_snr)
    chosen = counts & (above | speaks | faded | recovered)
    return distinct_nights(owner[chosen], np.asarray(rows["night"], dtype=np.int64)[chosen], n_objects)
