# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that matches injected sources to DIA sources."""

from __future__ import annotations

__all__ = ("MatchInjectedConfig", "MatchInjectedConnections", "MatchInjectedTask")

from typing import TYPE_CHECKING

import numpy as np

from lsst.pex.config import RangeField
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base.connectionTypes import Input, Output

from ..columns import DIA_SOURCE, INJECTED_CATALOG, INJECTED_MATCH
from ..matching import match_one_to_one

if TYPE_CHECKING:
    from astropy.table import Table

_VD = ("instrument", "visit", "detector")


class MatchInjectedConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `MatchInjectedTask`."""

    injected_catalog = Input(
        doc="Injection catalogue with the outcome of each injection.",
        name="injected_visit_image_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    dia_sources = Input(
        doc="Sources detected on the difference image.",
        name="dia_source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    matched = Output(
        doc="Injection catalogue with the DIA source that each injection was found as.",
        name="injected_matched_dia_source",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )


class MatchInjectedConfig(PipelineTaskConfig, pipelineConnections=MatchInjectedConnections):
    """Configuration of `MatchInjectedTask`."""

    radius = RangeField(
        dtype=float,
        doc="Largest separation of an injection and its DIA source, in arcsec.  Large values match "
        "injections that were not found to whatever was found nearby.",
        default=0.5,
        min=0.0,
        inclusiveMin=False,
    )


class MatchInjectedTask(PipelineTask):
    """Match injections to DIA sources, mutual nearest neighbours on the sphere.

    Stands in for the stack's ``MatchInjectedToDiaSourceTask``, with a row for
    every injection, found or not, up to the edge of the detector.
    """

    ConfigClass = MatchInjectedConfig
    _DefaultName = "matchInjected"
    config: MatchInjectedConfig

    def run(self, *, injected_catalog: Table, dia_sources: Table) -> Struct:
        """Match a catalogue.

        Parameters
        ----------
        injected_catalog
            A table of `~lsst.transient.bogus.columns.INJECTED_CATALOG`.
        dia_sources
            A table of `~lsst.transient.bogus.columns.DIA_SOURCE`.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``matched``: a table of `~lsst.transient.bogus.columns.INJECTED_MATCH`
            with the rows of ``injected_catalog`` in their order.
        """
        INJECTED_CATALOG.check(injected_catalog)
        DIA_SOURCE.check(dia_sources, ("diaSourceId", "ra", "dec"))
        n = len(injected_catalog)
        identifier, distance = np.zeros(n, dtype=np.int64), np.full(n, -1.0)
        injection, source, separation = match_one_to_one(
            injected_catalog["ra"],
            injected_catalog["dec"],
            dia_sources["ra"],
            dia_sources["dec"],
            radius_arcsec=self.config.radius,
        )
        identifier[injection] = np.asarray(dia_sources["diaSourceId"])[source]
        distance[injection] = separation
        data = {n: injected_catalog[n] for n in INJECTED_CATALOG.names if n in injected_catalog.colnames}
        matched = INJECTED_MATCH.build(
            {**data, "diaSourceId": identifier, "dist_diaSrc": distance}, meta=injected_catalog.meta
        )
        self.log.info("Found %d of %d injections among %d DIA sources.", len(injection), n, len(dia_sources))
        self.metadata["n_injections"] = n
        self.metadata["n_found"] = len(injection)
        return Struct(matched=matched)
