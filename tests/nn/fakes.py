# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps of point sources and of dipoles, and the tables around them."""

from __future__ import annotations

import dataclasses

import numpy as np

from lsst.transient.bogus.columns import CUTOUTS, DIA_SOURCE, LABELS
from lsst.transient.bogus.folds import sky_tiles, tile_folds
from lsst.transient.bogus.nn.stamps import Stamps

NSIDE, N_FOLDS, SEED = 4096, 3, 0
REGIMES = (
    "standard",
    "co_teaching",
    "asymmetric_co_teaching",
    "stochastic_co_teaching",
    "nnpu",
    "contamination",
)


@dataclasses.dataclass(frozen=True)
class Fakes:
    """Point sources (label 1) and dipoles (label 0); some point sources hide under label 0."""

    stamps: Stamps
    labels: np.ndarray
    truth: np.ndarray
    folds: np.ndarray


def make_fakes(n=600, size=14, *, contamination=0.0, seed=1):
    rng = np.random.default_rng(seed)
    real = rng.random(n) < 0.4
    y, x = np.mgrid[:size, :size] - size // 2
    blob = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
    dipole = blob - np.exp(-0.5 * ((x - 2) ** 2 + (y - 1) ** 2) / 1.5**2)
    flux = rng.uniform(6.0, 20.0, n)[:, None, None]
    image = rng.normal(size=(n, 3, size, size))
    image[:, 0] += np.where(real[:, None, None], blob, dipole) * flux
    image[:, 1] += np.where(real[:, None, None], 2.0, 1.0) * blob * flux
    image[:, 2] += blob * flux
    labels = (real & (rng.random(n) >= contamination)).astype(np.int8)
    stamps = Stamps(image.astype(np.float32), np.ones(image.shape, np.float32))
    return Fakes(stamps, labels, real, rng.integers(0, N_FOLDS, n).astype(np.int32))


def make_tables(visit, fakes, rows):
    """Return cutouts, labels and DIA sources of one visit that has some of the fakes."""
    n = len(rows)
    rng = np.random.default_rng(visit)
    ra, dec = 150.0 + rng.uniform(0, 0.2, n), 2.0 + rng.uniform(0, 0.2, n)
    ids = visit * 10000 + np.arange(n)
    stamps = fakes.stamps[rows]
    tile = sky_tiles(ra, dec, nside=NSIDE)
    cutouts = CUTOUTS.build(
        {"diaSourceId": ids, "image": stamps.image, "variance": stamps.variance, "cutout_flag": 0},
        meta={"CHANNELS": list(stamps.channels), "MASK_BITS": {}},
    )
    fill = {c.name: np.full(n, c.fill) for c in LABELS.columns}
    labels = LABELS.build(
        fill
        | {
            "diaSourceId": ids,
            "label": fakes.labels[rows],
            "tile": tile,
            "fold": tile_folds(tile, n_folds=N_FOLDS, seed=SEED),
            "sign": np.ones(n),
            "snr": np.full(n, 10.0),
            "band": np.full(n, "r"),
        },
        meta={"NSIDE": NSIDE, "N_FOLDS": N_FOLDS, "FOLD_SEED": SEED},
    )
    fill = {c.name: np.full(n, c.fill) for c in DIA_SOURCE.columns if not c.optional}
    known = {"diaSourceId": ids, "visit": np.full(n, visit), "ra": ra, "dec": dec, "band": np.full(n, "r")}
    return cutouts, labels, DIA_SOURCE.build(fill | known)


def small_training_config(**changes):
    """Return a configuration that trains in a second."""
    from lsst.transient.bogus.tasks.train import TrainTransientBogusConfig

    config = TrainTransientBogusConfig()
    config.network.filters, config.network.units = [8, 8, 8], 8
    config.update(**{"epochs": 4, "batchSize": 32, "numThreads": 1, **changes})
    return config
