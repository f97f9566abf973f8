# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of K networks judge a source, and what they say together."""

from __future__ import annotations

__all__ = ("blind_networks", "network_mean", "network_std")

from collections.abc import Sequence

import numpy as np

from .folds import tile_folds


def blind_networks(
    tiles: np.ndarray, training_tiles: np.ndarray, network_fold: Sequence[int], *, n_folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the networks that have not seen a source's sky tile.

    Parameters
    ----------
    tiles
        Sky tile of each source, shape (N,).
    training_tiles
        Sky tiles with training samples.
    network_fold
        Fold held out from each network; -1 for none.
    n_folds
        Number of folds.
    seed
        Seed of the hash from tile to fold.

    Returns
    -------
    use : `numpy.ndarray`
        Which networks judge each source, boolean, shape (K, N): for tiles of the training data
        the blind ones, for others, and where no network is blind, all.
    seen : `numpy.ndarray`
        Whether all networks have seen the source's tile, boolean, shape (N,).
    """
    trained = np.isin(tiles, training_tiles)
    folds = tile_folds(tiles, n_folds=max(1, n_folds), seed=seed)
    blind = np.array(network_fold)[:, None] == folds
    some = trained & blind.any(axis=0)
    return np.where(some, blind, True), trained & ~some


def network_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the networks that were used.

    Parameters
    ----------
    values
        Value by each network, NaN where not used, shape (K, N).

    Returns
    -------
    mean : `numpy.ndarray`
        Shape (N,); NaN where no network was used.
    """
    used = np.isfinite(values)
    total = np.where(used, values, 0.0).sum(axis=0)
    return np.where(used.any(axis=0), total / np.maximum(used.sum(axis=0), 1), np.nan)


def network_std(values: np.ndarray, scatter: np.ndarray | None = None) -> np.ndarray:
    """Return the standard deviation of the networks that were used.

    Parameters
    ----------
    values
        Value by each network, NaN where not used, shape (K, N).
    scatter
        Standard deviation of each network's own value, shape (K, N); none by default.

    Returns
    -------
    std : `numpy.ndarray`
        Shape (N,); NaN where no network was used, or a single one without scatter.

    Notes
    -----
    The law of total variance: the variance of the values, estimated without bias, plus the mean of
    their variances.
    """
    n_used = np.isfinite(values).sum(axis=0)
    variance = network_mean((values - network_mean(values)) ** 2)
    variance *= np.where(n_used > 1, n_used / np.maximum(n_used - 1, 1), np.nan)
    if scatter is not None:
        own = network_mean(np.where(np.isfinite(values), scatter, np.nan) ** 2)
        variance = own + np.where(n_used == 1, 0.0, variance)
    return np.sqrt(variance)
