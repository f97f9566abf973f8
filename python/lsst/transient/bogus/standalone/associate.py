# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that associates the DIA sources of all visits into DIA objects."""

from __future__ import annotations

__all__ = ("AssociateDiaSourcesConfig", "AssociateDiaSourcesConnections", "AssociateDiaSourcesTask")

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from lsst.pex.config import RangeField
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base.connectionTypes import Input, Output

from ..association import associate, mean_positions, object_ids
from ..columns import DIA_OBJECT, DIA_SOURCE
from ..shards import in_trixel

if TYPE_CHECKING:
    from lsst.daf.butler import DataCoordinate, DeferredDatasetHandle
    from lsst.pipe.base import InputQuantizedConnection, OutputQuantizedConnection, QuantumContext

_COLUMNS = ("diaSourceId", "visit", "ra", "dec", "midpointMjdTai")
_HTM_LEVEL = 7


class AssociateDiaSourcesConnections(PipelineTaskConnections, dimensions=("instrument", "htm7")):
    """Connections of `AssociateDiaSourcesTask`."""

    dia_sources = Input(
        doc="DIA sources of all visits and detectors that overlap the shard.",
        name="dia_source_detector",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferLoad=True,
    )
    dia_objects = Output(
        doc="DIA objects whose mean position lies in the shard.",
        name="dia_object_htm7",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "htm7"),
    )


class AssociateDiaSourcesConfig(PipelineTaskConfig, pipelineConnections=AssociateDiaSourcesConnections):
    """Configuration of `AssociateDiaSourcesTask`."""

    radius = RangeField(
        dtype=float,
        doc="Largest separation, in arcsec, of a DIA source from the mean position of its object.  Small "
        "values split faint objects, large values join neighbours.",
        default=0.7,
        min=0.0,
        inclusiveMin=False,
    )
    minDetections = RangeField(
        dtype=int,
        doc="Fewest DIA sources of an object that is written.  1 asks for forced photometry at every bogus "
        "detection too, which can never be confirmed by a second one.",
        default=2,
        min=1,
    )


class AssociateDiaSourcesTask(PipelineTask):
    """Associate the DIA sources of one shard of the sky over all visits.

    Stands in for the stack's DIA association; says where fluxes are to be forced.
    """

    ConfigClass = AssociateDiaSourcesConfig
    _DefaultName = "associate"
    config: AssociateDiaSourcesConfig

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        # In the order of the data IDs, so that the result does not depend on the graph's.
        handles = sorted(
            butlerQC.get(inputRefs.dia_sources), key=lambda h: (h.dataId["visit"], h.dataId["detector"])
        )
        data_id = cast("DataCoordinate", butlerQC.quantum.dataId)
        butlerQC.put(self.run(dia_sources=handles, trixel=int(data_id["htm7"])), outputRefs)

    def run(self, *, dia_sources: Sequence[DeferredDatasetHandle], trixel: int) -> Struct:
        """Associate detections.

        Parameters
        ----------
        dia_sources
            Handles of tables of `~lsst.transient.bogus.columns.DIA_SOURCE`.
        trixel
            HTM index (level 7) of the shard.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``dia_objects``: a table of `~lsst.transient.bogus.columns.DIA_OBJECT`.
        """
        tables = [handle.get(parameters={"columns": list(_COLUMNS)}) for handle in dia_sources]
        for table in tables:
            DIA_SOURCE.check(table, _COLUMNS)
        columns = {
            name: np.concatenate([np.asarray(t[name]) for t in tables]) if tables else np.zeros(0)
            for name in _COLUMNS
        }
        index = associate(
            columns["ra"],
            columns["dec"],
            columns["midpointMjdTai"],
            columns["visit"],
            radius_arcsec=self.config.radius,
        )
        if not np.any(index >= 0):
            self._report(len(index), 0, 0)
            return Struct(dia_objects=DIA_OBJECT.empty())
        ra, dec, n_detections = mean_positions(columns["ra"], columns["dec"], index)
        names = object_ids(index, columns["midpointMjdTai"], columns["diaSourceId"])
        keep = (n_detections >= self.config.minDetections) & in_trixel(
            ra, dec, trixel=trixel, level=_HTM_LEVEL
        )
        objects = DIA_OBJECT.build(
            {"diaObjectId": names[keep], "ra": ra[keep], "dec": dec[keep], "nDiaSources": n_detections[keep]}
        )
        self._report(len(index), len(ra), len(objects))
        return Struct(dia_objects=objects)

    def _report(self, n_sources: int, n_objects: int, n_written: int) -> None:
        self.log.info(
            "%d DIA sources make %d objects; %d of them with at least %d detections lie in the shard.",
            n_sources,
            n_objects,
            n_written,
            self.config.minDetections,
        )
        self.metadata["n_dia_sources"] = n_sources
        self.metadata["n_objects"] = n_objects
        self.metadata["n_written"] = n_written
