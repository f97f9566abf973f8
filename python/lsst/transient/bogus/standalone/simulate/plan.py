# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything about a survey that is decided before a pixel is drawn."""

from __future__ import annotations

__all__ = ("Survey", "plan_survey")

import dataclasses
import functools

import numpy as np

from .changing import Changing
from .config import SurveyConfig
from .schedule import Visit, plan_visits
from .sky import Galaxies, Stars, draw_galaxies, draw_stars
from .transients import draw_changing


@dataclasses.dataclass(frozen=True)
class Survey:
    """Everything about a survey that is decided before a pixel is drawn.

    Parameters
    ----------
    config
        Settings.
    visits
        Visits in time order.
    stars
        Constant stars; those that vary are in ``changing`` instead.
    galaxies
        Galaxies.
    changing
        Sources that change.
    """

    config: SurveyConfig
    visits: tuple[Visit, ...]
    stars: Stars
    galaxies: Galaxies
    changing: Changing


@functools.lru_cache(maxsize=2)
def plan_survey(config: SurveyConfig) -> Survey:
    """Draw visits and sky of a survey.

    Parameters
    ----------
    config
        Settings.

    Returns
    -------
    survey : `Survey`
        The same for the same settings in every process.
    """
    visits = plan_visits(config)
    stars, galaxies = draw_stars(config), draw_galaxies(config)
    changing = draw_changing(config, visits, stars, galaxies)
    constant = ~np.isin(stars.star_id, changing.star_id)
    stars = Stars(**{f.name: getattr(stars, f.name)[constant] for f in dataclasses.fields(Stars)})
    return Survey(config=config, visits=visits, stars=stars, galaxies=galaxies, changing=changing)
