# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cross-validation folds by sky tile: the same place on the sky is always in the same fold."""

from __future__ import annotations

__all__ = ("sky_tiles", "tile_folds")

import hpgeom
import numpy as np
import numpy.typing as npt

from .hashing import mix
from .seeds import derive_seed

_BLOCK_BITS = 4
"""Tiles of a block of 4x4 neighbours take the folds in turn."""


def sky_tiles(ra: npt.ArrayLike, dec: npt.ArrayLike, *, nside: int) -> npt.NDArray[np.int64]:
    """Return the sky tile of each position.

    Parameters
    ----------
    ra
        Right ascension in degrees, shape (N,).
    dec
        Declination in degrees, shape (N,).
    nside
        HEALPix resolution, a power of two.

    Returns
    -------
    tiles : `numpy.ndarray`
        HEALPix pixels in the nested scheme, shape (N,), int64; -1 where a
        coordinate is not finite.
    """
    lon, lat = np.atleast_1d(np.asarray(ra, dtype=float)), np.atleast_1d(np.asarray(dec, dtype=float))
    tiles = np.full(lon.shape, -1, dtype=np.int64)
    finite = np.isfinite(lon) & np.isfinite(lat)
    if finite.any():
        tiles[finite] = hpgeom.angle_to_pixel(nside, lon[finite] % 360.0, lat[finite], nest=True, lonlat=True)
    return tiles


def tile_folds(tiles: npt.ArrayLike, *, n_folds: int, seed: int) -> npt.NDArray[np.int32]:
    """Assign sky tiles to folds.

    Parameters
    ----------
    tiles
        HEALPix pixels in the nested scheme, shape (N,).
    n_folds
        Number of folds.
    seed
        Another seed gives another assignment.

    Returns
    -------
    folds : `numpy.ndarray`
        Fold from 0 to ``n_folds - 1``, shape (N,), int32; -1 for a tile of -1.

    Notes
    -----
    Depends on tile, seed and ``n_folds`` alone, so that every quantum and every
    program agrees.  Within each block of 4×4 neighbouring tiles the folds take
    turns, starting at a fold that is hashed from the block: a field of a few
    blocks then fills every fold about evenly, which a hash of each tile would not.
    """
    pixels = np.atleast_1d(np.asarray(tiles, dtype=np.int64))
    start = mix((pixels >> _BLOCK_BITS).astype(np.uint64) ^ np.uint64(derive_seed("folds", seed)))
    within = (pixels & ((1 << _BLOCK_BITS) - 1)).astype(np.uint64)
    folds = ((start % np.uint64(n_folds) + within) % np.uint64(n_folds)).astype(np.int32)
    return np.where(pixels < 0, np.int32(-1), folds)
