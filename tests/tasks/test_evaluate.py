# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluation task on a survey whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

import lsst.daf.butler.tests as butlerTests
from lsst.pipe.base import InMemoryDatasetHandle, TaskMetadata, UpstreamFailureNoWorkFound
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections, makeQuantum, runTestQuantum
from lsst.transient.bogus.columns import CURVES, METRICS
from lsst.transient.bogus.errors import TableSchemaError
from lsst.transient.bogus.plots.tables import metric_estimate
from lsst.transient.bogus.tasks.evaluate import (
    FIGURE_NAMES,
    EvaluateTransientBogusConfig,
    EvaluateTransientBogusConnections,
    EvaluateTransientBogusTask,
)

from ..evaluation import survey_data


def _handles(tables):
    return {
        key: InMemoryDatasetHandle(table, storageClass="ArrowAstropy", visit=key[0], detector=key[1])
        for key, table in tables.items()
    }


def _inputs(survey, *, truth=True):
    names = ("dia_sources", "labels", "scores", "injected_matches") + (("truth",) if truth else ())
    return {name: _handles(getattr(survey, name)) for name in names}


def _config(**values):
    config = EvaluateTransientBogusConfig()
    config.nResamples = 30
    for name, value in values.items():
        setattr(config, name, value)
    config.validate()
    return config


@pytest.fixture(scope="module")
def survey():
    return survey_data.make_survey()


@pytest.fixture(scope="module")
def result(survey):
    task = EvaluateTransientBogusTask(config=_config(doTruth=True))
    return task.run(
        **_inputs(survey), embedding=survey_data.make_embedding(), history=survey_data.make_history()
    )


def test_outputs_are_complete(result):
    task = EvaluateTransientBogusTask(config=_config(doTruth=True))
    assertValidOutput(task, result)
    METRICS.check(result.metrics)
    CURVES.check(result.curves)


def test_counts(result, survey):
    def value(name, **kwargs):
        return metric_estimate(result.metrics, name, **kwargs).value

    assert value("n_dia_sources") == sum(len(t) for t in survey.dia_sources.values())
    assert value("n_injected_detected") == survey.n_found
    assert value("n_unscored") == 12
    assert value("n_injected") == survey.n_injected
    assert value("completeness") == pytest.approx(survey.n_found / survey.n_injected)
    assert value("tp") + value("fn") == survey.n_found
    assert value("tp", subset="snr_gt_8") <= value("tp")


def test_truth_agrees_with_the_label_free_estimate(result, survey):
    true = metric_estimate(result.metrics, "contamination", "unlabelled", "truth")
    assert true.value == pytest.approx(survey.n_hidden / (12 * 63))  # one source a detector has no score
    estimated = metric_estimate(result.metrics, "contamination", "all", "label_free")
    assert estimated.low - 0.02 < true.value < estimated.high + 0.02
    recovery = metric_estimate(result.metrics, "recovery", "kind=supernova", "truth")
    assert recovery.n == survey.n_hidden // 2
    detected = metric_estimate(result.metrics, "detection_completeness", "kind=hidden", "truth")
    assert detected.value == 1.0


def test_matched_subset_has_equal_classes_and_one_sign(result):
    matched = {
        name: metric_estimate(result.metrics, name, "matched").value for name in ("tp", "fn", "fp", "tn")
    }
    assert matched["tp"] + matched["fn"] == matched["fp"] + matched["tn"] > 0


def test_score_below_threshold_by_each_rule(survey):
    for rule, value in (("fixed", 0.4), ("tpr", 0.9), ("fpr", 0.05), ("purity", 0.8), ("cost", 5.0)):
        task = EvaluateTransientBogusTask(
            config=_config(thresholdRule=rule, thresholdValue=value, doPlots=False)
        )
        metrics = task.run(**_inputs(survey, truth=False)).metrics
        if rule == "fixed":
            assert metric_estimate(metrics, "threshold").value == 0.4
        elif rule == "tpr":
            assert metric_estimate(metrics, "sensitivity").value == pytest.approx(0.9, abs=0.01)
        elif rule == "fpr":
            assert 1 - metric_estimate(metrics, "specificity").value <= 0.05
        elif rule == "purity":
            assert metric_estimate(metrics, "purity", "all", "label_free").value >= 0.75


def test_no_injection_still_gives_typed_tables():
    survey = survey_data.make_survey(n_visits=1, n_injected=0)
    result = EvaluateTransientBogusTask(config=_config()).run(**_inputs(survey, truth=False))
    assert metric_estimate(result.metrics, "n_injected_detected").value == 0
    # The threshold cannot be chosen, so it is the probability 0.5.
    assert metric_estimate(result.metrics, "threshold").value == 0.5
    assert result.metrics.meta["THRESHOLD_RULE"] == "fallback"
    assert metric_estimate(result.metrics, "tn").value > 0
    assert np.isnan(metric_estimate(result.metrics, "sensitivity").value)


