# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which detections of a simulated survey are really astrophysical."""

from __future__ import annotations

__all__ = ("TRUTH_COLUMNS", "TruthMatch", "match_truth", "truth_significance", "truth_table")

import dataclasses

import numpy as np
from astropy.table import Table

from ..columns import SIMULATED_TRUTH
from ..matching import match_one_to_one

TRUTH_COLUMNS = ("truth_id", "kind", "ra", "dec", "flux", "reference_flux", "flux_sigma")
"""Columns read of a truth table."""


@dataclasses.dataclass(frozen=True)
class TruthMatch:
    """Detections of one detector matched to the changing sources that are there.

    Parameters
    ----------
    kind
        Kind of the true source of each detection, shape (N,); empty for bogus.
    truth_id
        True object of each detection, shape (N,); 0 for bogus.
    true_kind
        Kind of every true source that has changed enough, shape (M,).
    true_significance
        Its change over its error, shape (M,).
    is_found
        Whether it was detected, shape (M,).
    """

    kind: np.ndarray
    truth_id: np.ndarray
    true_kind: np.ndarray
    true_significance: np.ndarray
    is_found: np.ndarray


def truth_significance(truth: Table) -> np.ndarray:
    """Measure by how many standard errors each true source has changed.

    Parameters
    ----------
    truth
        Truth table of one detector.

    Returns
    -------
    significance : `numpy.ndarray`
        (flux − reference flux) / error, signed, shape (M,).
    """
    change = np.asarray(truth["flux"], dtype=float) - np.asarray(truth["reference_flux"], dtype=float)
    return change / np.asarray(truth["flux_sigma"], dtype=float)


def match_truth(
    ra: np.ndarray,
    dec: np.ndarray,
    flux: np.ndarray,
    truth: Table | None,
    *,
    radius_arcsec: float,
    min_significance: float,
) -> TruthMatch:
    """Match detections to true changes, one to one.

    Parameters
    ----------
    ra
        Right ascension of the detections, shape (N,), degrees.
    dec
        Declination of the detections, shape (N,), degrees.
    flux
        Signed difference flux of the detections, shape (N,); a detection whose sign
        contradicts the true change is not a match.  NaN fits either sign.
    truth
        Truth table of the same visit and detector; `None` if nothing has changed there.
    radius_arcsec
        Largest separation of a match.
    min_significance
        True sources that changed by fewer standard errors cannot be what was detected.

    Returns
    -------
    match : `TruthMatch`
        True kind of each detection, and which true changes were found.
    """
    if truth is None:
        truth = SIMULATED_TRUTH.empty()
    SIMULATED_TRUTH.check(truth, TRUTH_COLUMNS)
    significance = truth_significance(truth)
    changed = np.abs(significance) >= min_significance
    truth, significance = truth[changed], significance[changed]
    kind = np.asarray(truth["kind"], dtype=str)
    is_found = np.zeros(len(truth), dtype=bool)
    detected_kind = np.full(len(ra), "", dtype=kind.dtype if len(kind) else "U1")
    truth_id = np.zeros(len(ra), dtype=np.int64)
    if len(ra) and len(truth):
        i, j, _ = match_one_to_one(
            ra, dec, np.asarray(truth["ra"]), np.asarray(truth["dec"]), radius_arcsec=radius_arcsec
        )
        agrees = ~(np.asarray(flux)[i] * significance[j] < 0)
        i, j = i[agrees], j[agrees]
        detected_kind[i], truth_id[i], is_found[j] = kind[j], np.asarray(truth["truth_id"])[j], True
    return TruthMatch(detected_kind, truth_id, kind, significance, is_found)


def truth_table(match: TruthMatch) -> Table:
    """List the true changes of one detector and whether they were detected.

    Parameters
    ----------
    match
        As made by `match_truth`.

    Returns
    -------
    table : `astropy.table.Table`
        Columns ``kind``, ``significance`` and ``is_found``.
    """
    return Table(
        {"kind": match.true_kind, "significance": match.true_significance, "is_found": match.is_found}
    )
