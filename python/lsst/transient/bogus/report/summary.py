# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of a report, as plain JSON."""

from __future__ import annotations

__all__ = ("summarise",)

import dataclasses
import math
from typing import Any

import numpy as np
from astropy.table import Table

from ..evaluation.truth_classes import CLASS_METRICS
from ..metrics import CONFUSION_METRICS
from ..plots.tables import metric_estimate, subsets_of
from ..resampling import Estimate
from .reading import Results

_COUNTS = ("tp", "fn", "fp", "tn")


def summarise(results: Results) -> dict[str, Any]:
    """Put the key numbers into one structure of JSON types.

    Parameters
    ----------
    results
        Results of a collection.

    Returns
    -------
    summary : `dict` [`str`, `~typing.Any`]
        Numbers by name; `None` where undefined.
    """
    metrics = results.tables.metrics
    reference = "injected"
    subsets = subsets_of(metrics, metric="sensitivity", reference=reference)
    headline = [s for s in subsets if not s.startswith(("visit=", "detector=", "at:"))]
    summary: dict[str, Any] = {
        "instrument": results.instrument,
        "collections": list(results.collections),
        "candidate_collections": list(results.candidate_collections),
        "n_dia_sources": _count(metrics, "n_dia_sources"),
        "n_injected": _count(metrics, "n_injected"),
        "n_injected_detected": _count(metrics, "n_injected_detected"),
        "n_ambiguous": _count(metrics, "n_ambiguous"),
        "n_unscored": _count(metrics, "n_unscored"),
        "threshold": _plain(metric_estimate(metrics, "threshold").value),
        "threshold_rule": metrics.meta.get("THRESHOLD_RULE"),
        "confusion": {
            # The first two are always there, whatever could be measured.
            subset: _confusion(metrics, subset, reference)
            for subset in dict.fromkeys(("all", "snr_gt_8", *headline))
        },
        "auc": _plain(metric_estimate(metrics, "auc").value),
        "intervals": {
            name: _interval(metric_estimate(metrics, name)) for name in ("auc", *CONFUSION_METRICS[4:])
        },
        "completeness": _interval(metric_estimate(metrics, "completeness")),
        "completeness_selected": _interval(metric_estimate(metrics, "completeness_selected")),
        "label_free": {
            name: _interval(metric_estimate(metrics, name, "all", "label_free"))
            for name in ("contamination", "tpr", "fpr", "purity")
        },
        "operating_points": {
            s.removeprefix("at:"): _operating_point(metrics, s) for s in subsets if s[:3] == "at:"
        },
    }
    if truth := _truth(metrics):
        summary["truth"] = truth
    summary["n_objects"] = len(results.objects)
    summary["n_candidates"] = len(results.candidates)
    summary["timing"] = {
        label: {k: _plain(v) for k, v in dataclasses.asdict(time).items()}
        for label, time in results.timing.items()
    }
    return summary


def _plain(value: float) -> float | int | None:
    """Return a JSON number, or `None` for what is not finite."""
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if isinstance(value, int | np.integer) else number


def _count(metrics: Table, name: str) -> int | None:
    value = metric_estimate(metrics, name).value
    return int(value) if math.isfinite(value) else None


def _interval(estimate: Estimate) -> dict[str, float | int | None]:
    numbers = {name: _plain(getattr(estimate, name)) for name in ("value", "low", "high")}
    return numbers | {"n": estimate.n}


def _confusion(metrics: Table, subset: str, reference: str) -> dict[str, float | int | None]:
    values: dict[str, float | int | None] = {}
    for name in (*CONFUSION_METRICS, "auc"):
        value = _plain(metric_estimate(metrics, name, subset, reference).value)
        values[name] = int(value) if name in _COUNTS and value is not None else value
    return values


def _operating_point(metrics: Table, subset: str) -> dict[str, float | int | None]:
    values = {"threshold": _plain(metric_estimate(metrics, "threshold", subset).value)}
    values |= _confusion(metrics, subset, "injected")
    values.pop("auc")
    return values | {"purity": _plain(metric_estimate(metrics, "purity", subset, "label_free").value)}


def _truth(metrics: Table) -> dict[str, Any]:
    """Numbers against the simulated truth; empty without one."""
    subsets = subsets_of(metrics, reference="truth")
    if not subsets:
        return {}
    kinds = [s for s in subsets if s.startswith("kind=")]
    classes = [s for s in subsets if s.startswith("class=")]
    confused = [s for s in subsets if not s.startswith(("kind=", "class="))]
    return {
        "confusion": {s: _confusion(metrics, s, "truth") for s in confused},
        "auc": _plain(metric_estimate(metrics, "auc", "all", "truth").value),
        "auc_hidden": _plain(metric_estimate(metrics, "auc", "unlabelled", "truth").value),
        "classes": {
            s.removeprefix("class="): {
                name: _interval(metric_estimate(metrics, name, s, "truth"))
                for name in ("n_detections", *CLASS_METRICS)
            }
            for s in classes
        },
        "contamination": _interval(metric_estimate(metrics, "contamination", "unlabelled", "truth")),
        "purity": _interval(metric_estimate(metrics, "purity", "unlabelled", "truth")),
        "hidden": {
            s.removeprefix("kind="): {
                str(name): _interval(metric_estimate(metrics, str(name), s, "truth"))
                for name in dict.fromkeys(
                    metrics["metric"][(metrics["subset"] == s) & (metrics["reference"] == "truth")].tolist()
                )
            }
            for s in kinds
        },
    }
