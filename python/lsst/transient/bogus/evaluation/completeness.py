# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many injections are found, undetected ones included."""

from __future__ import annotations

__all__ = ("MATCH_COLUMNS", "completeness_curves", "completeness_metrics", "injection_table")

from collections.abc import Sequence

import numpy as np
from astropy.table import Table

from ..binned import binned_fraction, wilson_interval
from ..resampling import Estimate
from .rows import CurvePoints, MetricRow, metric_rows

MATCH_COLUMNS = ("injection_id", "mag", "band", "is_hostless", "injection_flag", "diaSourceId")
"""Columns read of a table of injection matches."""

_NJY_ZERO_POINT = 31.4


def injection_table(matches: Table, sources: Table, *, visit: int, detector: int) -> Table:
    """Say of every injection of one detector whether it was found, and with what score.

    Parameters
    ----------
    matches
        One row per injection, with `MATCH_COLUMNS`; ``band`` (then that of the DIA
        sources), ``is_hostless`` and ``injection_flag`` may be missing.
    sources
        The detector's DIA sources, as made by `join_sources`.
    visit
        Visit.
    detector
        Detector.

    Returns
    -------
    injections : `astropy.table.Table`
        One row per injection that was really drawn.  ``snr`` is the significance expected
        of its magnitude, from the median error of a PSF flux on this detector.
    """
    n = len(matches)
    columns = matches.colnames
    drawn = np.asarray(matches["injection_flag"]) == 0 if "injection_flag" in columns else np.ones(n, bool)
    hostless = (
        np.asarray(matches["is_hostless"], dtype=bool) if "is_hostless" in columns else np.zeros(n, bool)
    )
    found_id = np.asarray(matches["diaSourceId"])
    ids = np.asarray(sources["diaSourceId"])
    order = np.argsort(ids)
    row = np.minimum(np.searchsorted(ids, found_id, sorter=order), max(len(ids) - 1, 0))
    row = order[row] if len(ids) else row
    found = (found_id != 0) & (ids[row] == found_id) if len(ids) else np.zeros(n, bool)
    score = np.full(n, np.nan)
    score[found] = np.asarray(sources["rank"])[row[found]]
    errors = np.asarray(sources["flux_err"], dtype=float)
    noise = np.median(errors[errors > 0]) if np.any(errors > 0) else np.nan
    if "band" in columns:
        band = np.asarray(matches["band"], dtype=str)
    else:
        band = np.full(n, str(sources["band"][0]) if len(sources) else "")
    mag = np.ma.filled(np.ma.asarray(matches["mag"], dtype=float), np.nan)
    table = Table(
        {
            "visit": np.full(n, visit, dtype=np.int64),
            "detector": np.full(n, detector, dtype=np.int32),
            "band": band,
            "mag": mag,
            "snr": 10.0 ** (0.4 * (_NJY_ZERO_POINT - mag)) / noise,
            "is_hostless": hostless,
            "is_found": found,
            "rank": score,
        }
    )
    return table[drawn]


def completeness_metrics(injections: Table, threshold: float) -> list[MetricRow]:
    """Count injections, detected ones and selected ones.

    Parameters
    ----------
    injections
        As made by `injection_table`, for all detectors.
    threshold
        Working threshold.

    Returns
    -------
    rows : `list` [`MetricRow`]
        ``n_injected``, ``completeness`` (detected) and ``completeness_selected`` (detected
        and at or above the threshold), for all, by band and by host.
    """
    rows: list[MetricRow] = []
    for name, mask in _injection_subsets(injections).items():
        n = int(mask.sum())
        found = np.asarray(injections["is_found"])[mask]
        selected = found & (np.asarray(injections["rank"])[mask] >= threshold)
        values: dict[str, Estimate | float] = {"n_injected": Estimate(n, n=n)}
        for metric, hit in (("completeness", found), ("completeness_selected", selected)):
            low, high = wilson_interval(np.array([hit.sum()]), np.array([n]))
            values[metric] = Estimate(hit.mean() if n else np.nan, float(low[0]), float(high[0]), n)
        rows += metric_rows(name, "injected", values)
    return rows


def _injection_subsets(injections: Table) -> dict[str, np.ndarray]:
    band, hostless = np.asarray(injections["band"]), np.asarray(injections["is_hostless"])
    subsets = {"all": np.ones(len(injections), dtype=bool)}
    subsets |= {f"band={name}": band == name for name in np.unique(band)}
    return subsets | {"host=hosted": ~hostless, "host=hostless": hostless}


def completeness_curves(
    injections: Table, threshold: float, *, snr_edges: Sequence[float], mag_step: float = 0.5
) -> list[CurvePoints]:
    """Trace completeness against magnitude and expected significance.

    Parameters
    ----------
    injections
        As made by `injection_table`, for all detectors.
    threshold
        Working threshold.
    snr_edges
        Edges of the bins of expected significance.
    mag_step
        Width of the magnitude bins.

    Returns
    -------
    curves : `list` [`CurvePoints`]
        ``completeness_mag`` and ``completeness_snr`` (detected), and the same with
        ``_selected`` (detected and at or above the threshold).
    """
    mag, snr = np.asarray(injections["mag"]), np.asarray(injections["snr"])
    finite = mag[np.isfinite(mag)]
    if len(finite) == 0:
        return []
    first, last = np.floor(finite.min() / mag_step), np.floor(finite.max() / mag_step) + 1
    mag_edges = np.arange(first, last + 1) * mag_step
    edges = np.asarray(snr_edges, dtype=float)
    axes = (
        ("completeness_mag", mag, mag_edges, (mag_edges[1:] + mag_edges[:-1]) / 2),
        ("completeness_snr", snr, edges, np.sqrt(edges[1:] * edges[:-1])),
    )
    found = np.asarray(injections["is_found"])
    selected = found & (np.asarray(injections["rank"]) >= threshold)
    curves = []
    for name, mask in _injection_subsets(injections).items():
        for curve, value, bins, centres in axes:
            for suffix, hit in (("", found), ("_selected", selected)):
                fraction, low, high, number = binned_fraction(value[mask], hit[mask], bins)
                curves.append(
                    CurvePoints(curve + suffix, name, "injected", centres, fraction, low, high, number)
                )
    return curves
