# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small collection of all that the inspector shows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from astropy.table import Table

import lsst.daf.butler.tests as butlerTests
from lsst.daf.butler import Butler, Config
from lsst.transient.bogus.columns import CUTOUTS, DIA_SOURCE, EMBEDDING, LABELS, LIGHT_CURVES, OBJECTS, SCORES

VISITS, DETECTORS, N, SIZE = (1, 2, 3), (0, 1), 30, 12
TRIXEL = 200_000
OBJECT = (1 << 60) + 5
"""An identifier that a double cannot hold."""


@dataclasses.dataclass(frozen=True)
class Collection:
    butler: Butler
    name: str
    root: str
    sources: Table


def _fill(schema):
    return {c.name: c.fill for c in schema.columns if not c.optional and not c.shape}


def source_ids(visit, detector):
    return (1 << 60) + 1000 * visit + 100 * detector + np.arange(N)


def _detector_tables(visit, detector, rng):
    ids = source_ids(visit, detector)
    score = rng.uniform(0, 1, N).astype("f4")
    score[0] = 0.97
    label = np.arange(N) % 5 == 1
    dia = _fill(DIA_SOURCE) | {
        "diaSourceId": ids,
        "visit": visit,
        "detector": detector,
        "band": "gr"[visit % 2],
        "midpointMjdTai": 60000.0 + visit,
        "ra": 10.0 + rng.uniform(0, 0.1, N),
        "dec": rng.uniform(0, 0.1, N),
        "snr": rng.uniform(5, 50, N),
    }
    image = rng.normal(size=(N, 3, SIZE, SIZE)).astype("f4")
    image[:, :, SIZE // 2, SIZE // 2] += 30
    image[3, :, :, :4] = np.nan
    return {
        "dia_source_detector": DIA_SOURCE.build(dia),
        "transient_bogus_scores": SCORES.build(
            _fill(SCORES) | {"diaSourceId": ids, "score": score, "score_networks": np.zeros((N, 1))}
        ),
        "transient_labels": LABELS.build(_fill(LABELS) | {"diaSourceId": ids, "label": label}),
        "transient_cutouts": CUTOUTS.build(
            {
                "diaSourceId": ids,
                "image": image,
                "variance": np.ones_like(image),
                "mask": np.zeros(image.shape, "u1"),
                "cutout_flag": np.zeros(N, "i4"),
            },
            meta={"CHANNELS": ["difference", "science", "template"]},
        ),
    }


def _objects():
    n = len(VISITS)
    objects = OBJECTS.build(
        _fill(OBJECTS)
        | {
            "diaObjectId": [OBJECT],
            "n_detections": n,
            "n_nights": n,
            "probability": 0.99,
            "is_confirmed": True,
        }
    )
    ids = np.array([source_ids(visit, 0)[0] for visit in VISITS])
    epochs = _fill(LIGHT_CURVES) | {
        "diaObjectId": np.full(n + 1, OBJECT),
        "diaSourceId": np.append(ids, 0),
        "visit": [*VISITS, 4],
        "band": ["gr"[v % 2] for v in VISITS] + ["r"],
        "midpointMjdTai": 60000.0 + np.array([*VISITS, 4]),
        "psfFlux": [100.0, 300.0, 200.0, 20.0],
        "psfFluxErr": 20.0,
        "score": [0.97] * n + [np.nan],
        "is_forced": [False] * n + [True],
    }
    return {"transient_objects": objects, "transient_light_curves": LIGHT_CURVES.build(epochs)}


@pytest.fixture(scope="session")
def collection(tmp_path_factory) -> Collection:
    root = str(tmp_path_factory.mktemp("inspector") / "repo")
    dimensions = {
        "instrument": ["SimCam"],
        "visit": list(VISITS),
        "detector": list(DETECTORS),
        "htm7": [TRIXEL],
    }
    repository = butlerTests.makeTestRepo(
        root,
        dimensions,
        config=Config({"datastore": {"cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore"}}),
    )
    rng = np.random.default_rng(1)
    datasets = []
    for visit in VISITS:
        for detector in DETECTORS:
            data_id = {"instrument": "SimCam", "visit": visit, "detector": detector}
            datasets += [(name, t, data_id) for name, t in _detector_tables(visit, detector, rng).items()]
    shard = {"instrument": "SimCam", "htm7": TRIXEL}
    datasets += [(name, table, shard) for name, table in _objects().items()]
    ids = np.concatenate([source_ids(v, d) for v in VISITS for d in DETECTORS])
    n = len(ids)
    embedding = _fill(EMBEDDING) | {
        "diaSourceId": ids,
        "umap_x": rng.normal(size=n),
        "umap_y": rng.normal(size=n),
        "cluster": np.arange(n) % 3 - 1,
    }
    datasets.append(("transient_bogus_embedding", EMBEDDING.build(embedding), {"instrument": "SimCam"}))
    for name, data_id in {name: data_id for name, _, data_id in datasets}.items():
        butlerTests.addDatasetType(repository, name, set(data_id), "ArrowAstropy")
    butler = butlerTests.makeTestCollection(repository, uniqueId="test")
    for name, table, data_id in datasets:
        butler.put(table, name, data_id)
    return Collection(butler, butler.run, root, Table({"diaSourceId": ids}))
