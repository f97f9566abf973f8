# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a collection, with everything and with as little as possible."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import lsst.daf.butler.tests as butlerTests
from lsst.daf.butler import Butler, DatasetType
from lsst.pipe.base import InMemoryDatasetHandle, TaskMetadata
from lsst.transient.bogus.clusters import summarise_clusters
from lsst.transient.bogus.columns import CUTOUTS, INJECTION_CATALOG, LIGHT_CURVES, OBJECTS
from lsst.transient.bogus.metrics import CONFUSION_METRICS
from lsst.transient.bogus.report import read_metrics, read_tables, write_report
from lsst.transient.bogus.scripts.report import report
from lsst.transient.bogus.tasks.evaluate import EvaluateTransientBogusConfig, EvaluateTransientBogusTask

from ..evaluation.survey_data import fill_table, make_embedding, make_history, make_survey

VISIT, DETECTOR, SHARD = 1, 0, 131072


class _Page(HTMLParser):
    """Collects what a page needs from outside, its sections and whether tags are balanced."""

    _VOID = frozenset({"meta", "link", "source", "img", "br"})

    def __init__(self):
        super().__init__()
        self.outside, self.sections, self.images_without_text, self._open = [], [], 0, []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag not in self._VOID:
            self._open.append(tag)
        self.outside += [
            v
            for k, v in values.items()
            if k in ("src", "srcset", "href") and not v.startswith(("data:", "#"))
        ]
        self.images_without_text += tag == "img" and not values.get("alt")
        if tag == "section":
            self.sections.append(values["id"])

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


def _parse(text):
    page = _Page()
    page.feed(text)
    assert not page._open
    return page


def _evaluation(*, truth):
    survey = make_survey(n_visits=4, n_detectors=1)

    def handles(tables):
        return {k: InMemoryDatasetHandle(t, storageClass="ArrowAstropy") for k, t in tables.items()}

    config = EvaluateTransientBogusConfig()
    config.update(doTruth=truth, doPlots=False, nResamples=20)
    names = ["dia_sources", "labels", "scores", "injected_matches"] + ["truth"] * truth
    return EvaluateTransientBogusTask(config=config).run(**{n: handles(getattr(survey, n)) for n in names})


