# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the task that matches detections into objects and confirms transients."""

from __future__ import annotations

import json

import numpy as np
import pytest
from astropy.table import vstack

from lsst.pipe.base import NoWorkFound
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections
from lsst.transient.bogus.columns import (
    LIGHT_CURVES,
    OBJECTS,
    SOURCE,
)
from lsst.transient.bogus.errors import TableSchemaError
from lsst.transient.bogus.tasks.light_curve import LightCurveMatchConfig, LightCurveMatchTask

from .light_curve_fakes import DEC, RA, SCALE, Seen, forced, make_task, survey


def test_connections_are_sound():
    lintConnections(LightCurveMatchTask.ConfigClass.ConnectionsClass)


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("hosts", [False, True])
def test_connections_follow_the_config(labels, forced, hosts):
    config = LightCurveMatchConfig(doLabels=labels, doForced=forced, doHosts=hosts)
    inputs = config.connections.ConnectionsClass(config=config).inputs
    optional = {"labels": labels, "forced_sources": forced, "host_sources": hosts}
    assert inputs == {"dia_sources", "scores"} | {name for name, used in optional.items() if used}


def test_association_by_the_stack_is_in_shards_of_patches():
    config = LightCurveMatchConfig(association="stack")
    connections = config.connections.ConnectionsClass(config=config)
    assert connections.inputs == {"associated_dia_sources", "scores", "labels"}
    assert connections.dimensions == {"instrument", "skymap", "tract", "patch"}
    assert (
        set(connections.objects.dimensions)
        == set(connections.light_curves.dimensions)
        == connections.dimensions
    )


def test_objects_of_the_stack_are_taken_as_they_are():
    data = survey({v: [Seen(0.0, 0.0), Seen(9.0, 0.0, score=0.2), Seen(20.0, 0.0)] for v in (1, 2, 3)})
    patch = vstack(list(data.pop("dia_sources").values()), metadata_conflicts="silent")
    # The second is far from the first: the stack knows better.  The third is not associated.
    patch["diaObjectId"] = [7, 7, 0] * 3
    patch["raErr"] = patch["decErr"] = 0.1 / 3600
    del data["labels"][3, 0], data["scores"][2, 0]
    result = make_task(association="stack").run(**data, associated_dia_sources=patch[::-1])
    assert result.objects["diaObjectId"].tolist() == [7]
    # Visit 3 has no labels, visit 2 no scores.
    assert result.light_curves["visit"].tolist() == [1, 1, 2, 2]
    np.testing.assert_allclose(result.light_curves["score"], [0.95, 0.2, np.nan, np.nan], rtol=1e-6)
    assert result.objects.meta["ASSOCIATION"] == "stack"


def test_injections_are_never_objects_of_the_stack():
    data = survey({v: [Seen(0.0, 0.0, injected=v == 2)] for v in (1, 2, 3)})
    patch = vstack(list(data.pop("dia_sources").values()), metadata_conflicts="silent")
    patch["diaObjectId"] = 7
    patch["raErr"] = patch["decErr"] = 0.1 / 3600
    result = make_task(association="stack").run(**data, associated_dia_sources=patch)
    assert result.light_curves["visit"].tolist() == [1, 3]


def test_what_is_ambiguous_counts_as_injected():
    data = survey({v: [Seen(0.0, 0.0)] for v in (1, 2, 3)})
    for table in data["labels"].values():
        table["is_ambiguous"] = True
    objects = make_task().run(**data).objects
    assert objects["n_injected"].tolist() == [1, 1, 1]
    assert not objects["is_confirmed"].any()


def test_forced_photometry_goes_to_the_object_and_not_to_an_injection_on_it():
    data = survey({1: [Seen(0.0, 0.0)], 2: [Seen(0.1, 0.0, injected=True)], 3: [Seen(0.0, 0.0)]})
    points = {(v, 0): forced(v, 0.1, 0.0, 50.0) for v in (1, 2, 3, 4)}
    result = make_task(doForced=True).run(**data, forced_sources=points)
    assert result.light_curves["is_forced"].sum() == 2
    assert set(result.light_curves["diaObjectId"][result.light_curves["is_forced"]]) == {1000}
    assert result.light_curves["visit"][result.light_curves["diaObjectId"] == 1000].tolist() == [1, 2, 3, 4]


