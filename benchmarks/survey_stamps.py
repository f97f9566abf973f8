# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps, labels and true classes of a simulated survey that the demo pipeline has processed."""

from __future__ import annotations

__all__ = ("Survey", "load_as_they_are", "load_survey")

import dataclasses
from collections.abc import Callable

import numpy as np
from astropy.table import Table
from survey_truth import read_truths

from lsst.daf.butler import Butler
from lsst.transient.bogus.evaluation.truth_match import TruthMatch, match_truth
from lsst.transient.bogus.handles import read_table
from lsst.transient.bogus.labels import contradicts_flux
from lsst.transient.bogus.nn import Stamps
from lsst.transient.bogus.sphere import separation_arcsec
from lsst.transient.bogus.stamps import CutoutFlag
from lsst.transient.bogus.tasks.label_config import TransientLabelConfig

RADIUS_ARCSEC = 1.0
MIN_SIGNIFICANCE = 3.0

type Columns = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Detected:
    """DIA sources of one detector, their cutouts, what has truly changed there, their match and labels."""

    sources: Table
    cutouts: Table
    truth: Table | None
    match: TruthMatch
    labels: Table | None = None


@dataclasses.dataclass(frozen=True)
class Survey:
    """Detections that are not ambiguous and have usable stamps.

    Parameters
    ----------
    stamps
        Their stamps.
    label
        1 for injected, else 0, shape (N,).
    real
        Whether a detection that is not injected is really astrophysical.
    kind
        Kind of the true source; empty for bogus and injected.
    truth_id
        True object; 0 for bogus and injected.
    fold, tile, sign, snr
        Columns of the label table; the fold is -1 and the tile 0 where there is none.
    """

    stamps: Stamps
    label: np.ndarray
    real: np.ndarray
    kind: np.ndarray
    truth_id: np.ndarray
    fold: np.ndarray
    tile: np.ndarray
    sign: np.ndarray
    snr: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, rows: np.ndarray) -> Survey:
        return Survey(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


def load_survey(repo: str, collections: str) -> Survey:
    """Read a processed survey.

    Parameters
    ----------
    repo
        Repository.
    collections
        Comma-separated collections with cutouts, labels, DIA sources and truth.

    Returns
    -------
    survey : `Survey`
        All detections.
    """
    with Butler.from_config(repo, collections=collections.split(",")) as butler:
        return _load(butler, _label_columns)


def load_as_they_are(repo: str, collection: str) -> Survey:
    """Read what was detected in visits without injections.

    Parameters
    ----------
    repo
        Repository.
    collection
        Chain of cutouts and DIA sources, in its RUN ``<collection>/run``, and truth.

    Returns
    -------
    survey : `Survey`
        All detections but flashes in rows, and those matched to a true change whose flux or position
        they do not have: as the detection of an injection they would be ambiguous.
    """
    rules = TransientLabelConfig()

    def columns(detected: Detected) -> tuple[Columns, np.ndarray]:
        sources = detected.sources
        values = {
            "label": np.zeros(len(sources), dtype=np.int64),
            "tile": np.zeros(len(sources), dtype=np.int64),
            "fold": np.full(len(sources), -1),
            "sign": np.where(np.asarray(sources["isNegative"], dtype=bool), -1, 1),
            "snr": np.asarray(sources["snr"]),
        }
        is_glint = (
            np.asarray(detected.cutouts["cutout_flag"]).astype(int) & int(CutoutFlag.GLINT_TRAIL)
        ) != 0
        return values, ~is_glint & ~_is_doubtful(detected, rules)

    with Butler.from_config(repo, collections=collection) as butler:
        return _load(butler, columns, f"{collection}/run")


def _is_doubtful(detected: Detected, rules: TransientLabelConfig) -> np.ndarray:
    """Tell where the match of a detection with a true change would be ambiguous if that were injected."""
    doubtful = np.zeros(len(detected.sources), dtype=bool)
    rows = np.flatnonzero(detected.match.truth_id)
    if not len(rows):
        return doubtful
    order = np.argsort(np.asarray(detected.truth["truth_id"]))
    place = order[np.searchsorted(detected.truth["truth_id"], detected.match.truth_id[rows], sorter=order)]
    sources, truth = detected.sources[rows], detected.truth[place]
    is_far = separation_arcsec(sources["ra"], sources["dec"], truth["ra"], truth["dec"]) > rules.matchRadius
    doubtful[rows] = is_far | contradicts_flux(
        np.abs(sources["psfFlux"]),
        sources["psfFluxErr"],
        np.abs(truth["flux"] - truth["reference_flux"]),
        n_sigma=rules.maxFluxSigma,
        factor=rules.maxFluxFactor,
    )
    return doubtful


def _label_columns(detected: Detected) -> tuple[Columns, np.ndarray]:
    """Return the columns of the label table, and which detections are not ambiguous."""
    labels = detected.labels
    values = {name: np.asarray(labels[name]) for name in ("label", "fold", "tile", "sign", "snr")}
    return values, ~np.asarray(labels["is_ambiguous"])


def _load(
    butler: Butler, columns: Callable[[Detected], tuple[Columns, np.ndarray]], unlabelled_run: str = ""
) -> Survey:
    """Read stamps and truth of every detector, and what ``columns`` returns, of what it keeps."""
    parts: dict[str, list[np.ndarray]] = {}
    truths = read_truths(butler)
    refs = butler.query_datasets("transient_cutouts", collections=unlabelled_run or None, limit=None)
    for ref in sorted(refs, key=lambda ref: ref.dataId):
        names = ["dia_source_detector", "transient_cutouts"]
        names += [] if unlabelled_run else ["transient_labels"]
        sources, cutouts, *labels = (read_table(butler.getDeferred(name, ref.dataId)) for name in names)
        stamps = Stamps.from_table(cutouts)
        truth = truths.get((int(ref.dataId["visit"]), int(ref.dataId["detector"])))
        match = match_truth(
            np.asarray(sources["ra"]),
            np.asarray(sources["dec"]),
            np.asarray(sources["psfFlux"]),
            truth,
            radius_arcsec=RADIUS_ARCSEC,
            min_significance=MIN_SIGNIFICANCE,
        )
        values, keep = columns(Detected(sources, cutouts, truth, match, *labels))
        values |= {
            "image": stamps.image,
            "variance": stamps.variance,
            "mask": stamps.mask,
            "real": (match.kind != "") & (values["label"] == 0),
            "kind": np.where(values["label"] == 0, match.kind, ""),
            "truth_id": np.where(values["label"] == 0, match.truth_id, 0),
        }
        for name, column in values.items():
            parts.setdefault(name, []).append(column[keep & stamps.usable])
    whole = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    images = {name: whole.pop(name) for name in ("image", "variance", "mask")}
    return Survey(Stamps(**images, channels=stamps.channels, mask_bits=stamps.mask_bits), **whole)
