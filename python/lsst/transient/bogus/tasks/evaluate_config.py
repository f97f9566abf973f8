# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections and configuration of the evaluation task."""

from __future__ import annotations

__all__ = ("FIGURE_NAMES", "EvaluateTransientBogusConfig", "EvaluateTransientBogusConnections")

import numpy as np

from lsst.pex.config import ChoiceField, Field, FieldValidationError, ListField, RangeField
from lsst.pipe.base import PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base import connectionTypes as cT

from ..columns import CURVES, METRICS
from ..evaluation.label_free import DEFAULT_TOLERANCE
from ..evaluation.thresholds import THRESHOLD_RULES

_VD = ("instrument", "visit", "detector")

FIGURE_NAMES = (
    "completeness",
    "training",
    "confusion",
    "ranking",
    "subsets",
    "units",
    "score_histogram",
    "reliability",
    "purity",
    "classes",
    "recovery",
    "embedding",
)
"""Figures, by the end of their dataset type name ``transient_bogus_plot_<name>``."""


def _figure(name: str) -> cT.Output:
    """Declare the output of one figure."""
    return cT.Output(
        doc=f"Figure: {name.replace('_', ' ')}.",
        name=f"transient_bogus_plot_{name}",
        storageClass="Plot",
        dimensions=("instrument",),
    )


class EvaluateTransientBogusConnections(PipelineTaskConnections, dimensions=("instrument",)):
    """Connections of `EvaluateTransientBogusTask`."""

    dia_sources = cT.Input(
        doc="DIA sources.",
        name="dia_source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    labels = cT.Input(
        doc="Labels of the DIA sources.",
        name="transient_labels",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    scores = cT.Input(
        doc="Scores of the DIA sources, out-of-fold for those that were trained on.",
        name="transient_bogus_scores",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    injected_matches = cT.Input(
        doc="One row per injection, found or not.",
        name="injected_matched_dia_source",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    truth = cT.Input(
        doc="What has really changed; simulations only.",
        name="simulated_truth",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    template_metadata = cT.Input(
        doc="Which images each template was made of: what has changed is in some of them. Without it, the "
        "truth's own reference flux is taken.",
        name="buildTemplate_metadata",
        storageClass="TaskMetadata",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
        minimum=0,
    )
    embedding = cT.Input(
        doc="UMAP coordinates of the DIA sources, for its figure.",
        name="transient_bogus_embedding",
        storageClass="ArrowAstropy",
        dimensions=("instrument",),
    )
    history = cT.Input(
        doc="Training history, for its figure.",
        name="transient_bogus_training_history",
        storageClass="ArrowAstropy",
        dimensions=("instrument",),
    )
    metrics = cT.Output(
        doc=METRICS.doc,
        name="transient_bogus_metrics",
        storageClass="ArrowAstropy",
        dimensions=("instrument",),
    )
    curves = cT.Output(
        doc=CURVES.doc, name="transient_bogus_curves", storageClass="ArrowAstropy", dimensions=("instrument",)
    )

    plot_completeness = _figure("completeness")
    plot_training = _figure("training")
    plot_confusion = _figure("confusion")
    plot_ranking = _figure("ranking")
    plot_subsets = _figure("subsets")
    plot_units = _figure("units")
    plot_score_histogram = _figure("score_histogram")
    plot_reliability = _figure("reliability")
    plot_purity = _figure("purity")
    plot_classes = _figure("classes")
    plot_recovery = _figure("recovery")
    plot_embedding = _figure("embedding")

    def __init__(self, *, config: EvaluateTransientBogusConfig) -> None:
        for name in FIGURE_NAMES:
            needed = {"embedding": "doEmbedding", "training": "doHistory", "classes": "doTruth"}
            wanted = name not in needed or getattr(config, needed[name])
            if not (config.doPlots and wanted):
                delattr(self, f"plot_{name}")
        for wanted, connection in (
            (config.doTruth, "truth"),
            (config.doTruth, "template_metadata"),
            (config.doEmbedding, "embedding"),
            (config.doHistory, "history"),
        ):
            if not wanted:
                delattr(self, connection)


class EvaluateTransientBogusConfig(PipelineTaskConfig, pipelineConnections=EvaluateTransientBogusConnections):
    """Configuration of `EvaluateTransientBogusTask`."""

    thresholdRule = ChoiceField[str](
        doc="How the working threshold is chosen on the out-of-fold scores.",
        allowed=THRESHOLD_RULES,
        default="balanced",
    )
    thresholdValue = Field[float](
        doc="Number that thresholdRule needs: a rate or purity between 0 and 1, a cost ratio, or the "
        "threshold itself. Ignored by the rule balanced.",
        default=0.5,
        check=lambda value: value >= 0.0,
    )
    snrCut = RangeField(
        dtype=float,
        doc="Significance above which detections make up the bright subset. High values leave few.",
        default=8.0,
        min=0.0,
    )
    snrBins = ListField[float](
        doc="Ascending lower edges of the bins of significance; the last bin is open.",
        default=[5.0, 6.0, 8.0, 12.0, 20.0, 50.0],
        listCheck=lambda edges: len(edges) >= 1 and all(np.diff(edges) > 0),
    )
    nResamples = RangeField(
        dtype=int,
        doc="Bootstrap resamples of the visits. Few make the intervals themselves uncertain (by a tenth at "
        "50); the time grows in proportion.",
        default=300,
        min=10,
    )
    assumptionTolerance = RangeField(
        dtype=float,
        doc="Scatter, in the natural logarithm, by which the numbers of real and of bogus detections that "
        "score alike may be wrong because real ones are not quite like injections. 0 takes the assumption "
        "of the label-free estimates for exact; large values widen their intervals.",
        default=DEFAULT_TOLERANCE,
        min=0.0,
    )
    doTruth = Field[bool](
        doc="Compare with the simulated truth? Needs a simulated survey.",
        default=False,
    )
    truthRadius = RangeField(
        dtype=float,
        doc="Largest separation of a detection from the true source that it is, in arcsec. Small values lose "
        "faint detections with noisy centroids, large ones take bogus for real. Ignored without doTruth.",
        default=1.0,
        min=0.0,
        inclusiveMin=False,
    )
    truthMinSignificance = RangeField(
        dtype=float,
        doc="A true source whose flux has changed by fewer standard errors is not what was detected. "
        "0 takes every detection at a variable star for real. Ignored without doTruth.",
        default=3.0,
        min=0.0,
    )
    doEmbedding = Field[bool](doc="Draw the embedding? Needs the task that makes it.", default=True)
    doHistory = Field[bool](
        doc="Draw the training history? Needs the model to be trained in the same pipeline.", default=True
    )
    doPlots = Field[bool](doc="Write the figures?", default=True)
    seed = Field[int](doc="Another value draws other bootstrap resamples.", default=0)

    def validate(self) -> None:
        super().validate()
        if self.thresholdRule in ("tpr", "fpr", "purity") and not 0.0 < self.thresholdValue < 1.0:
            raise FieldValidationError(
                EvaluateTransientBogusConfig.thresholdValue,
                self,
                f"thresholdRule {self.thresholdRule!r} needs a value between 0 and 1; "
                f"got {self.thresholdValue}.",
            )
