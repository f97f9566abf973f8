# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""DIA sources, scores and labels of a few visits, and forced photometry."""

from __future__ import annotations

import dataclasses

import numpy as np

from lsst.transient.bogus.columns import (
    DIA_SOURCE,
    FORCED_DIA_OBJECT,
    LABELS,
    SCORES,
)
from lsst.transient.bogus.tasks.light_curve import LightCurveMatchConfig, LightCurveMatchTask

RA, DEC = 150.0, -2.0
SCALE = 0.2


@dataclasses.dataclass
class Seen:
    """One detection: offsets from the field centre in arcsec."""

    dx: float
    dy: float
    score: float = 0.95
    flux: float = 1000.0
    injected: bool = False


def tables(visit, seen, *, mjd=None, band="r", detector=0):
    n = len(seen)
    ids = visit * 1000 + np.arange(n)
    fill = {c.name: c.fill for c in DIA_SOURCE.columns if not c.optional}
    dx, dy = (np.array([getattr(s, name) for s in seen], dtype=float) for name in ("dx", "dy"))
    flux = np.array([s.flux for s in seen], dtype=float)
    known = {
        "diaSourceId": ids,
        "visit": visit,
        "detector": detector,
        "band": band,
        "midpointMjdTai": 60000.1 + visit if mjd is None else mjd,
        "ra": RA + dx / 3600.0 / np.cos(np.radians(DEC)),
        "dec": DEC + dy / 3600.0,
        "x": 100.0 + dx / SCALE,
        "y": 200.0 + dy / SCALE,
        "xErr": 0.1,
        "yErr": 0.1,
        "psfFlux": flux,
        "psfFluxErr": 50.0,
        "snr": np.abs(flux) / 50.0,
        "isNegative": flux < 0,
    }
    scores = {c.name: c.fill for c in SCORES.columns} | {
        "diaSourceId": ids,
        "score": [s.score for s in seen],
        "score_std": 0.01,
        "score_networks": np.zeros((n, 2)),
    }
    labels = {c.name: c.fill for c in LABELS.columns} | {
        "diaSourceId": ids,
        "label": [s.injected for s in seen],
    }
    if not n:
        return DIA_SOURCE.empty(), SCORES.empty(network=2, meta={"PRIOR": 0.2}), LABELS.empty()
    return DIA_SOURCE.build(fill | known), SCORES.build(scores, meta={"PRIOR": 0.2}), LABELS.build(labels)


def survey(visits, **kwargs):
    """Return keyword arguments of `run` for {visit: detections}."""
    made = {(visit, 0): tables(visit, seen, **kwargs) for visit, seen in visits.items()}
    return {
        name: {key: value[i] for key, value in made.items()}
        for i, name in enumerate(("dia_sources", "scores", "labels"))
    }


def forced(visit, dx, dy, flux, *, flag=False):
    fill = {c.name: c.fill for c in FORCED_DIA_OBJECT.columns}
    return FORCED_DIA_OBJECT.build(
        fill
        | {
            "diaObjectId": [77],
            "visit": visit,
            "band": "r",
            "midpointMjdTai": 60000.1 + visit,
            "ra": RA + dx / 3600.0 / np.cos(np.radians(DEC)),
            "dec": DEC + dy / 3600.0,
            "psfDiffFlux": flux,
            "psfDiffFluxErr": 40.0,
            "psfDiffFlux_flag": flag,
        }
    )


def make_task(**kwargs):
    config = LightCurveMatchConfig(**kwargs)
    return LightCurveMatchTask(config=config)
