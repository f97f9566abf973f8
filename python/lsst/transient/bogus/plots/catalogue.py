# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of an evaluation, by name."""

from __future__ import annotations

__all__ = ("EVALUATION_FIGURES", "FigureEntry")

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import networks, scores, survey
from .tables import EvaluationTables

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class FigureEntry:
    """One figure of the evaluation.

    Parameters
    ----------
    draw
        Function that draws it from the tables; has a keyword ``dark``.
    title
        What it shows, for a reader.
    """

    draw: Callable[..., Figure]
    title: str

    def __call__(self, tables: EvaluationTables, *, dark: bool = False) -> Figure:
        return self.draw(tables, dark=dark)


EVALUATION_FIGURES = {
    "completeness": FigureEntry(survey.completeness_figure, "Completeness of the injections"),
    "training": FigureEntry(networks.training_figure, "Training history"),
    "confusion": FigureEntry(scores.confusion_figure, "Confusion matrices"),
    "ranking": FigureEntry(scores.ranking_figure, "ROC, and precision against recall"),
    "subsets": FigureEntry(survey.subset_figure, "Measures of every subset"),
    "units": FigureEntry(survey.unit_figure, "Measures of every visit and detector"),
    "score_histogram": FigureEntry(scores.score_histogram_figure, "Scores of all data and of the injections"),
    "reliability": FigureEntry(scores.reliability_figure, "Calibration"),
    "purity": FigureEntry(survey.purity_figure, "Purity without labels"),
    "classes": FigureEntry(survey.class_figure, "Real detections of every class against bogus"),
    "recovery": FigureEntry(survey.recovery_figure, "Selected fraction against significance"),
    "embedding": FigureEntry(networks.embedding_figure, "UMAP of the latent features"),
}
"""Figures in the order of the report; the key is the end of the dataset type name."""
