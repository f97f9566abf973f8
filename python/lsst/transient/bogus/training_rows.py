# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which labelled sources of a survey are trained on."""

from __future__ import annotations

__all__ = ("TrainingRows", "choose_rows")

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from .seeds import generator

type _Key = tuple[int, int]

_COLUMNS = ("table", "row", "label", "fold", "tile", "sign", "snr")


@dataclasses.dataclass
class TrainingRows:
    """Chosen sources, ordered by table and row.

    Parameters
    ----------
    keys
        Visit and detector of each table.
    table
        Position of each source's table in ``keys``, shape (N,).
    row
        Row of each source in its table.
    label
        1 for injected, 0 for the rest.
    fold
        Cross-validation fold.
    tile
        Sky tile.
    sign
        Sign of the detection.
    snr
        Absolute peak significance.
    """

    keys: Sequence[_Key]
    table: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    tile: npt.NDArray[np.int64]
    sign: npt.NDArray[np.int64]
    snr: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.row)

    def by_table(self) -> Iterator[tuple[_Key, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Go through the tables that have chosen sources.

        Yields
        ------
        key : `tuple` [`int`, `int`]
            Visit and detector.
        places : `numpy.ndarray`
            Positions of the table's sources among all that are chosen.
        rows : `numpy.ndarray`
            Their rows in the table.
        """
        edges = np.searchsorted(self.table, np.arange(len(self.keys) + 1))
        for key, start, stop in zip(self.keys, edges, edges[1:], strict=False):
            if stop > start:
                yield key, np.arange(start, stop), self.row[start:stop]

    def keep(self, chosen: npt.NDArray[np.bool_]) -> None:
        """Drop sources, in place.

        Parameters
        ----------
        chosen
            Which to keep, shape (N,).
        """
        for name in _COLUMNS:
            setattr(self, name, getattr(self, name)[chosen])


def choose_rows(
    keys: Sequence[_Key], tables: Sequence[Table], *, max_positive: int, max_negative: int, seed: int
) -> TrainingRows:
    """Choose the sources to train on.

    Parameters
    ----------
    keys
        Visit and detector of each table, sorted.
    tables
        Label tables.
    max_positive
        Most injections of one visit; 0 for all.
    max_negative
        Most other sources of one visit; 0 for all.
    seed
        Seed of the draw where there are more.

    Returns
    -------
    rows : `TrainingRows`
        The sources that are not ambiguous and lie on a tile, thinned to the caps.
    """
    n_rows = [len(t) for t in tables]
    table = np.repeat(np.arange(len(tables)), n_rows)
    row = np.concatenate([np.arange(n) for n in n_rows]) if tables else np.zeros(0, int)
    columns = {
        name: np.concatenate([np.asarray(t[name], dtype=np.int64) for t in tables])
        for name in ("label", "fold", "tile", "sign")
    }
    snr = np.concatenate([np.asarray(t["snr"], dtype=np.float64) for t in tables])
    ambiguous = np.concatenate([np.asarray(t["is_ambiguous"], dtype=bool) for t in tables])
    rows = TrainingRows(keys, table, row, **columns, snr=snr)
    rows.keep(~ambiguous & (columns["tile"] >= 0))
    chosen = np.ones(len(rows), dtype=bool)
    visits = np.array([visit for visit, _ in keys])[rows.table]
    for label, cap in ((1, max_positive), (0, max_negative)):
        for visit in np.unique(visits) if cap else ():
            places = np.flatnonzero((visits == visit) & (rows.label == label))
            if len(places) > cap:
                rng = generator("training_rows", seed, int(visit), label)
                chosen[rng.permutation(places)[cap:]] = False
    rows.keep(chosen)
    return rows
