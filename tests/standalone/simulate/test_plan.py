# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import numpy as np

from lsst.transient.bogus.standalone.simulate import SurveyConfig, plan_survey


def test_sky_does_not_depend_on_conditions_or_artefacts() -> None:
    config = SurveyConfig(size=256)
    other = dataclasses.replace(config, artifacts=dataclasses.replace(config.artifacts, trails=9.0))
    one, two = plan_survey(config), plan_survey(other)
    np.testing.assert_array_equal(one.galaxies.ra, two.galaxies.ra)
    np.testing.assert_array_equal(one.changing.flux, two.changing.flux)
    assert one.visits == two.visits


def test_another_seed_is_another_sky() -> None:
    one, two = (plan_survey(SurveyConfig(size=256, seed=seed)) for seed in (1, 2))
    assert not np.isin(one.stars.ra, two.stars.ra).any()
