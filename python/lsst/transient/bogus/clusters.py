# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the density clusters of an embedding are made of."""

from __future__ import annotations

__all__ = ("summarise_clusters",)

import numpy as np
from astropy.table import Table

from .columns import CLUSTERS


def summarise_clusters(embedding: Table, sign: np.ndarray, *, n_typical: int = 8) -> Table:
    """Describe every cluster, so that a kind of artefact can be named and found again.

    Parameters
    ----------
    embedding
        Table of the schema ``EMBEDDING``.
    sign
        Sign of each detection, shape (N,).
    n_typical
        Number of typical detections: those nearest to the cluster's median position.

    Returns
    -------
    clusters : `astropy.table.Table`
        Table of the schema ``CLUSTERS``.
    """
    cluster = np.asarray(embedding["cluster"])
    n_clusters = int(cluster.max(initial=-1)) + 1
    if n_clusters == 0:
        return CLUSTERS.empty(typical=n_typical)
    inside = np.flatnonzero(cluster >= 0)
    # Rows sorted by cluster: every cluster is one slice.
    rows = inside[np.argsort(cluster[inside], kind="stable")]
    ends = np.cumsum(np.bincount(cluster[inside], minlength=n_clusters))
    data: dict[str, list[np.ndarray | float]] = {name: [] for name in CLUSTERS.names}
    x, y = np.asarray(embedding["umap_x"]), np.asarray(embedding["umap_y"])
    for index, members in enumerate(np.split(rows, ends[:-1])):
        centre = np.median(x[members]), np.median(y[members])
        nearest = members[np.argsort(np.hypot(x[members] - centre[0], y[members] - centre[1]))][:n_typical]
        values = {
            "cluster": index,
            "n": len(members),
            "injected_fraction": np.mean(np.asarray(embedding["label"])[members] == 1),
            "negative_fraction": np.mean(sign[members] < 0),
            "median_snr": np.nanmedian(np.asarray(embedding["snr"])[members]),
            "median_score": np.nanmedian(np.asarray(embedding["score"])[members]),
            "umap_x": centre[0],
            "umap_y": centre[1],
        }
        for name, column in (("ids", "diaSourceId"), ("visits", "visit"), ("detectors", "detector")):
            padded = np.zeros(n_typical, dtype=np.int64)
            padded[: len(nearest)] = np.asarray(embedding[column])[nearest]
            values[f"typical_{name}"] = padded
        for name, value in values.items():
            data[name].append(value)
    return CLUSTERS.build({name: np.array(column) for name, column in data.items()})