def test_a_recurring_transient_is_confirmed_and_its_neighbours_are_not():
    visits = {
        v: [
            Seen(0.02 * v, 0.0, score=0.95, flux=1000.0 * v),
            Seen(10.0, 0.0, score=0.05),
            Seen(30.0 * v, 20.0, score=0.99),
            Seen(20.0, 5.0, score=0.99, injected=v == 2),
        ]
        for v in (1, 2, 3)
    }
    result = make_task().run(**survey(visits))
    assertValidOutput(make_task(), result)
    objects = result.objects
    # A transient, a bogus, three positions of a mover, a transient, and an injection on top of it.
    assert len(objects) == 7
    assert objects["diaObjectId"][objects["is_confirmed"]].tolist() == [1000, 1003]
    transient = objects[objects["diaObjectId"] == 1000]
    assert transient["n_detections"] == transient["n_nights"] == transient["n_nights_above"] == 3
    assert transient["peak_flux"] == 3000.0
    assert transient["peak_snr"] == 60.0
    assert transient["duration"] == pytest.approx(2.0)
    # An injection takes an epoch from the object that it falls on, and no more.
    assert objects["n_injected"][objects["diaObjectId"] == 2003] == 1
    assert objects["n_detections"][objects["diaObjectId"] == 1003] == 2
    assert "n_nights_supporting >= 2" in objects.meta["CONFIRMATION_RULE"]
    curve = result.light_curves[result.light_curves["diaObjectId"] == 1000]
    assert curve["visit"].tolist() == [1, 2, 3]
    assert curve["diaSourceId"].tolist() == [1000, 2000, 3000]
    json.dumps(dict(objects.meta))


def test_the_prior_is_that_of_the_scores_unless_configured():
    data = survey({1: [Seen(0.0, 0.0, score=0.7)], 2: [Seen(5.0, 0.0, score=0.4)]})
    objects = make_task().run(**data).objects
    assert "prior=0.2" in objects.meta["EVIDENCE_MODEL"]
    # A twentieth of a transient's epochs fails.
    ratio = 0.95 * np.array([0.7 / 0.3, 0.4 / 0.6]) * 4 + 0.05
    np.testing.assert_allclose(objects["log_likelihood_ratio"], np.log(ratio), rtol=1e-5)
    np.testing.assert_allclose(objects["probability"], ratio / (4 + ratio), rtol=1e-5)
    data["scores"][2, 0].meta["PRIOR"] = 0.3
    with pytest.raises(TableSchemaError, match="one prior"):
        make_task().run(**data)
    task = make_task()
    task.config.evidence.prior = 0.5
    assert "prior=0.5" in task.run(**data).objects.meta["EVIDENCE_MODEL"]


def test_one_night_does_not_confirm():
    visits = {v: [Seen(0.0, 0.0)] for v in (1, 2, 3)}
    objects = make_task().run(**survey(visits, mjd=60000.2)).objects
    assert objects["n_detections"].tolist() == [3]
    assert objects["n_nights"].tolist() == [1]
    assert not objects["is_confirmed"].any()


def test_a_source_that_the_template_holds_needs_no_high_score_when_negative():
    """Two nights of several visits: brighter in one, fainter in the other."""
    visits = {v: [Seen(0.0, 0.0, score=0.95, flux=1000.0)] for v in (1, 2, 3)}
    visits |= {v: [Seen(0.0, 0.0, score=0.01, flux=-1000.0)] for v in (11, 12, 13)}
    data = survey(visits)
    for (visit, _), table in data["dia_sources"].items():
        table["midpointMjdTai"] = 60000.2 + 0.01 * (visit % 10) + 700.0 * (visit > 10)
    objects = make_task().run(**data).objects
    assert objects["n_nights_above"].tolist() == [1]
    assert objects["n_nights_supporting"].tolist() == [2]
    assert objects["is_confirmed"].tolist() == [True]


def test_unscored_detections_are_kept_and_never_confirm():
    data = survey({v: [Seen(0.0, 0.0, score=np.nan)] for v in (1, 2, 3)})
    del data["scores"][3, 0]
    objects = make_task().run(**data).objects
    assert objects["n_detections"].tolist() == [3]
    assert np.isnan(objects["probability"]).all()
    assert not objects["is_confirmed"].any()


def test_forced_photometry_fills_the_epochs_without_a_detection():
    data = survey({1: [Seen(0.0, 0.0)], 3: [Seen(0.1, 0.0)], 4: []})
    points = {
        (1, 0): forced(1, 0.0, 0.0, 5.0),
        (2, 0): forced(2, 0.1, 0.1, 123.0),
        (4, 0): forced(4, 0.0, 0.0, np.nan, flag=True),
        (5, 0): forced(5, 7.0, 0.0, 9.0),
    }
    result = make_task(doForced=True).run(**data, forced_sources=points)
    curve = result.light_curves
    assert curve["visit"].tolist() == [1, 2, 3]
    assert curve["is_forced"].tolist() == [False, True, False]
    assert curve["psfFlux"][1] == 123.0
    assert curve["diaSourceId"][1] == 0
    assert np.isnan(curve["score"][1])
    assert result.objects["n_detections"].tolist() == [2]


