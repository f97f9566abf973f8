# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps, labels and true classes of a simulated survey that the demo pipeline has processed."""

from __future__ import annotations

__all__ = ("Survey", "load_survey")

import dataclasses

import numpy as np
from survey_truth import read_truths

from lsst.daf.butler import Butler
from lsst.transient.bogus.evaluation.truth_match import match_truth
from lsst.transient.bogus.handles import read_table
from lsst.transient.bogus.nn import Stamps

RADIUS_ARCSEC = 1.0
MIN_SIGNIFICANCE = 3.0


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
    fold, tile, sign, snr, visit
        Columns of the label table.
    """

    stamps: Stamps
    label: np.ndarray
    real: np.ndarray
    kind: np.ndarray
    fold: np.ndarray
    tile: np.ndarray
    sign: np.ndarray
    snr: np.ndarray
    visit: np.ndarray

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
    parts: dict[str, list[np.ndarray]] = {}
    with Butler.from_config(repo, collections=collections.split(",")) as butler:
        truths = read_truths(butler)
        for ref in sorted(butler.query_datasets("transient_labels"), key=lambda ref: ref.dataId):
            labels, cutouts, sources = (
                read_table(butler.getDeferred(name, ref.dataId))
                for name in ("transient_labels", "transient_cutouts", "dia_source_detector")
            )
            truth = truths.get((int(ref.dataId["visit"]), int(ref.dataId["detector"])))
            stamps = Stamps.from_table(cutouts)
            match = match_truth(
                np.asarray(sources["ra"]),
                np.asarray(sources["dec"]),
                np.asarray(sources["psfFlux"]),
                truth,
                radius_arcsec=RADIUS_ARCSEC,
                min_significance=MIN_SIGNIFICANCE,
            )
            keep = stamps.usable & ~np.asarray(labels["is_ambiguous"])
            label = np.asarray(labels["label"])
            columns = {
                "image": stamps.image,
                "variance": stamps.variance,
                "mask": stamps.mask,
                "label": label,
                "real": (match.kind != "") & (label == 0),
                "kind": np.where(label == 0, match.kind, ""),
                "visit": np.full(len(labels), ref.dataId["visit"]),
                **{name: np.asarray(labels[name]) for name in ("fold", "tile", "sign", "snr")},
            }
            for name, values in columns.items():
                parts.setdefault(name, []).append(values[keep])
    whole = {name: np.concatenate(values) for name, values in parts.items()}
    images = {name: whole.pop(name) for name in ("image", "variance", "mask")}
    return Survey(Stamps(**images, channels=stamps.channels, mask_bits=stamps.mask_bits), **whole)
