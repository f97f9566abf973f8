# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subsets of the detections in which a shortcut would show."""

from __future__ import annotations

__all__ = ("matched_subset", "quantile_strata", "snr_bins", "standard_subsets")

from collections.abc import Sequence

import numpy as np
from astropy.table import Table


def snr_bins(edges: Sequence[float]) -> dict[str, tuple[float, float]]:
    """Name the bins between edges of signal-to-noise; the last one is open.

    Parameters
    ----------
    edges
        Ascending lower edges.

    Returns
    -------
    bins : `dict` [`str`, `tuple` [`float`, `float`]]
        Lower (inclusive) and upper edge of each bin, by subset name.
    """
    uppers = [*edges[1:], np.inf]
    return {
        f"snr={low:g}-{high:g}" if np.isfinite(high) else f"snr>={low:g}": (float(low), float(high))
        for low, high in zip(edges, uppers, strict=True)
    }


def standard_subsets(
    sources: Table, *, snr_cut: float, snr_edges: Sequence[float], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Select the subsets for which every headline metric is given.

    Parameters
    ----------
    sources
        Evaluated detections.
    snr_cut
        Signal-to-noise above which detections are in the bright subset.
    snr_edges
        Ascending lower edges of the signal-to-noise bins.
    rng
        Source of randomness for the matched subset.

    Returns
    -------
    subsets : `dict` [`str`, `numpy.ndarray`]
        Mask of each subset: ``all``, ``snr_gt_8`` (for a cut of 8), ``matched``, and one
        per signal-to-noise bin, band, sign and kind of host.  A kind of host restricts
        the injections alone: of the others the host is not known.
    """
    snr, positive = np.asarray(sources["snr"]), np.asarray(sources["label"]) == 1
    subsets = {"all": np.ones(len(sources), dtype=bool), f"snr_gt_{snr_cut:g}": snr > snr_cut}
    subsets["matched"] = matched_subset(sources, rng=rng)
    subsets |= {name: (snr >= low) & (snr < high) for name, (low, high) in snr_bins(snr_edges).items()}
    band = np.asarray(sources["band"])
    subsets |= {f"band={name}": band == name for name in np.unique(band)}
    sign = np.asarray(sources["sign"])
    subsets |= {"sign=positive": sign > 0, "sign=negative": sign < 0}
    hostless = np.asarray(sources["is_hostless"])
    subsets |= {"host=hosted": ~positive | ~hostless, "host=hostless": ~positive | hostless}
    return subsets


def matched_subset(
    sources: Table,
    *,
    n_snr_bins: int = 8,
    n_template_bins: int = 4,
    rng: np.random.Generator,
    positive: np.ndarray | None = None,
    among: np.ndarray | None = None,
) -> np.ndarray:
    """Select positives and others with the same sign, signal-to-noise and surroundings.

    Parameters
    ----------
    sources
        Evaluated detections.
    n_snr_bins
        Number of bins of signal-to-noise, equally populated by positives.
    n_template_bins
        Number of bins of the template's signal-to-noise at the detection, which stands
        for the host, equally populated by positives.
    rng
        Source of randomness.
    positive
        The positives, shape (N,); the injections by default.
    among
        Detections to choose from, shape (N,); all by default.

    Returns
    -------
    chosen : `numpy.ndarray`
        Mask, shape (N,): in every cell as many positives as others, chosen at random.

    Notes
    -----
    A classifier that only reads the sign, the brightness or the presence of a galaxy has
    an area under the ROC curve of 0.5 here.
    """
    if positive is None:
        positive = np.asarray(sources["label"]) == 1
    others = ~positive if among is None else among & ~positive
    positive = positive if among is None else among & positive
    chosen = np.zeros(len(sources), dtype=bool)
    if not positive.any() or not others.any():
        return chosen
    strata = [np.asarray(sources["sign"]) > 0]
    for name, n_bins in (("snr", n_snr_bins), ("template_snr", n_template_bins)):
        value = np.nan_to_num(np.asarray(sources[name], dtype=float), nan=0.0)
        strata.append(quantile_strata(value, value[positive], n_bins))
    cell = (strata[0] * n_snr_bins + strata[1]) * n_template_bins + strata[2]
    n_cells = 2 * n_snr_bins * n_template_bins
    wanted = np.minimum(
        np.bincount(cell[positive], minlength=n_cells), np.bincount(cell[others], minlength=n_cells)
    )
    for members in (np.flatnonzero(positive), np.flatnonzero(others)):
        shuffled = rng.permutation(members)
        ordered = shuffled[np.argsort(cell[shuffled], kind="stable")]
        numbers = np.bincount(cell[ordered], minlength=n_cells)
        position = np.arange(len(ordered)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        chosen[ordered[position < wanted[cell[ordered]]]] = True
    return chosen


def quantile_strata(value: np.ndarray, reference: np.ndarray, n_strata: int) -> np.ndarray:
    """Assign values to bins that a reference population fills equally.

    Parameters
    ----------
    value
        Values, shape (N,).
    reference
        Values of the reference population, shape (M,), M ≥ 1.
    n_strata
        Number of bins.

    Returns
    -------
    stratum : `numpy.ndarray`
        Bin of each value, 0 … ``n_strata`` − 1; values beyond the reference fall into
        the outer bins.
    """
    edges = np.quantile(reference, np.linspace(0.0, 1.0, n_strata + 1)[1:-1])
    return np.searchsorted(edges, value, side="right")