def sources(visit, dx, extendedness):
    """Return stars on a grid and a galaxy to the east, of moments 9 and 4 square pixels along x and y."""
    x, y = (100.0 + 50.0 * g.ravel() for g in np.meshgrid(np.arange(-2, 3), np.arange(-2, 3)))
    fill = {c.name: c.fill for c in SOURCE.columns}
    x, y = np.append(x, 100.0 + dx / SCALE), np.append(y + 100.0, 200.0)
    known = {
        "sourceId": visit * 100 + np.arange(len(x)),
        "ra": RA + (x - 100.0) * SCALE / 3600.0 / np.cos(np.radians(DEC)),
        "dec": DEC + (y - 200.0) * SCALE / 3600.0,
        "x": x,
        "y": y,
        "ixx": 9.0,
        "iyy": 4.0,
        "ixy": 0.0,
        "extendedness": np.append(np.zeros(25), extendedness),
        "ap12Flux": 10.0 ** (0.4 * (31.4 - 21.0)),
        "ap12FluxErr": 10.0,
    }
    return SOURCE.build(fill | known)


def test_hosts_are_found_among_the_sources_of_the_visits():
    data = survey({v: [Seen(0.0, 0.0), Seen(0.0, 30.0)] for v in (1, 2, 3)})
    visits = {(v, 0): sources(v, dx=1.5, extendedness=v > 1) for v in (1, 2)}
    objects = make_task(doHosts=True).run(**data, host_sources=visits).objects
    assert objects["host_id"].tolist() == [225, 0]
    assert objects["host_offset"][0] == pytest.approx(1.5, rel=1e-4)
    assert objects["host_mag"][0] == pytest.approx(21.0, rel=1e-5)
    # Along x the square root of the moment is 3 pixels.
    assert objects["host_normalized_offset"][0] == pytest.approx(1.5 / (3 * SCALE), rel=1e-3)
    task = make_task(doHosts=True)
    task.config.host.maxNormalizedOffset = 2.0
    assert task.run(**data, host_sources=visits).objects["host_id"].tolist() == [0, 0]


def test_truth_of_injections_is_kept_apart():
    data = survey({1: [Seen(0.0, 0.0), Seen(5.0, 0.0, injected=True)]})
    data["labels"][1, 0]["injection_id"] = [0, 99]
    data["labels"][1, 0]["injected_mag"] = [np.nan, 22.0]
    objects = make_task().run(**data).objects
    assert objects["truth_injection_id"].tolist() == [0, 99]
    assert objects["truth_mag"][1] == 22.0


def test_forced_photometry_near_an_injection_is_flagged():
    data = survey({1: [Seen(0.0, 0.0)], 2: [Seen(2.0, 0.0, injected=True)], 3: [Seen(0.0, 0.0)]})
    points = {(2, 0): forced(2, 0.0, 0.0, 5000.0)}
    flagged = make_task(doForced=True).run(**data, forced_sources=points).light_curves
    assert flagged["is_injected"][flagged["is_forced"]].tolist() == [True]
    near = make_task(doForced=True, injectionRadius=1.0)
    curves = near.run(**data, forced_sources=points).light_curves
    assert curves["is_injected"][curves["is_forced"]].tolist() == [False]


def test_tables_of_another_run_are_refused():
    data = survey({1: [Seen(0.0, 0.0), Seen(5.0, 0.0)]})
    data["scores"][1, 0]["diaSourceId"][1] += 7
    with pytest.raises(TableSchemaError, match="visit 1, detector 0: 1 of 2 rows of scores"):
        make_task().run(**data)
    data = survey({1: [Seen(0.0, 0.0), Seen(5.0, 0.0)]})
    data["labels"][1, 0] = data["labels"][1, 0][:1]
    with pytest.raises(TableSchemaError, match="1 rows of labels for 2"):
        make_task().run(**data)


def test_detectors_without_labels_are_left_out():
    data = survey({1: [Seen(0.0, 0.0)], 2: [Seen(0.0, 0.0)]})
    del data["labels"][2, 0]
    assert make_task().run(**data).objects["n_detections"].tolist() == [1]
    data["labels"] = {}
    with pytest.raises(NoWorkFound):
        make_task().run(**data)
    assert make_task(doLabels=False).run(**data).objects["n_detections"].tolist() == [2]


def test_empty_tables_give_empty_typed_tables():
    result = make_task().run(**survey({1: [], 2: []}))
    OBJECTS.check(result.objects)
    LIGHT_CURVES.check(result.light_curves)
    assert len(result.objects) == len(result.light_curves) == 0
