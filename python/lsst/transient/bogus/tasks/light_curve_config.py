# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections and configuration of the task that makes light curves and confirms transients."""

from __future__ import annotations

__all__ = ("LightCurveMatchConfig", "LightCurveMatchConnections")

import dataclasses
from typing import Any

from lsst.pex.config import ChoiceField, ConfigField, Field, RangeField
from lsst.pipe.base import PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base import connectionTypes as cT

from ..columns import LIGHT_CURVES, OBJECTS
from .confirmation import ConfirmationConfig, EvidenceConfig
from .nearest_host_config import HostConfig

_VD = ("instrument", "visit", "detector")


def _detector_input(doc: str, name: str) -> Any:
    """Return a connection to the tables of many detectors, read by columns."""
    return cT.Input(
        doc=doc, name=name, storageClass="ArrowAstropy", dimensions=_VD, multiple=True, deferLoad=True
    )


class LightCurveMatchConnections(PipelineTaskConnections, dimensions=("instrument", "htm7")):
    """Connections of `LightCurveMatchTask`."""

    dia_sources = _detector_input("DIA sources of one detector.", "dia_source_detector")
    associated_dia_sources = cT.Input(
        doc="DIA sources of one patch, associated by the stack.",
        name="dia_source_patch",
        storageClass="ArrowAstropy",
        dimensions=("skymap", "tract", "patch"),
        deferLoad=True,
    )
    scores = _detector_input("Scores of the DIA sources, row by row.", "transient_bogus_scores")
    labels = _detector_input("Which DIA sources are injections, row by row.", "transient_labels")
    forced_sources = _detector_input(
        "Forced photometry at the positions of objects.", "dia_object_forced_source"
    )
    host_sources = _detector_input("Sources of one visit image: possible hosts.", "source_detector")
    objects = cT.Output(
        doc=OBJECTS.doc,
        name="transient_objects",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "htm7"),
    )
    light_curves = cT.Output(
        doc=LIGHT_CURVES.doc,
        name="transient_light_curves",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "htm7"),
    )

    def __init__(self, *, config: LightCurveMatchConfig) -> None:
        if config.association == "stack":
            del self.dia_sources
            self.dimensions = {"instrument", "skymap", "tract", "patch"}
            for name in ("objects", "light_curves"):
                setattr(self, name, dataclasses.replace(getattr(self, name), dimensions=self.dimensions))
        else:
            del self.associated_dia_sources
        if not config.doLabels:
            del self.labels
        if not config.doForced:
            del self.forced_sources
        if not config.doHosts:
            del self.host_sources


class LightCurveMatchConfig(PipelineTaskConfig, pipelineConnections=LightCurveMatchConnections):
    """Configuration of `LightCurveMatchTask`."""

    association = ChoiceField[str](
        doc="Who matches detections into objects.",
        default="position",
        allowed={
            "position": "This task, by position, in shards of htm7.",
            "stack": "The stack: the diaObjectId of dia_source_patch, in shards of patches.",
        },
    )
    doLabels = Field[bool](
        doc="Read labels, so that injected detections are flagged and their objects never confirmed. "
        "Switch off where nothing was injected.",
        default=True,
    )
    doForced = Field[bool](
        doc="Add forced photometry at epochs at which an object was not detected.",
        default=False,
    )
    doHosts = Field[bool](
        doc="Find the host of each object among the sources of the visits.",
        default=False,
    )
    host = ConfigField[HostConfig](doc="What can be a host; ignored if doHosts is False.")
    injectionRadius = RangeField(
        dtype=float,
        doc="Forced photometry within this distance in arcsec of an injection detected in its visit is "
        "flagged and does not count. Too small leaves injected flux in light curves, too large loses epochs.",
        default=3.0,
        min=0.0,
        max=60.0,
        inclusiveMax=True,
    )
    radius = RangeField(
        dtype=float,
        doc="Largest separation of a detection (and of forced photometry) from the mean position of its "
        "object, in arcsec. Too small splits objects, too large merges neighbours; about five standard "
        "errors of a faint centroid. With association by the stack it serves forced photometry alone.",
        default=0.5,
        min=0.0,
        max=60.0,
        inclusiveMax=True,
        inclusiveMin=False,
    )
    positionErrorFloor = RangeField(
        dtype=float,
        doc="Error of the astrometric solution in arcsec, added in quadrature to that of each centroid. "
        "Too small turns astrometric errors into motion.",
        default=0.05,
        min=0.0,
        max=60.0,
        inclusiveMax=True,
        inclusiveMin=False,
    )
    nightOffset = RangeField(
        dtype=float,
        doc="East longitude of the site in days (degrees / 360), so that local noon divides the nights. "
        "0 gives the day_obs of Rubin.",
        default=0.0,
        min=-0.5,
        max=0.5,
        inclusiveMax=True,
    )
    evidence = ConfigField[EvidenceConfig](doc="How the scores of an object are taken together.")
    rule = ConfigField[ConfirmationConfig](doc="What makes an object a confirmed transient.")
