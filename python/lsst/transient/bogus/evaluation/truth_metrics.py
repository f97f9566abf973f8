# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metric rows of a simulated survey: scores against the true classes."""

from __future__ import annotations

__all__ = ("detection_metrics", "recovery_curves", "truth_metrics")

from collections.abc import Mapping, Sequence

import numpy as np
from astropy.table import Table

from ..binned import binned_fraction, brier_score, expected_calibration_error, wilson_interval
from ..metrics import bootstrap_metrics
from ..ranking import threshold_at_fpr
from ..resampling import Estimate
from .rows import CurvePoints, MetricRow, metric_rows
from .subsets import quantile_strata

FIXED_FPR = 0.01
"""False positive rate, of true bogus, at which recovery is compared between kinds."""


def truth_metrics(
    sources: Table,
    subsets: Mapping[str, np.ndarray],
    threshold: float,
    *,
    rng: np.random.Generator,
    n_resamples: int,
) -> list[MetricRow]:
    """Measure the scores against the true classes.

    Parameters
    ----------
    sources
        Evaluated detections with a column ``true_kind``, empty for bogus.
    subsets
        Mask of each subset.
    threshold
        Working threshold.
    rng
        Source of randomness of the bootstrap over visits.
    n_resamples
        Number of resamples.

    Returns
    -------
    rows : `list` [`MetricRow`]
        The confusion of every subset with injections and hidden real detections as
        positives; in the subset ``unlabelled`` the same of the hidden ones alone, with the
        true contamination and purity; and the recovery of each kind of hidden source.
    """
    label, rank, visit = (np.asarray(sources[name]) for name in ("label", "rank", "visit"))
    kind = np.where(label == 1, "", np.asarray(sources["true_kind"]))
    hidden = kind != ""
    real = hidden | (label == 1)
    rows: list[MetricRow] = []
    unlabelled = label != 1
    for name, mask in {**subsets, "unlabelled": unlabelled}.items():
        measured = bootstrap_metrics(
            real[mask].astype(int), rank[mask], visit[mask], threshold, rng=rng, n_resamples=n_resamples
        )
        rows += metric_rows(name, "truth", measured)
    n = int(unlabelled.sum())
    score = np.asarray(sources["score"])[unlabelled]
    outcome = hidden[unlabelled].astype(int)
    selected = rank[unlabelled] >= threshold
    values: dict[str, Estimate | float] = {
        "contamination": Estimate(float(outcome.mean()) if n else np.nan, n=n),
        "purity": _fraction(outcome[selected]),
        "brier": Estimate(brier_score(outcome, score), n=n),
        "ece": Estimate(expected_calibration_error(outcome, score), n=n),
    }
    rows += metric_rows("unlabelled", "truth", values)
    return rows + _recovery_metrics(sources, kind, threshold)


def _fraction(hit: np.ndarray) -> Estimate:
    low, high = wilson_interval(np.array([np.sum(hit)]), np.array([len(hit)]))
    value = float(np.mean(hit)) if len(hit) else np.nan
    return Estimate(value, float(low[0]), float(high[0]), len(hit))


def _recovery_metrics(sources: Table, kind: np.ndarray, threshold: float) -> list[MetricRow]:
    """Recovery of each kind of hidden source, beside injections of the same brightness."""
    label, rank = np.asarray(sources["label"]), np.asarray(sources["rank"])
    snr = np.asarray(sources["snr"], dtype=float)
    injected = label == 1
    bogus = ~injected & (kind == "")
    strict = threshold_at_fpr(np.zeros(int(bogus.sum())), rank[bogus], FIXED_FPR)
    rows: list[MetricRow] = []
    for name in ("hidden", *np.unique(kind[kind != ""])):
        mask = kind != "" if name == "hidden" else kind == name
        values: dict[str, Estimate | float] = {
            "recovery": _fraction(rank[mask] >= threshold),
            "recovery_at_fpr_1": _fraction(rank[mask] >= strict),
        }
        if injected.any() and mask.any():
            stratum = quantile_strata(snr, snr[mask], min(5, int(mask.sum())))
            for metric, limit in (("recovery", threshold), ("recovery_at_fpr_1", strict)):
                found = np.bincount(stratum[injected], weights=rank[injected] >= limit, minlength=5)
                number = np.bincount(stratum[injected], minlength=5)
                share = np.bincount(stratum[mask], minlength=5) * (number > 0)
                with np.errstate(divide="ignore", invalid="ignore"):
                    mean = np.sum(share * np.nan_to_num(found / number)) / share.sum()
                values[f"{metric}_injected_same_snr"] = Estimate(float(mean), n=int(injected.sum()))
        rows += metric_rows(f"kind={name}", "truth", values)
    return rows


def recovery_curves(sources: Table, threshold: float, *, snr_edges: Sequence[float]) -> list[CurvePoints]:
    """Trace recovery at the working threshold against signal-to-noise, per kind.

    Parameters
    ----------
    sources
        Evaluated detections; with a column ``true_kind`` hidden sources are traced too.
    threshold
        Working threshold.
    snr_edges
        Edges of the bins of signal-to-noise.

    Returns
    -------
    curves : `list` [`CurvePoints`]
        ``recovery_snr``: of the detections of each kind, the fraction selected.
    """
    label, rank = np.asarray(sources["label"]), np.asarray(sources["rank"])
    kinds = {"injected": label == 1}
    if "true_kind" in sources.colnames:
        kind = np.where(label == 1, "", np.asarray(sources["true_kind"]))
        kinds |= {"hidden": kind != ""} | {str(k): kind == k for k in np.unique(kind[kind != ""])}
    edges = np.asarray(snr_edges, dtype=float)
    centres = np.sqrt(edges[1:] * edges[:-1])
    curves = []
    for name, mask in kinds.items():
        snr = np.asarray(sources["snr"], dtype=float)[mask]
        fraction, low, high, number = binned_fraction(snr, rank[mask] >= threshold, edges)
        reference = "injected" if name == "injected" else "truth"
        curves.append(CurvePoints("recovery_snr", name, reference, centres, fraction, low, high, number))
    return curves


def detection_metrics(truths: Table, *, min_significance: float = 7.0) -> list[MetricRow]:
    """Measure how many of the true changes were detected at all, before any score.

    Parameters
    ----------
    truths
        All true changes, as made by `truth_table`.
    min_significance
        Changes below it are not counted: noise decides whether they are found.

    Returns
    -------
    rows : `list` [`MetricRow`]
        ``detection_completeness`` of every kind; ``n`` is the number of true changes.
    """
    kind = np.asarray(truths["kind"], dtype=str)
    bright = np.abs(np.asarray(truths["significance"], dtype=float)) >= min_significance
    found = np.asarray(truths["is_found"], dtype=bool)
    rows: list[MetricRow] = []
    for name in ("hidden", *np.unique(kind[kind != ""])):
        mask = bright & ((kind == name) if name != "hidden" else True)
        rows += metric_rows(f"kind={name}", "truth", {"detection_completeness": _fraction(found[mask])})
    return rows
