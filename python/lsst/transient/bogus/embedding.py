# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two dimensions out of many: UMAP of latent features, and density clusters in it."""

from __future__ import annotations

__all__ = (
    "Projection",
    "UmapSpec",
    "density_clusters",
    "fit_projection",
    "stratified_rows",
    "umap_coordinates",
)

import dataclasses
import warnings

import numpy as np

_CHUNK = 8192


@dataclasses.dataclass(frozen=True)
class Projection:
    """A linear map of features onto their principal components, each of unit variance.

    Parameters
    ----------
    mean
        Mean of the features, shape (D,).
    axes
        Components over their standard deviations, shape (D, P).
    explained
        Fraction of the variance that the components hold.
    """

    mean: np.ndarray
    axes: np.ndarray
    explained: float

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Project features.

        Parameters
        ----------
        features
            Features, shape (N, D).

        Returns
        -------
        components : `numpy.ndarray`
            float32, shape (N, P).
        """
        return ((features - self.mean) @ self.axes).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class UmapSpec:
    """How coordinates are made.

    Parameters
    ----------
    n_neighbors
        Neighbours that define the local structure.
    min_dist
        Smallest distance of points in the picture.
    n_epochs
        Steps of the optimisation; 0 for UMAP's own choice.
    seed
        Seed; the same seed gives the same picture.
    """

    n_neighbors: int = 15
    min_dist: float = 0.1
    n_epochs: int = 0
    seed: int = 0


def stratified_rows(stratum: np.ndarray, n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Choose rows so that rare strata are not lost.

    Parameters
    ----------
    stratum
        Stratum of each row, shape (N,).
    n_rows
        Number of rows wanted.

    rng
        Source of randomness.

    Returns
    -------
    rows : `numpy.ndarray`
        Ascending row numbers: all rows if there are at most ``n_rows``; else a random
        choice that takes small strata whole and gives the rest equal shares.
    """
    n = len(stratum)
    if n <= n_rows:
        return np.arange(n)
    members = np.unique(stratum, return_inverse=True)[1]
    sizes = np.bincount(members)
    left, quota = n_rows, np.zeros(len(sizes), dtype=np.int64)
    for position, index in enumerate(np.argsort(sizes)):
        quota[index] = min(int(sizes[index]), left // (len(sizes) - position))
        left -= int(quota[index])
    order = rng.permutation(n)
    order = order[np.argsort(members[order], kind="stable")]
    place = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[place < quota[members[order]]])


def fit_projection(features: np.ndarray, n_components: int) -> Projection:
    """Find the principal components of features.

    Parameters
    ----------
    features
        Finite features, shape (N, D).
    n_components
        Number of components; fewer if N or D is smaller, or where nothing varies.

    Returns
    -------
    projection : `Projection`
        The map.
    """
    mean = features.mean(axis=0)
    centred = (features - mean).astype(np.float64)
    variance, axes = np.linalg.eigh(centred.T @ centred / max(len(features) - 1, 1))
    variance, axes = variance[::-1], axes[:, ::-1]
    total = float(np.maximum(variance, 0.0).sum())
    keep = min(n_components, len(features), int(np.sum(variance > 1e-10 * max(total, 1e-300))))
    scale = np.sqrt(variance[0]) if keep else 1.0
    # One scale for all: components of little variance are mostly noise.
    explained = float(variance[:keep].sum() / total) if total > 0 else 0.0
    return Projection(mean, axes[:, :keep] / scale, explained)


def umap_coordinates(components: np.ndarray, fit_rows: np.ndarray, spec: UmapSpec) -> np.ndarray:
    """Fit UMAP on some rows and place the others in the same picture.

    Parameters
    ----------
    components
        Finite features, shape (N, P).
    fit_rows
        Rows to fit on.
    spec
        How.

    Returns
    -------
    coordinates : `numpy.ndarray`
        float32, shape (N, 2).  With too few rows for UMAP the first two components.
    """
    n_fit = len(fit_rows)
    if n_fit < 10 or components.shape[1] < 2:
        padded = np.zeros((len(components), 2), dtype=np.float32)
        padded[:, : min(2, components.shape[1])] = components[:, :2]
        return padded
    from sklearn.neighbors import NearestNeighbors

    n_neighbors = min(spec.n_neighbors, n_fit - 1)
    finder = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(components[fit_rows])
    coordinates = np.empty((len(components), 2), dtype=np.float32)
    coordinates[fit_rows] = _fit_umap(components[fit_rows], finder.kneighbors(components[fit_rows]), spec)
    others = np.setdiff1d(np.arange(len(components)), fit_rows)
    for part in np.array_split(others, -(-len(others) // _CHUNK)) if len(others) else ():
        distance, neighbour = finder.kneighbors(components[part])
        # The weights of UMAP's own graph, with the distance to the nearest as the scale.
        scale = np.maximum(distance.mean(axis=1) - distance[:, 0], 1e-12)
        weight = np.exp(-(distance - distance[:, :1]) / scale[:, None])
        weight /= weight.sum(axis=1, keepdims=True)
        coordinates[part] = np.einsum("nk,nkc->nc", weight, coordinates[fit_rows[neighbour]])
    return coordinates


def _fit_umap(
    components: np.ndarray, neighbours: tuple[np.ndarray, np.ndarray], spec: UmapSpec
) -> np.ndarray:
    """Run UMAP with known neighbours: its own search takes longer to compile than to run."""
    with warnings.catch_warnings():
        # Of tensorflow (not used), of the single thread that a seed implies (wanted), and that
        # new data cannot be placed by UMAP itself.
        warnings.simplefilter("ignore")
        from umap import UMAP

        distance, index = neighbours
        model = UMAP(
            n_neighbors=index.shape[1],
            min_dist=spec.min_dist,
            n_epochs=spec.n_epochs or None,
            random_state=spec.seed,
            init="pca" if len(components) > components.shape[1] else "random",
            precomputed_knn=(index, distance.astype(np.float32)),
        )
        return np.asarray(model.fit_transform(components))


def density_clusters(
    coordinates: np.ndarray, fit_rows: np.ndarray, *, min_size: int, min_samples: int
) -> np.ndarray:
    """Find clusters of high density in the picture.

    Parameters
    ----------
    coordinates
        Finite coordinates, shape (N, 2).
    fit_rows
        Rows in which the clusters are looked for.
    min_size
        Fewest of those rows in a cluster.
    min_samples
        Neighbours that make a place dense: larger values call more points noise.

    Returns
    -------
    cluster : `numpy.ndarray`
        int32, shape (N,): 0 for the largest cluster and so on, -1 for none.  Rows that
        were not looked at join the cluster of their nearest neighbour among those.
    """
    cluster = np.full(len(coordinates), -1, dtype=np.int32)
    if len(fit_rows) < max(min_size, min_samples) + 1:
        return cluster
    from scipy.spatial import cKDTree
    from sklearn.cluster import HDBSCAN

    finder = HDBSCAN(min_cluster_size=min_size, min_samples=min_samples, copy=True)
    found = finder.fit_predict(coordinates[fit_rows])
    members = found[found >= 0]
    if len(members) == 0:
        return cluster
    rank = np.empty(members.max() + 1, dtype=np.int32)
    rank[np.argsort(-np.bincount(members), kind="stable")] = np.arange(members.max() + 1)
    cluster[fit_rows] = np.where(found >= 0, rank[found], -1)
    others = np.setdiff1d(np.arange(len(coordinates)), fit_rows)
    if len(others):
        nearest = cKDTree(coordinates[fit_rows]).query(coordinates[others])[1]
        cluster[others] = cluster[fit_rows][nearest]
    return cluster