def _candidates():
    """Two objects, one of them confirmed, with six epochs each; and their stamps."""
    objects = fill_table(
        OBJECTS,
        {
            "diaObjectId": np.array([11, 12]),
            "ra": np.array([30.0, 30.1]),
            "dec": -5.0,
            "is_confirmed": np.array([True, False]),
            "probability": 0.97,
            "n_nights": 6,
            "n_detections": 5,
            "bands": "r",
            "peak_snr": 25.0,
            "peak_mjd": 60003.0,
            "first_mjd": 60000.0,
            "host_id": 77,
            "host_mag": 20.5,
            "host_offset": 1.2,
            "host_normalized_offset": 1.0,
        },
        2,
    )
    objects.meta["CONFIRMATION_RULE"] = "n_nights_above >= 2 & probability > 0.9"
    epoch = np.tile(np.arange(6), 2)
    light_curves = fill_table(
        LIGHT_CURVES,
        {
            "diaObjectId": np.repeat([11, 12], 6),
            "diaSourceId": np.where(epoch == 0, 0, np.arange(1, 13)),
            "visit": VISIT,
            "detector": DETECTOR,
            "band": "r",
            "midpointMjdTai": 60000.0 + epoch,
            "psfFlux": 1000.0 * epoch,
            "psfFluxErr": 50.0,
            "snr": 20.0,
            "score": np.where(epoch == 0, np.nan, 0.9),
            "is_forced": epoch == 0,
        },
        12,
    )
    image = np.random.default_rng(0).normal(size=(12, 3, 9, 9))
    cutouts = CUTOUTS.build(
        {"diaSourceId": np.arange(1, 13), "image": image, "variance": image**2, "mask": np.uint8(image > 2)}
        | {"cutout_flag": np.zeros(12)},
        meta={"CHANNELS": ["difference", "science", "template"]},
    )
    return objects, light_curves, cutouts


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with a full result in one RUN and bare metrics in another."""
    root = str(tmp_path_factory.mktemp("report") / "repo")
    Butler.makeRepo(root)
    butler = Butler.from_config(root, writeable=True)
    for dimension, value in (("instrument", "Cam"), ("visit", VISIT), ("detector", DETECTOR)):
        butlerTests.addDataIdValue(butler, dimension, value)
    full, bare = _evaluation(truth=True), _evaluation(truth=False)
    objects, light_curves, cutouts = _candidates()
    survey, detector = {"instrument": "Cam"}, {"instrument": "Cam", "visit": VISIT, "detector": DETECTOR}
    shard = {"instrument": "Cam", "htm7": SHARD}
    metadata = TaskMetadata()
    metadata["quantum"] = {
        "prepUtc": "2026-01-01T00:00:00+00:00",
        "initUtc": "2026-01-01T00:00:01+00:00",
        "startUtc": "2026-01-01T00:00:01.5+00:00",
        "endUtc": "2026-01-01T00:00:04+00:00",
        "startCpuTime": 1.0,
        "endCpuTime": 3.0,
        "endMaxResidentSetSize": 300 * 2**20,
    }
    for run, name, data_id, table in (
        ("full", "transient_bogus_metrics", survey, full.metrics),
        ("full", "transient_bogus_curves", survey, full.curves),
        ("full", "transient_bogus_embedding", survey, make_embedding()),
        ("full", "transient_bogus_clusters", survey, summarise_clusters(make_embedding(), np.ones(300))),
        ("full", "transient_bogus_training_history", survey, make_history()),
        ("full", "transient_objects", shard, objects),
        ("full", "transient_light_curves", shard, light_curves),
        ("full", "transient_cutouts", detector, cutouts),
        ("full", "transient_injection_catalog", detector, fill_table(INJECTION_CATALOG, {"mag": 22.0}, 3)),
        ("full", "cutout_metadata", detector, metadata),
        ("bare", "transient_bogus_metrics", survey, bare.metrics),
        ("bare", "transient_bogus_curves", survey, bare.curves),
        ("search", "transient_objects", shard, objects[:0]),
        ("search", "transient_light_curves", shard, light_curves[:0]),
        ("old", "transient_objects", shard, objects["diaObjectId", "ra", "dec", "is_confirmed"]),
    ):
        storage_class = "TaskMetadata" if table is metadata else "ArrowAstropy"
        butler.registry.registerDatasetType(
            DatasetType(name, tuple(data_id), storage_class, universe=butler.dimensions)
        )
        butler.collections.register(run)
        butler.put(table, name, data_id, run=run)
    butler.close()
    return root


@pytest.fixture(scope="module")
def full_report(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("full") / "new"
    with Butler.from_config(repository) as butler:
        write_report(butler, "full", folder)
    return folder


def test_metrics_hold_the_promised_numbers(full_report):
    text = (full_report / "metrics.json").read_text()
    assert "NaN" not in text
    metrics = json.loads(text)
    for subset in ("all", "snr_gt_8"):
        assert set(CONFUSION_METRICS) <= set(metrics["confusion"][subset])
        assert set(CONFUSION_METRICS) <= set(metrics["truth"]["confusion"][subset])
    assert isinstance(metrics["confusion"]["all"]["tp"], int)
    assert metrics["n_dia_sources"] > metrics["n_injected_detected"] > 0
    assert 0.5 < metrics["auc"] <= 1.0
    assert set(metrics["label_free"]) == {"contamination", "tpr", "fpr", "purity"}
    assert set(metrics["truth"]["hidden"]) == {"hidden", "supernova", "variable_star"}
    assert (metrics["n_objects"], metrics["n_candidates"]) == (2, 1)
    assert metrics["timing"]["cutout"]["n_quanta"] == 1
    assert metrics["timing"]["cutout"]["total"] == pytest.approx(4.0)
    assert metrics["threshold_rule"] == "balanced"
    assert metrics["timing"]["cutout"]["cpu"] == pytest.approx(2.0)


def test_candidates_may_be_those_of_another_collection(repository, tmp_path):
    result = CliRunner().invoke(report, [repository, "full", str(tmp_path), "--candidates", "search"])
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["n_objects"], metrics["n_candidates"]) == (0, 0)
    assert (metrics["collections"], metrics["candidate_collections"]) == (["full"], ["search"])
    assert metrics["n_dia_sources"] > 0
    page = (tmp_path / "index.html").read_text()
    assert "collections=[&quot;search&quot;]" in page
    assert "0 of 0 objects in search are confirmed" in page


def test_page_stands_alone_and_tells_the_whole_story(full_report):
    text = (full_report / "index.html").read_text()
    # Stamps of the confirmed object and the rule that confirmed it.
    assert text.count("Stamps of 5 epochs") == 1
    assert text.count('id="candidate-11"') == 1
    assert "Host 20.5 mag, 1.2″ away, 1.0 of its radii." in text
    assert "Light curves of the 1 most probable candidates." in text
    assert "Rows: difference, science, template." in text
    assert "n_nights_above &gt;= 2" in text
    assert text.count("against the laws it was drawn from") == 1
    page = _parse(text)
    assert page.outside == []
    assert page.images_without_text == 0
    assert page.sections == [
        "data",
        "injections",
        "training",
        "classes",
        "subsets",
        "scores",
        "calibration",
        "purity",
        "truth",
        "map",
        "candidates",
    ]
    assert sorted(path.name for path in full_report.iterdir()) == ["index.html", "metrics.json"]


def test_page_of_bare_metrics_leaves_out_what_is_not_there(repository, tmp_path):
    result = CliRunner().invoke(report, [repository, "bare", str(tmp_path)])
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert "truth" not in metrics
    assert metrics["timing"] == {}
    assert metrics["n_candidates"] == 0
    page = _parse((tmp_path / "index.html").read_text())
    assert not {"training", "truth", "map"} & set(page.sections)
    assert "against the laws it was drawn from" not in (tmp_path / "index.html").read_text()


def test_figures_of_the_candidates(repository, tmp_path):
    result = CliRunner().invoke(report, [repository, "full", str(tmp_path), "--figures"])
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.glob("*.png")} == {"candidates.png", "candidate_11.png"}
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as image:
            assert min(image.size) > 200
    # No confirmed object, no figure.
    bare = CliRunner().invoke(report, [repository, "bare", str(tmp_path / "bare"), "--figures"])
    assert bare.exit_code == 0, bare.output
    assert not list((tmp_path / "bare").glob("*.png"))


def test_a_collection_without_metrics_is_an_error(repository, tmp_path):
    with Butler.from_config(repository, writeable=True) as butler:
        butler.collections.register("empty")
    result = CliRunner().invoke(report, [repository, "empty", str(tmp_path / "folder")])
    assert result.exit_code == 1
    assert "found none" in result.output
    assert not (tmp_path / "folder").exists()


def test_objects_of_an_older_version_are_an_error_that_names_the_columns(repository, tmp_path):
    result = CliRunner().invoke(report, [repository, "bare,old", str(tmp_path / "old")])
    assert result.exit_code == 1
    assert "transient_objects of bare, old were made by another version" in result.output
    assert "host_id" in result.output
    assert not (tmp_path / "old").exists()


def test_read_metrics_is_one_call(repository):
    with Butler.from_config(repository) as butler:
        tables = read_metrics(butler, "full")
        assert len(tables.metrics) > 100
        assert tables.embedding is not None
        assert read_metrics(butler, ["bare"]).embedding is None


def test_read_tables_reads_everything_but_the_stamps(repository):
    with Butler.from_config(repository) as butler:
        tables = read_tables(butler, "full")
        assert list(tables) == [
            "transient_injection_catalog",
            "transient_bogus_training_history",
            "transient_bogus_embedding",
            "transient_bogus_clusters",
            "transient_bogus_metrics",
            "transient_bogus_curves",
            "transient_objects",
            "transient_light_curves",
        ]
        catalog = tables["transient_injection_catalog"]
        assert len(catalog) == 3
        metrics = tables["transient_bogus_metrics"]
        assert metrics.meta["THRESHOLD_RULE"] == read_metrics(butler, "full").metrics.meta["THRESHOLD_RULE"]
        stamps = read_tables(butler, ["full"], instrument="Cam", names=["transient_cutouts"])
        assert list(stamps) == ["transient_cutouts"]
        assert set(stamps["transient_cutouts"]["visit"]) == {VISIT}
        assert set(stamps["transient_cutouts"]["detector"]) == {DETECTOR}
        assert read_tables(butler, "full", instrument="Other") == {}
