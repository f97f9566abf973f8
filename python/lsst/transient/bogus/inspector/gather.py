# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that the inspector shows, read from a collection."""

from __future__ import annotations

__all__ = ("Inspection", "gather_inspection")

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from astropy.table import Table, vstack

from lsst.daf.butler import Butler, DatasetRef, MissingDatasetTypeError

from ..errors import InputDataError
from ..handles import read_table, table_parameters
from ..matching import pairs_within
from ..seeds import generator
from .stamps import display_stamps

_DIA = (
    "diaSourceId",
    "visit",
    "detector",
    "band",
    "midpointMjdTai",
    "ra",
    "dec",
    "x",
    "y",
    "snr",
    "psfFlux",
    "psfFluxErr",
    "isNegative",
)
_SCORES = ("diaSourceId", "score", "score_std")
_LABELS = ("diaSourceId", "label", "is_ambiguous", "injected_mag")
_EMBEDDING = ("diaSourceId", "umap_x", "umap_y", "cluster")
_N_STRATA = 10
_SAME_PLACE = 0.5  # arcsec


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What one page shows.

    Parameters
    ----------
    sources
        A row per DIA source that is shown.
    stamps
        Its stamps as grey levels, uint8, shape (N, C, size, size).
    channels
        Names of the channels, length C.
    objects
        Rows of ``transient_objects`` of the objects of these sources.
    light_curves
        Rows of ``transient_light_curves`` of these objects, object by object; ``diaSourceId`` is that
        of the source that is shown, 0 where there is none.
    n_total
        Number of DIA sources in the collection.
    """

    sources: Table
    stamps: npt.NDArray[np.uint8]
    channels: tuple[str, ...]
    objects: Table
    light_curves: Table
    n_total: int


def gather_inspection(
    butler: Butler,
    collections: Sequence[str],
    *,
    candidates: Sequence[str] = (),
    max_sources: int = 20_000,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Inspection:
    """Read a collection.

    Parameters
    ----------
    butler
        Repository.
    collections
        Collections to search, the first first.
    candidates
        Collections that hold the objects and their light curves, made without injections: a
        source that is not injected is part of the object that was detected at its place in the
        same visit.  The same collections by default.
    max_sources
        Largest number of sources.  If there are more, all sources of confirmed
        objects stay, and others are drawn in equal shares of injected or not
        and of score.
    seed
        Seed of that draw.
    progress
        Called with a line of text at each stage.

    Returns
    -------
    inspection : `Inspection`
        What the page shows.

    Raises
    ------
    InputDataError
        Raised if the collection has no scored DIA sources.
    """
    reader = _Reader(butler, tuple(collections))
    dia = reader.by_detector("dia_source_detector")
    scores = reader.by_detector("transient_bogus_scores")
    labels = reader.by_detector("transient_labels")
    wanted = sorted(set(dia) & set(scores))
    if not wanted:
        raise InputDataError(
            f"Collections {list(collections)} hold no scored DIA sources: "
            f"{len(dia)} dia_source_detector and {len(scores)} transient_bogus_scores datasets."
        )
    progress(f"Reading {len(wanted)} detectors")
    sources = vstack(
        [_detector_table(reader, dia[key], scores[key], labels.get(key)) for key in wanted],
        metadata_conflicts="silent",
    )
    sources = _add_embedding(sources, reader.all_of("transient_bogus_embedding", _EMBEDDING))
    search = _Reader(butler, tuple(candidates)) if candidates else reader
    objects, light_curves = search.all_of("transient_objects"), search.all_of("transient_light_curves")
    sources = _add_objects(sources, objects, light_curves, by_place=bool(candidates))
    n_total = len(sources)
    sources = sources[_choose(sources, max_sources, seed)]
    progress(f"Reading the stamps of {len(sources)} of {n_total} sources")
    stamps, channels = _read_stamps(reader, sources)
    if len(light_curves):
        shown = np.isin(light_curves["diaObjectId"], np.unique(sources["diaObjectId"]))
        light_curves = light_curves[shown]
        light_curves.sort(["diaObjectId", "midpointMjdTai"])
        objects = objects[np.isin(objects["diaObjectId"], np.unique(light_curves["diaObjectId"]))]
    return Inspection(sources, stamps, channels, objects, light_curves, n_total)


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Tables of a collection; a dataset type that does not exist has no datasets."""

    butler: Butler
    collections: tuple[str, ...]

    def refs(self, name: str) -> list[DatasetRef]:
        try:
            return list(
                self.butler.query_datasets(
                    name, collections=self.collections, find_first=True, explain=False, limit=None
                )
            )
        except MissingDatasetTypeError:
            return []

    def by_detector(self, name: str) -> dict[tuple[int, int], DatasetRef]:
        return {(int(r.dataId["visit"]), int(r.dataId["detector"])): r for r in self.refs(name)}

    def read(self, ref: DatasetRef, columns: Iterable[str] | None = None) -> Table:
        return self.butler.get(ref, storageClass="ArrowAstropy", parameters=table_parameters(columns))

    def all_of(self, name: str, columns: Iterable[str] | None = None) -> Table:
        tables = [self.read(ref, columns) for ref in self.refs(name)]
        filled = [table for table in tables if len(table)]
        return vstack(filled, metadata_conflicts="silent") if filled else Table()


