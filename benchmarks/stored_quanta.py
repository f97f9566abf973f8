# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What quanta of the scoring task read, in a repository."""

from __future__ import annotations

__all__ = ("Quantum", "stored")

import dataclasses
from typing import Any

import pyarrow
from astropy.table import Table

from lsst.daf.butler import Butler, DeferredDatasetHandle
from lsst.daf.butler.tests import addDataIdValue, addDatasetType, makeTestCollection
from lsst.transient.bogus.handles import read_table


@dataclasses.dataclass(frozen=True)
class Quantum:
    """What the quantum of one detector reads."""

    cutouts: DeferredDatasetHandle
    dia_sources: DeferredDatasetHandle
    model: DeferredDatasetHandle

    def read(self) -> dict[str, Any]:
        """Read it as the task does."""
        return {
            "cutouts": read_table(self.cutouts),
            "dia_sources": self.dia_sources.get(parameters={"columns": ["diaSourceId", "ra", "dec"]}),
            "model": self.model.get(),
        }


def stored(
    cutouts: Table, dia_sources: Table, model: pyarrow.Table, n_detectors: int, root: str
) -> list[Quantum]:
    """Store the tables in a repository, once for each detector, and the model."""
    Butler.makeRepo(root)
    repo = Butler.from_config(root, writeable=True)
    addDataIdValue(repo, "instrument", "Cam")
    for detector in range(n_detectors):
        addDataIdValue(repo, "detector", detector)
    for name in ("transient_cutouts", "dia_source_detector"):
        addDatasetType(repo, name, {"instrument", "detector"}, "ArrowAstropy")
    addDatasetType(repo, "transient_bogus_model", {"instrument"}, "ArrowTable")
    butler = makeTestCollection(repo)
    trained = butler.getDeferred(butler.put(model, "transient_bogus_model", instrument="Cam"))
    data_ids = [{"instrument": "Cam", "detector": detector} for detector in range(n_detectors)]
    return [
        Quantum(
            butler.getDeferred(butler.put(cutouts, "transient_cutouts", data_id)),
            butler.getDeferred(butler.put(dia_sources, "dia_source_detector", data_id)),
            trained,
        )
        for data_id in data_ids
    ]
