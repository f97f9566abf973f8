# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what changes is in a template."""

from __future__ import annotations

import numpy as np

from lsst.pipe.base import TaskMetadata
from lsst.transient.bogus.columns import SIMULATED_TRUTH
from lsst.transient.bogus.evaluation.template_truth import with_template_flux
from lsst.transient.bogus.tasks.template_metadata import template_images

from .survey_data import fill_table


def _truth(identifiers, flux, kind="supernova"):
    values = {"truth_id": np.asarray(identifiers), "kind": kind, "flux": np.asarray(flux, float)}
    return fill_table(SIMULATED_TRUTH, values | {"reference_flux": 7.0}, len(identifiers))


def _metadata(**arrays):
    metadata, task = TaskMetadata(), TaskMetadata()
    for name, values in arrays.items():
        task[name] = values
    metadata["buildTemplate"] = task
    return metadata


def test_the_weighted_mean_of_the_images_that_hold_a_source():
    truths = {
        (1, 0): _truth([3, 1, 2], [0.0, 0.0, 0.0]),
        (2, 0): _truth([1], [100.0]),
        (2, 1): _truth([3], [50.0]),
        (3, 0): _truth([9, 1, 3], [1.0, 400.0, 70.0]),
        (4, 0): _truth([1], [1e9]),
    }
    images = template_images(_metadata(visits=[2, 2, 3], detectors=[0, 1, 0], weights=[2.0, 2.0, 1.0]))
    changed = with_template_flux(truths, {(1, 0): images})
    np.testing.assert_allclose(changed[1, 0]["reference_flux"], [(2 * 50 + 70) / 3, 200.0, 7.0])
    assert changed[4, 0]["reference_flux"].tolist() == [7.0]
    assert truths[1, 0]["reference_flux"].tolist() == [7.0] * 3


def test_what_moves_is_elsewhere_in_other_visits():
    truths = {(1, 0): _truth([1], [5.0], kind="moving"), (2, 0): _truth([1], [5.0], kind="moving")}
    images = template_images(_metadata(visits=[2], detectors=[0], weights=[1.0]))
    assert with_template_flux(truths, {(1, 0): images})[1, 0]["reference_flux"].tolist() == [7.0]


def test_a_task_that_does_not_say():
    assert template_images(_metadata(visits=[2])) is None
    truths = {(1, 0): _truth([], [])}
    images = template_images(_metadata(visits=[1], detectors=[0], weights=[1.0]))
    assert len(with_template_flux(truths, {(1, 0): images})[1, 0]) == 0
