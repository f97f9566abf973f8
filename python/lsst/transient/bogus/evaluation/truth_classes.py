# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of real detection of a simulated survey against bogus of its own sign."""

from __future__ import annotations

__all__ = ("CLASS_METRICS", "class_metrics", "class_subset")

from collections.abc import Iterator

import numpy as np
from astropy.table import Table

from ..metrics import bootstrap_metrics
from ..resampling import Estimate
from .rows import MetricRow, metric_rows
from .subsets import matched_subset

CLASS_METRICS = ("auc", "sensitivity", "specificity", "fpr_at_tpr_90")
"""Measures of every class."""

MIN_DETECTIONS = 5
"""Fewest detections of a class, and of bogus, that are compared."""


def class_subset(name: str, sign: str, *, matched: bool = False) -> str:
    """Return the name of a subset.

    Parameters
    ----------
    name
        ``injected``, ``hidden`` (every real detection nobody labelled) or a kind of these.
    sign
        ``positive`` or ``negative``.
    matched
        Whether class and bogus are matched in significance and template flux.

    Returns
    -------
    subset : `str`
        Name in the table of metrics.
    """
    return f"class={name},sign={sign}{',matched' if matched else ''}"


def class_metrics(
    sources: Table, threshold: float, *, rng: np.random.Generator, n_resamples: int
) -> list[MetricRow]:
    """Measure each class of real detections against bogus of the same sign.

    Parameters
    ----------
    sources
        Evaluated detections with a column ``true_kind``, empty for bogus.
    threshold
        Working threshold.
    rng
        Source of randomness of the bootstrap over visits and of the matching.
    n_resamples
        Number of resamples.

    Returns
    -------
    rows : `list` [`MetricRow`]
        ``n_detections`` and `CLASS_METRICS` of every `class_subset` with enough of both, by
        itself and matched.  A network that knows its injections by a shortcut, such as the
        sign, has a good ``injected`` and a poor ``hidden``.
    """
    rank, visit = np.asarray(sources["rank"]), np.asarray(sources["visit"])
    rows: list[MetricRow] = []
    for name, sign, is_class, is_bogus in _classes(sources):
        pair = is_class | is_bogus
        for matched in (False, True):
            chosen = (
                pair & matched_subset(sources, rng=rng, positive=is_class, among=pair) if matched else pair
            )
            n = int(np.sum(chosen & is_class))
            if n < MIN_DETECTIONS:
                continue
            measured = bootstrap_metrics(
                is_class[chosen].astype(int), rank[chosen], visit[chosen], threshold, rng=rng,
                n_resamples=n_resamples, tprs=(0.9,), n_levels=200,
            )  # fmt: skip
            values = {"n_detections": Estimate(n, n=n)} | {k: measured[k] for k in CLASS_METRICS}
            rows += metric_rows(class_subset(name, sign, matched=matched), "truth", values)
    return rows


def _classes(sources: Table) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Yield name, sign, members and bogus of every class that is numerous enough."""
    injected = np.asarray(sources["label"]) == 1
    kind = np.where(injected, "", np.asarray(sources["true_kind"]))
    positive = np.asarray(sources["sign"]) > 0
    members = {"injected": injected, "hidden": kind != ""}
    members |= {str(name): kind == name for name in np.unique(kind[kind != ""])}
    bogus = ~injected & (kind == "")
    for name, mask in members.items():
        for sign, has_sign in (("positive", positive), ("negative", ~positive)):
            if min(np.sum(mask & has_sign), np.sum(bogus & has_sign)) >= MIN_DETECTIONS:
                yield name, sign, mask & has_sign, bogus & has_sign