def _detector_table(reader: _Reader, dia: DatasetRef, scores: DatasetRef, labels: DatasetRef | None) -> Table:
    """Return the DIA sources of one detector with scores and labels."""
    table = reader.read(dia, _DIA)
    parts: list[tuple[Table, tuple[str, ...]]] = [(reader.read(scores, _SCORES), _SCORES)]
    if labels is not None:
        parts.append((reader.read(labels, _LABELS), _LABELS))
    for part, names in parts:
        if len(part) != len(table) or np.any(part["diaSourceId"] != table["diaSourceId"]):
            raise InputDataError(f"Rows of {scores.dataId} differ between DIA sources, scores and labels.")
        for name in names[1:]:
            table[name] = part[name]
    if labels is None:
        table["label"], table["is_ambiguous"], table["injected_mag"] = np.int8(0), False, np.nan
    table["band"] = np.asarray(table["band"], dtype=str)
    table.meta = {}
    return table


def _add_embedding(sources: Table, embedding: Table) -> Table:
    """Add UMAP coordinates and clusters, unknown where a source is not embedded."""
    order = _places(
        embedding["diaSourceId"] if len(embedding) else np.zeros(0, np.int64), sources["diaSourceId"]
    )
    known = order >= 0
    for name, fill in (
        ("umap_x", np.float32(np.nan)),
        ("umap_y", np.float32(np.nan)),
        ("cluster", np.int32(-2)),
    ):
        sources[name] = fill
        if known.any():
            sources[name][known] = embedding[name][order[known]]
    return sources


def _add_objects(sources: Table, objects: Table, light_curves: Table, *, by_place: bool) -> Table:
    """Add each source's object (0: none) and whether it is confirmed; by place, epochs get sources' ids."""
    sources["diaObjectId"], sources["is_candidate"] = np.int64(0), False
    if not len(light_curves):
        return sources
    detected = np.flatnonzero(light_curves["diaSourceId"] != 0)
    if by_place:
        source, row = _same_place(sources, light_curves[detected])
        # Their own, of another collection, can be those of other sources here.
        light_curves["diaSourceId"] = np.int64(0)
        light_curves["diaSourceId"][detected[row]] = sources["diaSourceId"][source]
    else:
        order = _places(light_curves["diaSourceId"][detected], sources["diaSourceId"])
        source = np.flatnonzero(order >= 0)
        row = order[source]
    sources["diaObjectId"][source] = light_curves["diaObjectId"][detected[row]]
    confirmed = objects["diaObjectId"][np.asarray(objects["is_confirmed"], dtype=bool)]
    sources["is_candidate"] = np.isin(sources["diaObjectId"], confirmed)
    return sources


def _same_place(sources: Table, detected: Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return sources that are not injected, and what was detected at their place in the same visit."""
    source, row, _ = pairs_within(
        sources["ra"], sources["dec"], detected["ra"], detected["dec"], radius_arcsec=_SAME_PLACE
    )
    same = np.asarray(sources["label"])[source] != 1
    for name in ("visit", "detector"):
        same &= np.asarray(sources[name])[source] == np.asarray(detected[name])[row]
    return source[same][::-1], row[same][::-1]  # the closest comes last, and stays


def _places(ids: npt.ArrayLike, wanted: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return where each wanted identifier is, -1 if it is not there."""
    have, want = np.asarray(ids), np.asarray(wanted)
    order = np.argsort(have, kind="stable")
    place = np.searchsorted(have, want, sorter=order)
    found = place < len(have)
    found[found] = have[order[place[found]]] == want[found]
    result = np.full(len(want), -1, np.int64)
    result[found] = order[place[found]]
    return result


def _choose(sources: Table, max_sources: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the rows to show: all candidates, and shares of every class and score."""
    n = len(sources)
    if n <= max_sources:
        return np.arange(n)
    rng = generator("inspector", seed)
    keep = np.asarray(sources["is_candidate"], dtype=bool).copy()
    score = np.nan_to_num(np.asarray(sources["score"], dtype=float), nan=0.0)
    stratum = np.asarray(sources["label"], dtype=int) * _N_STRATA + np.minimum(
        (score * _N_STRATA).astype(int), _N_STRATA - 1
    )
    # Draw in turns from all strata, so that small ones are kept whole.
    shuffled = rng.permutation(n)
    turn = np.empty(n, np.int64)
    order = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    first = np.flatnonzero(np.diff(stratum[order], prepend=-1))
    turn[order] = np.arange(n) - np.repeat(first, np.diff(np.append(first, n)))
    others = np.flatnonzero(~keep)
    others = others[np.argsort(turn[others], kind="stable")]
    keep[others[: max(0, max_sources - np.count_nonzero(keep))]] = True
    return np.flatnonzero(keep)


def _read_stamps(reader: _Reader, sources: Table) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """Return grey stamps of the sources, in their order."""
    cutouts = reader.by_detector("transient_cutouts")
    result: npt.NDArray[np.uint8] | None = None
    channels: tuple[str, ...] = ()
    key = np.stack([np.asarray(sources["visit"]), np.asarray(sources["detector"])], axis=1)
    for pair in np.unique(key, axis=0):
        ref = cutouts.get((int(pair[0]), int(pair[1])))
        if ref is None:
            continue
        table = read_table(reader.butler.getDeferred(ref))
        rows = np.flatnonzero(np.all(key == pair, axis=1))
        place = _places(table["diaSourceId"], np.asarray(sources["diaSourceId"])[rows])
        found = place >= 0
        variance = np.asarray(table["variance"])[place[found]] if "variance" in table.colnames else None
        grey = display_stamps(np.asarray(table["image"])[place[found]], variance)
        channels = tuple(table.meta.get("CHANNELS", (f"channel {c}" for c in range(grey.shape[1]))))
        if result is None:
            result = np.zeros((len(sources), *grey.shape[1:]), np.uint8)
        result[rows[found]] = grey
    return (np.zeros((len(sources), 0, 1, 1), np.uint8) if result is None else result), channels
