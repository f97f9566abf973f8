# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores in the form of the stack's own classifier, for the stack's filter on reliability."""

from __future__ import annotations

__all__ = ("ReliabilityCatalogConfig", "ReliabilityCatalogConnections", "ReliabilityCatalogTask")

from typing import Any, ClassVar

import numpy as np
from astropy.table import Table

from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base import connectionTypes as cT

from ..columns import SCORES
from ..handles import read_table

_VD = ("instrument", "visit", "detector")
_VERSION_LENGTH = 7  # of reliabilityVersion in the stack's DIA source catalogues


class ReliabilityCatalogConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `ReliabilityCatalogTask`."""

    dia_sources = cT.Input(
        doc="DIA sources whose rows the output has.",
        name="dia_source_unstandardized",
        storageClass="SourceCatalog",
        dimensions=_VD,
    )
    scores = cT.Input(
        doc=SCORES.doc,
        name="transient_bogus_scores",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        deferLoad=True,
    )
    reliability = cT.Output(
        doc="Score and model version of each DIA source, row by row.",
        name="dia_source_reliability",
        storageClass="Catalog",
        dimensions=_VD,
    )


class ReliabilityCatalogConfig(PipelineTaskConfig, pipelineConnections=ReliabilityCatalogConnections):
    """Configuration of `ReliabilityCatalogTask`: there is nothing to set but connections."""


class ReliabilityCatalogTask(PipelineTask):
    """Write scores as the catalogue that ``FilterDiaSourceReliabilityTask`` reads.

    The output has the rows of the DIA sources in their order; NaN for those without a score.
    """

    ConfigClass = ReliabilityCatalogConfig
    _DefaultName: ClassVar[str] = "reliabilityCatalog"
    config: ReliabilityCatalogConfig

    def runQuantum(self, butlerQC: Any, inputRefs: Any, outputRefs: Any) -> None:
        inputs = butlerQC.get(inputRefs)
        inputs["scores"] = read_table(inputs["scores"], ["diaSourceId", "score", "model_version"])
        butlerQC.put(self.run(**inputs), outputRefs)

    def run(self, *, dia_sources: Any, scores: Table) -> Struct:
        """Write the scores of one detector.

        Parameters
        ----------
        dia_sources
            DIA sources, N rows (`lsst.afw.table.SourceCatalog`).
        scores
            Scores of these or some of these sources, in any order.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``reliability`` (`lsst.afw.table.BaseCatalog`),
            N rows with ``id``, ``score`` and ``version``.
        """
        from lsst.afw.table import BaseCatalog, Schema

        SCORES.check(scores, ("diaSourceId", "score", "model_version"))
        ids = np.asarray(dia_sources["id"])
        score = aligned_scores(ids, np.asarray(scores["diaSourceId"]), np.asarray(scores["score"]))
        schema = Schema()
        schema.addField("id", type="L", doc="DIA source.")
        schema.addField("score", type="F", doc="Probability that the source is a transient.")
        version_key = schema.addField(
            "version", type=str, size=_VERSION_LENGTH, doc="First digits of the version of the model."
        )
        catalog = BaseCatalog(schema)
        catalog.resize(len(ids))
        if len(ids):
            catalog["id"], catalog["score"] = ids, score
        version = str(scores["model_version"][0])[:_VERSION_LENGTH] if len(scores) else ""
        for record in catalog:  # a catalogue has no arrays of texts
            record.set(version_key, version)
        n_unscored = int(np.isnan(score).sum())
        self.metadata["n_unscored"] = n_unscored
        self.log.info("%d of %d DIA sources have no score.", n_unscored, len(ids))
        return Struct(reliability=catalog)


def aligned_scores(ids: np.ndarray, scored_ids: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return scores in the order of other identifiers.

    Parameters
    ----------
    ids
        Wanted identifiers, shape (N,).
    scored_ids
        Identifiers of the scores, each once, shape (M,).
    scores
        Scores, shape (M,).

    Returns
    -------
    aligned : `numpy.ndarray`
        float32, shape (N,); NaN for identifiers without a score.
    """
    aligned = np.full(len(ids), np.nan, dtype=np.float32)
    if len(scored_ids):
        order = np.argsort(scored_ids)
        place = order[np.searchsorted(scored_ids, ids, sorter=order).clip(max=len(order) - 1)]
        known = scored_ids[place] == ids
        aligned[known] = scores[place[known]]
    return aligned