def test_a_detector_without_detections_is_no_trouble(survey):
    inputs = _inputs(survey)
    first = next(iter(survey.dia_sources))
    for name in ("dia_sources", "labels", "scores", "truth"):
        inputs[name][9, 9] = InMemoryDatasetHandle(
            getattr(survey, name)[first][:0], storageClass="ArrowAstropy"
        )
    inputs["injected_matches"][9, 9] = inputs["injected_matches"][first]
    metrics = EvaluateTransientBogusTask(config=_config(doTruth=True, doPlots=False)).run(**inputs).metrics
    assert metric_estimate(metrics, "n_injected").value == survey.n_injected + 20
    assert metric_estimate(metrics, "n_injected_detected").value == survey.n_found


def test_nothing_complete_is_an_upstream_failure(survey):
    inputs = _inputs(survey, truth=False) | {"scores": {}}
    with pytest.raises(UpstreamFailureNoWorkFound, match=r"scores \(0\)"):
        EvaluateTransientBogusTask(config=_config()).run(**inputs)


def test_rows_that_are_not_aligned_are_refused(survey):
    inputs = _inputs(survey, truth=False)
    key = next(iter(survey.scores))
    inputs["scores"][key] = InMemoryDatasetHandle(survey.scores[key][::-1], storageClass="ArrowAstropy")
    with pytest.raises(TableSchemaError, match="row-aligned"):
        EvaluateTransientBogusTask(config=_config()).run(**inputs)


def test_connections():
    lintConnections(EvaluateTransientBogusConnections)


@pytest.mark.parametrize(
    ("switch", "inputs", "outputs"),
    [
        ("doTruth", {"truth", "template_metadata"}, {"plot_classes"}),
        ("doEmbedding", {"embedding"}, {"plot_embedding"}),
        ("doHistory", {"history"}, {"plot_training"}),
        ("doPlots", set(), {f"plot_{name}" for name in FIGURE_NAMES if name != "classes"}),
    ],
)
def test_switches_remove_connections(switch, inputs, outputs):
    on = EvaluateTransientBogusConnections(config=_config(**{switch: True}))
    off = EvaluateTransientBogusConnections(config=_config(**{switch: False}))
    assert set(on.inputs) - set(off.inputs) == inputs
    assert set(on.outputs) - set(off.outputs) == outputs


def test_a_rate_must_be_between_zero_and_one():
    with pytest.raises(ValueError, match="between 0 and 1"):
        _config(thresholdRule="purity", thresholdValue=2.0)


def test_quantum_in_a_repository(tmp_path):
    survey = survey_data.make_survey(n_visits=2, n_detectors=1)
    config = _config(doTruth=True)
    task = EvaluateTransientBogusTask(config=config)
    values = {"instrument": ["Cam"], "visit": [1, 2], "detector": [0]}
    repo = butlerTests.makeTestRepo(str(tmp_path), values)
    connections = config.ConnectionsClass(config=config)
    for connection in connections.allConnections.values():
        butlerTests.addDatasetType(repo, connection.name, set(connection.dimensions), connection.storageClass)
    butler = butlerTests.makeTestCollection(repo)
    data_ids: dict = {name: {"instrument": "Cam"} for name in (*connections.outputs, "embedding", "history")}
    butler.put(survey_data.make_embedding(), "transient_bogus_embedding", instrument="Cam")
    butler.put(survey_data.make_history(), "transient_bogus_training_history", instrument="Cam")
    for name in ("dia_sources", "labels", "scores", "injected_matches", "truth"):
        data_ids[name] = []
        for (visit, detector), table in getattr(survey, name).items():
            data_id = {"instrument": "Cam", "visit": visit, "detector": detector}
            butler.put(table, getattr(connections, name).name, data_id)
            data_ids[name].append(data_id)
    # The template of one visit was made of the other; of the other template nothing is known.
    template = TaskMetadata.from_dict({"visits": [2], "detectors": [0], "weights": [1.0]})
    data_ids["template_metadata"] = [{"instrument": "Cam", "visit": 1, "detector": 0}]
    butler.put(
        TaskMetadata.from_dict({"buildTemplate": template.to_dict()}),
        "buildTemplate_metadata",
        data_ids["template_metadata"][0],
    )
    quantum = makeQuantum(task, butler, {"instrument": "Cam"}, data_ids)
    runTestQuantum(task, butler, quantum, mockRun=False)
    metrics = butler.get("transient_bogus_metrics", instrument="Cam")
    assert metric_estimate(metrics, "n_injected_detected").value == survey.n_found
    assert butler.get("transient_bogus_plot_confusion", instrument="Cam").axes
