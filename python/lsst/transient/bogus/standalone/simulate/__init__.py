# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated surveys of real difficulty, with hidden astrophysical change."""

from .config import PRESETS, SurveyConfig, load_config
from .exposure import Rendered, render
from .plan import Survey, plan_survey
from .schedule import Visit, detector_wcs

__all__ = (
    "PRESETS",
    "Rendered",
    "Survey",
    "SurveyConfig",
    "Visit",
    "detector_wcs",
    "load_config",
    "plan_survey",
    "render",
)
