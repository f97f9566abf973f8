# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections and configuration of the embedding task."""

from __future__ import annotations

__all__ = ("EmbedTransientBogusConfig", "EmbedTransientBogusConnections")

from lsst.pex.config import Field, RangeField
from lsst.pipe.base import PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base import connectionTypes as cT

from ..columns import CLUSTERS, EMBEDDING

_VD = ("instrument", "visit", "detector")


class EmbedTransientBogusConnections(PipelineTaskConnections, dimensions=("instrument",)):
    """Connections of `EmbedTransientBogusTask`."""

    cutouts = cT.Input(
        doc="Stamps around the DIA sources.",
        name="transient_cutouts",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    labels = cT.Input(
        doc="Labels of the DIA sources, row-aligned with the cutouts.",
        name="transient_labels",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    scores = cT.Input(
        doc="Scores of the DIA sources, row-aligned with the cutouts.",
        name="transient_bogus_scores",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    model = cT.Input(
        doc="Trained networks.",
        name="transient_bogus_model",
        storageClass="ArrowTable",
        dimensions=("instrument",),
    )
    embedding = cT.Output(
        doc=EMBEDDING.doc,
        name="transient_bogus_embedding",
        storageClass="ArrowAstropy",
        dimensions=("instrument",),
    )
    clusters = cT.Output(
        doc=CLUSTERS.doc,
        name="transient_bogus_clusters",
        storageClass="ArrowAstropy",
        dimensions=("instrument",),
    )

    def __init__(self, *, config: EmbedTransientBogusConfig) -> None:
        if config.modelIsPrerequisite:
            model = cT.PrerequisiteInput(
                doc=self.model.doc,
                name=self.model.name,
                storageClass=self.model.storageClass,
                dimensions=self.model.dimensions,
            )
            del self.model
            self.model = model


class EmbedTransientBogusConfig(PipelineTaskConfig, pipelineConnections=EmbedTransientBogusConnections):
    """Configuration of `EmbedTransientBogusTask`."""

    modelIsPrerequisite = Field[bool](
        doc="Whether the model was trained before and lies in an input collection. If not, it is trained in "
        "the same graph.",
        default=False,
    )
    maxFit = RangeField(
        dtype=int,
        doc="Sources on which the map and its clusters are fitted; the others are placed in it. Chosen so "
        "that rare kinds (by label, sign and significance) are kept. Time grows in proportion; few lose "
        "small clusters.",
        default=20000,
        min=10,
    )
    nComponents = RangeField(
        dtype=int,
        doc="Principal components of the latent features that the map is made of. Few blur kinds, many add "
        "the networks' noise.",
        default=30,
        min=2,
    )
    nNeighbors = RangeField(
        dtype=int,
        doc="Neighbours of a source that the map keeps close. Small values show fine structure and tear "
        "large groups apart, large ones the reverse.",
        default=15,
        min=2,
    )
    minDist = RangeField(
        dtype=float,
        doc="Smallest distance of points in the map. Small values give dense clumps, large ones an even "
        "spread.",
        default=0.1,
        min=0.0,
        max=1.0,
    )
    nEpochs = RangeField(
        dtype=int,
        doc="Steps of the layout. Time grows in proportion; few leave the map unfinished.",
        default=200,
        min=10,
    )
    minClusterSize = RangeField(
        dtype=int,
        doc="Fewest fitted sources in a cluster. Small values name chance clumps, large ones merge kinds.",
        default=40,
        min=2,
    )
    minSamples = RangeField(
        dtype=int,
        doc="Neighbours that make a place dense. Larger values leave more sources without a cluster.",
        default=10,
        min=1,
    )
    device = Field[str](doc="cpu, cuda, or auto: CUDA where there is one.", default="auto")
    numThreads = RangeField(
        dtype=int, doc="Threads of the networks on the CPU; 0 for all cores of the process.", default=0, min=0
    )
    seed = Field[int](doc="Another value draws another map.", default=0)
