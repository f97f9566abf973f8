# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Summaries of clusters, by hand."""

from __future__ import annotations

import numpy as np

from lsst.transient.bogus.clusters import summarise_clusters
from lsst.transient.bogus.columns import CLUSTERS, EMBEDDING


def _embedding(cluster):
    n = len(cluster)
    return EMBEDDING.build(
        {
            "diaSourceId": 100 + np.arange(n),
            "visit": np.arange(n),
            "detector": np.full(n, 3),
            "band": np.full(n, "r"),
            "umap_x": np.arange(n) ** 2,
            "umap_y": np.zeros(n),
            "cluster": cluster,
            "label": np.arange(n) % 2,
            "score": np.arange(n) / 10,
            "snr": 5.0 + np.arange(n),
        }
    )


def test_every_cluster_has_its_row():
    cluster = np.array([1, 0, -1, 0, 1, 0])
    table = summarise_clusters(_embedding(cluster), np.array([1, 1, 1, -1, -1, 1]), n_typical=2)
    CLUSTERS.check(table)
    assert table["n"].tolist() == [3, 2]
    np.testing.assert_allclose(table["injected_fraction"], [1.0, 0.0])
    np.testing.assert_allclose(table["negative_fraction"], [1 / 3, 1 / 2])
    np.testing.assert_allclose(table["median_snr"], [8.0, 7.0])
    np.testing.assert_allclose(table["umap_x"], [9.0, 8.0])
    # Rows 1, 3 and 5 lie at 1, 9 and 25: row 3 is the median, row 1 is nearer than row 5.
    assert table["typical_ids"].tolist()[0] == [103, 101]
    assert table["typical_visits"].tolist()[0] == [3, 1]


def test_a_cluster_smaller_than_the_sample_is_padded():
    table = summarise_clusters(_embedding(np.array([0, 0])), np.ones(2), n_typical=4)
    assert table["typical_ids"].tolist() == [[100, 101, 0, 0]]


def test_no_cluster_gives_a_typed_table():
    table = summarise_clusters(_embedding(np.full(3, -1)), np.ones(3), n_typical=4)
    CLUSTERS.check(table)
    assert table["typical_ids"].shape == (0, 4)
