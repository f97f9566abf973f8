# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections of the task that draws injections."""

from __future__ import annotations

__all__ = ("GalaxyHostCatalogConnections",)

from typing import TYPE_CHECKING

from lsst.pipe.base import PipelineTaskConnections
from lsst.pipe.base import connectionTypes as cT

from ..columns import INJECTION_CATALOG

if TYPE_CHECKING:
    from .host_catalog_config import GalaxyHostCatalogConfig

_VD = ("instrument", "visit", "detector")


class GalaxyHostCatalogConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `GalaxyHostCatalogTask`."""

    sources = cT.Input(
        doc="Sources measured on the visit image.",
        name="source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    objects = cT.Input(
        doc="Coadd objects of the tracts that overlap the detector.",
        name="object",
        storageClass="ArrowAstropy",
        dimensions=("skymap", "tract"),
        multiple=True,
        deferLoad=True,
    )
    injection_catalog = cT.Output(
        doc=INJECTION_CATALOG.doc,
        name="transient_injection_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )

    def __init__(self, *, config: GalaxyHostCatalogConfig) -> None:
        if not config.doObjectHosts:
            del self.objects
