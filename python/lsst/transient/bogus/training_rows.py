# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which labelled sources of a survey are trained on."""

from __future__ import annotations

__all__ = ("Caps", "FewestSeen", "TrainingRows", "choose_rows", "fewest_seen")

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from .seeds import generator

type _Key = tuple[int, int]

_COLUMNS = ("table", "row", "label", "fold", "tile", "sign", "snr")
_CANDIDATE = np.dtype(
    [
        ("table", "i4"),
        ("row", "i4"),
        ("label", "i1"),
        ("fold", "i4"),
        ("tile", "i8"),
        ("sign", "i1"),
        ("snr", "f4"),
        ("priority", "f8"),
    ]
)
_SLACK = 2  # candidates are thinned when there are this many times more than the cap


@dataclasses.dataclass(frozen=True)
class Caps:
    """Most sources of each class that are used; 0 for all.

    Parameters
    ----------
    positive
        Most injections.
    negative
        Most other sources.
    """

    positive: int = 0
    negative: int = 0

    def of(self, label: int) -> int:
        """Return the cap of one class.

        Parameters
        ----------
        label
            1 for injections, 0 for the rest.

        Returns
        -------
        cap : `int`
            Most sources; 0 for all.
        """
        return self.positive if label == 1 else self.negative


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
    table: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    label: npt.NDArray[np.int8]
    fold: npt.NDArray[np.int32]
    tile: npt.NDArray[np.int64]
    sign: npt.NDArray[np.int8]
    snr: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.row)

    def by_table(self) -> Iterator[tuple[_Key, npt.NDArray[np.int64], npt.NDArray[np.int32]]]:
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
    keys: Sequence[_Key],
    tables: Iterable[Table],
    *,
    per_visit: Caps | None = None,
    total: Caps | None = None,
    seed: int,
) -> TrainingRows:
    """Choose the sources to train on.

    Parameters
    ----------
    keys
        Visit and detector of each table, sorted.
    tables
        Label tables, taken one after another.
    per_visit
        Most sources of each class of one visit; all by default.
    total
        Most sources of each class in all; all by default.
    seed
        Seed of the draw where there are more.

    Returns
    -------
    rows : `TrainingRows`
        The sources that are not ambiguous and lie on a tile, thinned to the caps.

    Notes
    -----
    Memory: 34 bytes for each source of at most twice the total caps and of the
    visit at hand.  The draw is a random number for each source, which depends on
    the seed, the visit and the class alone; the smallest stay.
    """
    per_visit, total = per_visit or Caps(), total or Caps()
    pools = {label: _Pool(total.of(label)) for label in (1, 0)}
    numbered = zip(itertools.count(), keys, tables, strict=False)
    for visit, group in itertools.groupby(numbered, key=lambda item: item[1][0]):
        found = np.concatenate([_candidates(number, table) for number, _, table in group])
        for label, pool in pools.items():
            own = found[(found["label"] == 1) == (label == 1)]
            own["priority"] = generator("training_rows", seed, visit, label).random(len(own))
            pool.add(_smallest(own, per_visit.of(label)))
    chosen = np.concatenate([pool.drawn() for pool in pools.values()])
    chosen = chosen[np.lexsort((chosen["row"], chosen["table"]))]
    return TrainingRows(keys, *(chosen[name].copy() for name in _COLUMNS))


class _Pool:
    """Candidates of one class, thinned while they come in."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.parts: list[np.ndarray] = [np.zeros(0, _CANDIDATE)]
        self.size = 0

    def add(self, candidates: np.ndarray) -> None:
        """Take the candidates of a visit."""
        self.parts.append(candidates)
        self.size += len(candidates)
        if self.cap and self.size > _SLACK * self.cap:
            self.parts = [self.drawn()]
            self.size = self.cap

    def drawn(self) -> np.ndarray:
        """Return the candidates that stay."""
        return _smallest(np.concatenate(self.parts), self.cap)


def _candidates(number: int, table: Table) -> np.ndarray:
    """Return what a table offers: sources that are not ambiguous and lie on a tile."""
    rows = np.flatnonzero(~np.asarray(table["is_ambiguous"], dtype=bool) & (np.asarray(table["tile"]) >= 0))
    found = np.zeros(len(rows), _CANDIDATE)
    found["table"], found["row"] = number, rows
    for name in ("label", "fold", "tile", "sign", "snr"):
        found[name] = np.asarray(table[name])[rows]
    return found


def _smallest(candidates: np.ndarray, cap: int) -> np.ndarray:
    """Return the candidates of smallest priority; all if there is no cap."""
    if not cap or len(candidates) <= cap:
        return candidates
    return candidates[np.argsort(candidates["priority"], kind="stable")[:cap]]


@dataclasses.dataclass(frozen=True)
class FewestSeen:
    """What the network with the fewest training samples sees.

    Parameters
    ----------
    fold
        Fold that is held out from it; -1 for none.
    n_positive
        Number of injections outside that fold.
    n_negative
        Number of other sources outside it.
    """

    fold: int
    n_positive: int
    n_negative: int

    @property
    def of_either(self) -> int:
        """Size of the smaller class."""
        return min(self.n_positive, self.n_negative)


def fewest_seen(
    label: np.ndarray, fold: np.ndarray, counted: npt.NDArray[np.bool_] | None = None
) -> FewestSeen:
    """Find the network whose smaller class is the smallest.

    Parameters
    ----------
    label
        1 for injected, 0 for the rest, shape (N,).
    fold
        Fold of each sample; -1 if it is never held out.
    counted
        Which samples are trained on, shape (N,); all by default.

    Returns
    -------
    fewest : `FewestSeen`
        Every network sees what lies outside one fold; this is the fold for which
        that is least.
    """
    used = np.ones(len(label), dtype=bool) if counted is None else counted
    positive = label == 1
    folds = np.unique(fold[fold >= 0]) if np.any(fold >= 0) else np.array([-1])
    seen = [
        FewestSeen(int(f), *(int(np.sum(used & c & ((fold != f) | (f < 0)))) for c in (positive, ~positive)))
        for f in folds
    ]
    return min(seen, key=lambda entry: entry.of_either)
