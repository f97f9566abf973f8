# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the map and its clusters take, and whether the same seed gives the same map.

    python benchmarks/embedding.py --sources 1e5 --features 256

The features are drawn: thirty kinds of detections, each a normal distribution along a few
directions, in as many features as the networks of the default model have together.  The
settings are those of ``EmbedTransientBogusTask``; running the networks is not included.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import numpy as np

from lsst.transient.bogus.embedding import (
    UmapSpec,
    density_clusters,
    fit_projection,
    stratified_rows,
    umap_coordinates,
)
from lsst.transient.bogus.tasks.embed import EmbedTransientBogusConfig

N_KINDS, N_DIRECTIONS = 30, 6


def draw_features(n: int, n_features: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return features, float32, shape (N, D), and the kind of each."""
    kind = rng.choice(N_KINDS, n, p=rng.dirichlet(np.full(N_KINDS, 2.0)))
    centre = rng.normal(0.0, 2.0, (N_KINDS, n_features)).astype(np.float32)
    axes = rng.normal(0.0, 0.7, (N_KINDS, N_DIRECTIONS, n_features)).astype(np.float32)
    features = centre[kind] + rng.normal(0.0, 0.3, (n, n_features)).astype(np.float32)
    for k in range(N_KINDS):
        rows = np.flatnonzero(kind == k)
        features[rows] += rng.normal(size=(len(rows), N_DIRECTIONS)).astype(np.float32) @ axes[k]
    return features, kind


def make_map(features: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates and clusters as the task makes them."""
    config = EmbedTransientBogusConfig()
    fit_rows = stratified_rows(kind, config.maxFit, np.random.default_rng(config.seed))
    components = fit_projection(features[fit_rows], config.nComponents).apply(features)
    spec = UmapSpec(config.nNeighbors, config.minDist, config.nEpochs, config.seed)
    coordinates = umap_coordinates(components, fit_rows, spec)
    clusters = density_clusters(
        coordinates, fit_rows, min_size=config.minClusterSize, min_samples=config.minSamples
    )
    return coordinates, clusters


def main() -> None:
    """Time it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sources", type=float, default=1e5)
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--repeat", action="store_true", help="Make the map twice and compare.")
    arguments = parser.parse_args()
    features, kind = draw_features(int(arguments.sources), arguments.features, np.random.default_rng(1))
    start, cpu = time.perf_counter(), time.process_time()
    coordinates, clusters = make_map(features, kind)
    sys.stdout.write(
        f"{len(features)} sources, {features.shape[1]} features, {os.cpu_count()} cores: "
        f"{time.perf_counter() - start:.0f} s wall clock, {time.process_time() - cpu:.0f} s of processor; "
        f"{clusters.max() + 1} clusters of {N_KINDS} kinds\n"
    )
    if arguments.repeat:
        same = np.array_equal(coordinates, make_map(features, kind)[0])
        sys.stdout.write(f"the same seed gives the same map: {same}\n")


if __name__ == "__main__":
    main()
