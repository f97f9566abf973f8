# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of `LightCurveMatchTask` in shards of the sky and in a repository."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import lsst.daf.butler.tests as butlerTests
from lsst.daf.butler import Butler, Config
from lsst.pipe.base.testUtils import makeQuantum, runTestQuantum
from lsst.sphgeom import DISJOINT, ConvexPolygon, HtmPixelization, LonLat, UnitVector3d
from lsst.transient.bogus.handles import table_parameters
from lsst.transient.bogus.shards import htm_index

from .light_curve_fakes import DEC, RA, Seen, make_task, tables


def _around_a_vertex(rng):
    """Return detectors around RA 45, Dec 0, where six trixels meet: detections near corners and edges.

    Each visit is four detectors of 40 arcsec, shifted anew; their regions reach 2 arcsec beyond.
    """
    data, regions = {"dia_sources": {}, "scores": {}, "labels": {}}, {}
    # Half of the objects within an arcsec of the two edges that run along RA and Dec, or of the corner.
    places = rng.uniform(-30, 30, (240, 2))
    places[:60, 0] = rng.normal(0, 0.3, 60)
    places[60:100, 1] = rng.normal(0, 0.3, 40)
    places[100:104] = rng.normal(0, 0.2, (4, 2))
    for visit in (1, 2, 3, 4):
        shift = rng.uniform(-8, 8, 2)
        for detector, corner in enumerate(((-40, -40), (0, -40), (-40, 0), (0, 0))):
            low = np.add(corner, shift)
            seen = places + rng.normal(0, 0.05, places.shape)
            seen = seen[np.all((seen >= low) & (seen < low + 40), axis=1)]
            made = tables(visit, [Seen(*place) for place in seen], detector=detector)
            made[0]["ra"] += 45.0 - RA
            made[0]["dec"] += 0.0 - DEC
            for table in made:
                table["diaSourceId"] += 10_000_000 * detector
            for name, table in zip(data, made, strict=True):
                data[name][visit, detector] = table
            edges = (np.array([low - 2, low + 42]) / 3600.0 + [45.0, 0.0]).T
            regions[visit, detector] = ConvexPolygon(
                [UnitVector3d(LonLat.fromDegrees(ra, dec)) for ra, dec in itertools.product(*edges)]
            )
    return data, regions


@pytest.mark.parametrize("seed", [5, 6])
def test_no_object_is_lost_or_double_at_borders(seed):
    """Every quantum reads the detectors that overlap its trixel, as the registry gives them to it."""
    data, regions = _around_a_vertex(np.random.default_rng(seed))
    whole = make_task().run(**data)
    shards = np.unique(htm_index(whole.objects["ra"], whole.objects["dec"], level=7))
    assert len(shards) == 6
    pixelization, ids, n_epochs, n_read = HtmPixelization(7), [], 0, []
    for shard in shards:
        triangle = pixelization.triangle(int(shard))
        overlapping = [key for key, region in regions.items() if region.relate(triangle) != DISJOINT]
        n_read.append(len(overlapping))
        part = make_task().run(
            **{name: {key: found[key] for key in overlapping} for name, found in data.items()},
            trixel=int(shard),
        )
        ids += part.objects["diaObjectId"].tolist()
        n_epochs += len(part.light_curves)
        counts = dict(zip(whole.objects["diaObjectId"], whole.objects["n_detections"], strict=True))
        assert [counts[i] for i in part.objects["diaObjectId"]] == part.objects["n_detections"].tolist()
    # Not every quantum reads everything, yet together they have each object once.
    assert min(n_read) < len(regions)
    assert sorted(ids) == whole.objects["diaObjectId"].tolist()
    assert n_epochs == len(whole.light_curves)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    trixel = int(htm_index([RA], [DEC], level=7)[0])
    root = tmp_path_factory.mktemp("repo")
    repo = butlerTests.makeTestRepo(
        str(root),
        {"instrument": ["SimCam"], "visit": [1, 2, 3], "detector": [0], "htm7": [trixel]},
        config=Config({"datastore": {"cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore"}}),
    )
    vd, shard = ("instrument", "visit", "detector"), ("instrument", "htm7")
    for name in ("dia_source_detector", "transient_bogus_scores", "transient_labels"):
        butlerTests.addDatasetType(repo, name, vd, "ArrowAstropy")
    for name in ("transient_objects", "transient_light_curves"):
        butlerTests.addDatasetType(repo, name, shard, "ArrowAstropy")
    return repo, trixel


def test_quantum(repository):
    repo, trixel = repository
    butler: Butler = butlerTests.makeTestCollection(repo, uniqueId="quantum")
    data_ids = [{"instrument": "SimCam", "visit": v, "detector": 0} for v in (1, 2, 3)]
    for data_id in data_ids:
        made = tables(data_id["visit"], [Seen(0.0, 0.0), Seen(9.0, 0.0, score=np.nan)])
        for table, name in zip(
            made, ("dia_source_detector", "transient_bogus_scores", "transient_labels"), strict=True
        ):
            butler.put(table, name, data_id)
    task = make_task()
    shard = {"instrument": "SimCam", "htm7": trixel}
    inputs = dict.fromkeys(("dia_sources", "scores", "labels"), data_ids)
    quantum = makeQuantum(task, butler, shard, inputs | {"objects": shard, "light_curves": shard})
    runTestQuantum(task, butler, quantum, mockRun=False)
    objects = butler.get("transient_objects", shard, parameters=table_parameters())
    assert objects["is_confirmed"].tolist() == [True, False]
    assert objects.meta["CONFIRMATION_RULE"]
    assert len(butler.get("transient_light_curves", shard)) == 6
