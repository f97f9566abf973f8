# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections, configuration and flags of the scoring task."""

from __future__ import annotations

__all__ = ("ScoreFlag", "TransientBogusScoreConfig", "TransientBogusScoreConnections")

import enum
from typing import Any

from lsst.pex.config import ChoiceField, Field, RangeField
from lsst.pipe.base import PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base import connectionTypes as cT

from ..columns import SCORES
from ..nn.settings import PRECISIONS

_VD = ("instrument", "visit", "detector")
_MODEL: dict[str, Any] = {
    "doc": "Trained networks, their specification and calibration.",
    "name": "transient_bogus_model",
    "storageClass": "ArrowTable",
    "dimensions": ("instrument",),
}


class ScoreFlag(enum.IntFlag):
    """Why a source has no score, or one to be wary of."""

    UNUSABLE_STAMP = enum.auto()
    SEEN_IN_TRAINING = enum.auto()
    OUT_OF_DOMAIN = enum.auto()
    GLINT_TRAIL = enum.auto()


class TransientBogusScoreConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `TransientBogusScoreTask`."""

    cutouts = cT.Input(
        doc="Stamps around the DIA sources.",
        name="transient_cutouts",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        deferLoad=True,
    )
    dia_sources = cT.Input(
        doc="The same DIA sources: their positions decide which networks may judge them.",
        name="dia_source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        deferLoad=True,
    )
    labels = cT.Input(
        doc="Sky tiles of the same DIA sources.",
        name="transient_labels",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        deferLoad=True,
    )
    model = cT.Input(**_MODEL)
    scores = cT.Output(
        doc=SCORES.doc,
        name="transient_bogus_scores",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )

    def __init__(self, *, config: TransientBogusScoreConfig) -> None:
        if config.modelIsPrerequisite:
            del self.model
            self.model = cT.PrerequisiteInput(**_MODEL)
        if config.doLabels:
            del self.dia_sources
        else:
            del self.labels


class TransientBogusScoreConfig(PipelineTaskConfig, pipelineConnections=TransientBogusScoreConnections):
    """Configuration of `TransientBogusScoreTask`."""

    modelIsPrerequisite = Field[bool](
        doc="Whether the model was trained before and lies in an input collection. If not, it is trained in "
        "the same graph.",
        default=False,
    )
    doLabels = Field[bool](
        doc="Take the sky tiles from the labels instead of working them out from the positions of the DIA "
        "sources. Only possible for visits with injections; the result is the same.",
        default=False,
    )
    batchSize = RangeField(
        dtype=int,
        doc="Most stamps that the networks judge at a time; 0 for what suits the device (1024 on a GPU; 128 "
        "on a CPU, and fewer if more than five networks judge together). On a CPU small values are slow and "
        "large ones leave the processor's cache; multiples of 16 give the same scores to the last bit.",
        default=0,
        min=0,
    )
    dropoutPasses = RangeField(
        dtype=int,
        doc="Evaluations of every network with dropout, whose scatter is added to score_std. 0 for none; 10 "
        "to 30 give a useful spread. Each costs as much as the score with the network cnn2, and little with "
        "compact; the score does not depend on it.",
        default=0,
        min=0,
    )
    precision = ChoiceField[str](
        doc="Precision of the products that make the latent features, where nearly all of the time goes. "
        "Calibration and the limit of the domain are those of float32 (tf32, if trained so on a GPU).",
        allowed=PRECISIONS,
        default="float32",
    )
    device = Field[str](doc="cpu, cuda, or auto: CUDA where there is one.", default="auto")
    numThreads = RangeField(
        dtype=int,
        doc="Threads on the CPU; 0 for all cores of the process. Leave it at 1 where as many quanta as cores "
        "run side by side.",
        default=1,
        min=0,
    )
