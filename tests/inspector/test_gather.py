# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of what the inspector reads from a collection."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from lsst.transient.bogus.columns import LIGHT_CURVES, OBJECTS
from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.inspector import gather_inspection
from lsst.transient.bogus.scripts.inspect_transients import inspect_transients

from .conftest import OBJECT, TRIXEL, VISITS, source_ids


def test_everything_is_joined_by_identifier(collection):
    inspection = gather_inspection(collection.butler, [collection.name])
    sources = inspection.sources
    assert sorted(sources["diaSourceId"]) == sorted(collection.sources["diaSourceId"])
    assert inspection.n_total == len(sources)
    assert np.isfinite(sources["umap_x"]).all()
    assert inspection.channels == ("difference", "science", "template")
    candidates = sources[sources["is_candidate"]]
    assert sorted(candidates["diaSourceId"]) == [source_ids(v, 0)[0] for v in VISITS]
    assert set(candidates["diaObjectId"]) == {OBJECT}
    assert len(inspection.light_curves) == len(VISITS) + 1
    # The bright centre of each stamp is brighter than its surroundings.
    centre = inspection.stamps[:, 0, 6, 6]
    assert (centre > inspection.stamps[:, 0].max(axis=(1, 2)) - 1).all()


def test_objects_of_a_search_are_joined_by_visit_and_place(collection, tmp_path):
    found = gather_inspection(collection.butler, [collection.name]).sources
    place = {int(row["diaSourceId"]): row for row in found}
    seen = [place[source_ids(visit, 0)[2]] for visit in VISITS]
    injected = place[source_ids(VISITS[0], 0)[1]]
    rows = [*seen, injected, seen[0]]
    n = len(rows)
    fill = {c.name: np.full(n, c.fill) for c in LIGHT_CURVES.columns if not c.optional}
    epochs = fill | {
        "diaObjectId": np.full(n, 7),
        # The search counts its own detections: its identifiers are those of other sources here.
        "diaSourceId": [int(row["diaSourceId"]) for row in reversed(rows)],
        # The last is a detection at the same place in a visit in which nothing else is there.
        "visit": [*(int(row["visit"]) for row in rows[:-1]), VISITS[-1]],
        "detector": np.zeros(n),
        "ra": [float(row["ra"]) for row in rows],
        "dec": [float(row["dec"]) + 0.1 / 3600 for row in rows],
    }
    known = {c.name: np.full(1, c.fill) for c in OBJECTS.columns if not c.optional}
    objects = OBJECTS.build(known | {"diaObjectId": [7], "is_confirmed": True})
    shard = {"instrument": "SimCam", "htm7": TRIXEL}
    search = collection.butler.clone(run="search")
    search.collections.register("search")
    search.put(objects, "transient_objects", shard)
    search.put(LIGHT_CURVES.build(epochs), "transient_light_curves", shard)
    inspection = gather_inspection(collection.butler, [collection.name], candidates=["search"])
    candidates = inspection.sources[inspection.sources["is_candidate"]]
    assert sorted(candidates["diaSourceId"]) == sorted(int(row["diaSourceId"]) for row in seen)
    assert set(candidates["diaObjectId"]) == set(inspection.light_curves["diaObjectId"]) == {7}
    shown = inspection.light_curves[inspection.light_curves["diaSourceId"] != 0]
    assert sorted(shown["diaSourceId"]) == sorted(candidates["diaSourceId"])
    visit_of = dict(zip(candidates["diaSourceId"], candidates["visit"], strict=True))
    assert [visit_of[i] for i in shown["diaSourceId"]] == list(shown["visit"])
    page = tmp_path / "page.html"
    options = [collection.root, collection.name, str(page), "--candidates", "search"]
    result = CliRunner().invoke(inspect_transients, options)
    assert result.exit_code == 0, result.output
    assert page.stat().st_size > 0


def test_sample_keeps_candidates_and_all_classes(collection):
    inspection = gather_inspection(collection.butler, [collection.name], max_sources=40)
    assert len(inspection.sources) == len(inspection.stamps) == 40
    assert np.count_nonzero(inspection.sources["is_candidate"]) == len(VISITS)
    # A fifth is injected; in equal shares of strata, about half of the sample is.
    assert 12 <= np.count_nonzero(inspection.sources["label"]) <= 28
    again = gather_inspection(collection.butler, [collection.name], max_sources=40)
    assert list(again.sources["diaSourceId"]) == list(inspection.sources["diaSourceId"])


def test_collection_without_scores_is_refused(collection, tmp_path):
    collection.butler.collections.register("empty")
    with pytest.raises(InputDataError, match="no scored DIA sources"):
        gather_inspection(collection.butler, ["empty"])
