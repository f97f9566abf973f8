# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that draw injection catalogues: of a detector, on its image, and of a survey."""

from __future__ import annotations

__all__ = (
    "InjectionFigureConfig",
    "InjectionFigureConnections",
    "InjectionFigureTask",
    "SurveyInjectionFigureConfig",
    "SurveyInjectionFigureConnections",
    "SurveyInjectionFigureTask",
)

from collections.abc import Sequence
from typing import Any, ClassVar

from lsst.pex.config import Field
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base import connectionTypes as cT

from ..columns import INJECTION_CATALOG
from ..handles import read_table
from ..pixels import image_plane

_VD = ("instrument", "visit", "detector")


class InjectionFigureConnections(
    PipelineTaskConnections, dimensions=_VD, defaultTemplates={"science": "injected_visit_image"}
):
    """Connections of `InjectionFigureTask`."""

    injection_catalog = cT.Input(
        doc=INJECTION_CATALOG.doc,
        name="transient_injection_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        deferLoad=True,
    )
    image = cT.Input(
        doc="Image to mark the injections on.",
        name="{science}.image",
        storageClass="ImageV2",
        dimensions=_VD,
    )
    figure = cT.Output(
        doc="Injections on the image, their offsets and magnitudes.",
        name="transient_injection_figure",
        storageClass="Plot",
        dimensions=_VD,
    )

    def __init__(self, *, config: InjectionFigureConfig) -> None:
        if not config.doImage:
            del self.image


class InjectionFigureConfig(PipelineTaskConfig, pipelineConnections=InjectionFigureConnections):
    """Configuration of `InjectionFigureTask`."""

    doImage = Field[bool](doc="Whether to read the image and mark the injections on it.", default=True)


class SurveyInjectionFigureConnections(PipelineTaskConnections, dimensions=("instrument",)):
    """Connections of `SurveyInjectionFigureTask`."""

    injection_catalogs = cT.Input(
        doc="Injection catalogues of all visits and detectors.",
        name="transient_injection_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        multiple=True,
        deferLoad=True,
    )
    figure = cT.Output(
        doc="Offsets and magnitudes of all injections.",
        name="transient_survey_injection_figure",
        storageClass="Plot",
        dimensions=("instrument",),
    )


class SurveyInjectionFigureConfig(PipelineTaskConfig, pipelineConnections=SurveyInjectionFigureConnections):
    """Configuration of `SurveyInjectionFigureTask`."""


class InjectionFigureTask(PipelineTask):
    """Draw the injections of a visit and detector: on the image, offsets, magnitudes."""

    ConfigClass = InjectionFigureConfig
    _DefaultName: ClassVar[str] = "injectionFigure"
    config: InjectionFigureConfig

    def run(self, *, injection_catalog: Any, image: Any | None = None) -> Struct:
        """Draw the figure of a detector.

        Parameters
        ----------
        injection_catalog
            Handle of the injection catalogue.
        image
            Image plane; only if ``doImage`` is set.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``figure`` (`matplotlib.figure.Figure`).
        """
        from ..plots.injections import injection_figure

        catalog = read_table(injection_catalog)
        if image is None:
            return Struct(figure=injection_figure(catalog, ""))
        plane = image_plane(image)
        return Struct(figure=injection_figure(catalog, "", image=plane.array, origin=(plane.x0, plane.y0)))


class SurveyInjectionFigureTask(PipelineTask):
    """Draw the offsets and magnitudes of all injections of a survey, against the laws."""

    ConfigClass = SurveyInjectionFigureConfig
    _DefaultName: ClassVar[str] = "surveyInjectionFigure"
    config: SurveyInjectionFigureConfig

    def run(self, *, injection_catalogs: Sequence[Any]) -> Struct:
        """Draw the figure of a survey.

        Parameters
        ----------
        injection_catalogs
            Handles of the injection catalogues.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``figure`` (`matplotlib.figure.Figure`).
        """
        from ..plots.injections import injection_figure, survey_catalog

        tables = [read_table(handle) for handle in injection_catalogs]
        note = f"{len(tables)} catalogues of a visit and detector. "
        return Struct(figure=injection_figure(survey_catalog(tables), note))
