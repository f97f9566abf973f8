# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A survey of detections whose classes, scores and truth are known."""

from __future__ import annotations

import dataclasses

import numpy as np
from astropy.table import Table

from lsst.transient.bogus.columns import (
    DIA_SOURCE,
    EMBEDDING,
    INJECTED_MATCH,
    LABELS,
    SCORES,
    SIMULATED_TRUTH,
    TRAINING_HISTORY,
)
from lsst.transient.bogus.ids import pack_ids


@dataclasses.dataclass(frozen=True)
class Survey:
    """Tables by (visit, detector), and what is true."""

    dia_sources: dict
    labels: dict
    scores: dict
    injected_matches: dict
    truth: dict
    n_injected: int
    n_found: int
    n_hidden: int


def fill_table(schema, values, n):
    """Build a table, unknown columns filled."""
    filled = {
        c.name: np.full((n, *c.shape), c.fill if c.dtype != "str" else "")
        for c in schema.columns
        if not c.optional
    }
    for name, value in values.items():
        filled[name] = np.broadcast_to(value, (n,)) if np.ndim(value) == 0 else value
    return schema.build(filled)


def make_survey(*, n_visits=6, n_detectors=2, n_bogus=60, n_injected=20, n_hidden=4, seed=0) -> Survey:
    rng = np.random.default_rng(seed)
    dia, labels, scores, matches, truth = {}, {}, {}, {}, {}
    n_found_total = 0
    for visit in range(1, n_visits + 1):
        for detector in range(n_detectors):
            key = (visit, detector)
            band = "ri"[visit % 2]
            found = rng.random(n_injected) < 0.8
            n_found = int(found.sum())
            n_found_total += n_found
            n = n_bogus + n_found + n_hidden
            real = np.arange(n) >= n_bogus
            hidden = np.arange(n) >= n_bogus + n_found
            ids = pack_ids(visit, detector, n)
            ra, dec = 30 + 0.001 * np.arange(n), np.full(n, -5.0 + 0.1 * detector)
            snr = 5 + rng.exponential(8, n)
            sign = np.where(~real & (rng.random(n) < 0.4), -1, 1)
            dia[key] = fill_table(
                DIA_SOURCE,
                {
                    "diaSourceId": ids,
                    "visit": visit,
                    "detector": detector,
                    "band": band,
                    "ra": ra,
                    "dec": dec,
                    "snr": snr,
                    "psfFlux": sign * snr * 100.0,
                    "psfFluxErr": 100.0,
                    "templateFlux": rng.exponential(1000, n),
                    "templateFluxErr": 50.0,
                },
                n,
            )
            injection_id = np.zeros(n, dtype=np.int64)
            injection_ids = pack_ids(visit, detector, n_injected) + 1
            injection_id[n_bogus : n_bogus + n_found] = injection_ids[found]
            label = injection_id > 0
            labels[key] = fill_table(
                LABELS,
                {
                    "diaSourceId": ids,
                    "label": label,
                    "injection_id": injection_id,
                    "injected_mag": np.where(label, 23.0, np.nan),
                    "is_hostless": label & (rng.random(n) < 0.2),
                    "snr": snr,
                    "sign": sign,
                    "band": band,
                },
                n,
            )
            raw = np.where(real, rng.beta(8, 2, n), rng.beta(1, 9, n))
            raw[0] = np.nan
            scores[key] = SCORES.build(
                {
                    "diaSourceId": ids,
                    "score": raw**2,
                    "score_raw": raw,
                    "score_std": np.full(n, 0.01),
                    "score_networks": raw[:, None],
                    "is_out_of_fold": np.ones(n, dtype=bool),
                    "score_flag": np.isnan(raw).astype(int),
                    "model_version": np.full(n, "test"),
                }
            )
            dia_id = np.zeros(n_injected, dtype=np.int64)
            dia_id[found] = ids[n_bogus : n_bogus + n_found]
            matches[key] = fill_table(
                INJECTED_MATCH,
                {
                    "injection_id": injection_ids,
                    "mag": np.linspace(20, 25, n_injected),
                    "band": band,
                    "is_hostless": np.arange(n_injected) % 5 == 0,
                    "diaSourceId": dia_id,
                },
                n_injected,
            )
            truth[key] = fill_table(
                SIMULATED_TRUTH,
                {
                    "truth_id": np.arange(1, n_hidden + 1),
                    "kind": np.array(["supernova", "variable_star"])[np.arange(n_hidden) % 2],
                    "ra": ra[hidden],
                    "dec": dec[hidden],
                    "flux": 2000.0,
                    "reference_flux": 500.0,
                    "flux_sigma": 100.0,
                },
                n_hidden,
            )
    cells = n_visits * n_detectors
    return Survey(dia, labels, scores, matches, truth, cells * n_injected, n_found_total, cells * n_hidden)


def make_history() -> Table:
    epoch, network = (a.ravel() for a in np.meshgrid(np.arange(5), np.arange(4), indexing="ij"))
    n = len(epoch)
    return TRAINING_HISTORY.build(
        {
            "epoch": epoch,
            "network": network,
            "fold": network // 2,
            "train_loss": 0.7 * 0.8**epoch,
            "validation_loss": 0.7 * 0.85**epoch,
            "validation_auc": 1 - 0.3 * 0.7**epoch,
            "kept_positive": np.ones(n),
            "kept_negative": np.full(n, 0.9),
            "learning_rate": np.full(n, 1e-3),
        }
    )


def make_embedding(n=300, seed=1) -> Table:
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.3
    return EMBEDDING.build(
        {
            "diaSourceId": np.arange(1, n + 1),
            "visit": np.ones(n),
            "detector": np.zeros(n),
            "band": np.full(n, "r"),
            "umap_x": rng.normal(3.0 * label),
            "umap_y": rng.normal(size=n),
            "cluster": label.astype(int) - 1,
            "label": label,
            "score": np.clip(rng.normal(label, 0.1), 0, 1),
            "snr": 5 + rng.exponential(5, n),
        }
    )
