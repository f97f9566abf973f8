# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every figure of the evaluation is drawn from full, from bare and from empty tables."""

from __future__ import annotations

import io

import numpy as np
import pytest

from lsst.transient.bogus.columns import CURVES, METRICS
from lsst.transient.bogus.evaluation.completeness import injection_table
from lsst.transient.bogus.evaluation.sources import join_sources, stack_tables
from lsst.transient.bogus.evaluation.survey import EvaluationSettings, evaluate_survey
from lsst.transient.bogus.plots.catalogue import EVALUATION_FIGURES
from lsst.transient.bogus.plots.style import palette
from lsst.transient.bogus.plots.tables import EvaluationTables
from lsst.transient.bogus.tasks.evaluate import FIGURE_NAMES

from ..evaluation.survey_data import make_embedding, make_history, make_survey


@pytest.fixture(scope="module")
def tables():
    survey = make_survey(n_visits=3, n_detectors=1)
    parts = [
        join_sources(survey.dia_sources[k], survey.labels[k], survey.scores[k], visit=k[0], detector=k[1])
        for k in survey.dia_sources
    ]
    matches = [
        injection_table(survey.injected_matches[k], part, visit=k[0], detector=k[1])
        for k, part in zip(survey.dia_sources, parts, strict=True)
    ]
    result = evaluate_survey(
        stack_tables(parts), stack_tables(matches), None, EvaluationSettings(n_resamples=20)
    )
    return EvaluationTables(result.metrics, result.curves, make_embedding(), make_history())


def _draw(figure):
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=30)
    return stream.getvalue()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", FIGURE_NAMES)
def test_figure(tables, name, dark):
    figure = EVALUATION_FIGURES[name](tables, dark=dark)
    assert figure.get_facecolor() == pytest.approx(_rgba(palette(dark=dark).background))
    assert len(_draw(figure)) > 1000


@pytest.mark.parametrize("name", FIGURE_NAMES)
def test_empty_tables_give_a_figure_too(name):
    _draw(EVALUATION_FIGURES[name](EvaluationTables(METRICS.empty(), CURVES.empty())))


def test_every_output_of_the_task_has_a_figure():
    assert set(FIGURE_NAMES) == set(EVALUATION_FIGURES)


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_readable_on_its_background(dark):
    colours = palette(dark=dark)
    assert _contrast(colours.text, colours.background) > 7.0
    for colour in (colours.injected, colours.hidden, colours.good, colours.everything):
        assert _contrast(colour, colours.background) > 3.0


def _rgba(colour):
    return (*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1.0)


def _contrast(one, other):
    """Contrast ratio of the WCAG."""

    def luminance(colour):
        channel = np.array(_rgba(colour)[:3])
        linear = np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
