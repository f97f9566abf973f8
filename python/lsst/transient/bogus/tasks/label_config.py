# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections and configuration of the task that labels DIA sources."""

from __future__ import annotations

__all__ = ("TransientLabelConfig", "TransientLabelConnections")

from lsst.pex.config import ChoiceField, Field, FieldValidationError, RangeField
from lsst.pipe.base import PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base import connectionTypes as cT

from ..columns import LABEL_DISAGREEMENTS, LABELS

_VD = ("instrument", "visit", "detector")


class TransientLabelConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `TransientLabelTask`."""

    dia_sources = cT.Input(
        doc="DIA sources, standardised.",
        name="dia_source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    injected_catalog = cT.Input(
        doc="All injections of the detector, found or not.",
        name="injected_visit_image_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    injected_matches = cT.Input(
        doc="The DIA source that each injection was found as.",
        name="injected_matched_dia_source",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    uninjected_dia_sources = cT.Input(
        doc="DIA sources of the same visit, processed without injections.",
        name="uninjected_dia_source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    labels = cT.Output(
        doc=LABELS.doc,
        name="transient_labels",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    disagreements = cT.Output(
        doc=LABEL_DISAGREEMENTS.doc,
        name="transient_label_disagreements",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )

    def __init__(self, *, config: TransientLabelConfig) -> None:
        if config.matchBy == "position":
            del self.injected_matches
        if not config.doPaired:
            del self.uninjected_dia_sources
            del self.disagreements


class TransientLabelConfig(PipelineTaskConfig, pipelineConnections=TransientLabelConnections):
    """Configuration of `TransientLabelTask`."""

    matchBy = ChoiceField[str](
        doc="Where the matches come from.",
        allowed={
            "table": "The match table. Injected detections that it leaves out are ambiguous.",
            "position": "Mutual nearest neighbours of DIA sources and injected catalogue on the sphere.",
        },
        default="table",
    )
    matchRadius = RangeField(
        dtype=float,
        doc="Largest separation of a match, in units of matchRadiusUnit. Larger values take chance "
        "neighbours for injections, smaller ones lose faint injections. Matches of the table beyond it "
        "are ambiguous.",
        default=0.5,
        min=0.0,
        inclusiveMin=False,
    )
    matchRadiusUnit = ChoiceField[str](
        doc="Unit of matchRadius and exclusionRadius.",
        allowed={
            "arcsec": "Seconds of arc.",
            "fwhm": "The full width at half maximum of the PSF, from the moments in the DIA source table.",
        },
        default="arcsec",
    )
    exclusionRadius = RangeField(
        dtype=float,
        doc="DIA sources within this distance of any injection that are not its detection are ambiguous, in "
        "units of matchRadiusUnit. Larger values lose more of the bogus near galaxies.",
        default=1.5,
        min=0.0,
    )
    maxFluxSigma = RangeField(
        dtype=float,
        doc="A match is ambiguous if measured and injected flux differ by more than this many standard "
        "errors and by more than the factor maxFluxFactor. The published method "
        "has no such cut: a large value.",
        default=3.0,
        min=0.0,
    )
    maxFluxFactor = RangeField(
        dtype=float,
        doc="See maxFluxSigma. 1 leaves the decision to maxFluxSigma alone.",
        default=2.0,
        min=1.0,
    )
    doPaired = Field[bool](
        doc="Whether to compare with the DIA sources of the same visit without injections: what is detected "
        "only with injections, and where one is, is the detection of an injection; what is detected in both "
        "is not.",
        default=False,
    )
    pairRadius = RangeField(
        dtype=float,
        doc="Largest distance of two detections of one source with and without injections, in units of "
        "matchRadiusUnit. Ignored if doPaired is False.",
        default=0.3,
        min=0.0,
        inclusiveMin=False,
    )
    footprintRadius = RangeField(
        dtype=float,
        doc="Largest distance of a detection that is new with injections from its injection, in units "
        "of matchRadiusUnit. Ignored if doPaired is False.",
        default=1.0,
        min=0.0,
        inclusiveMin=False,
    )
    pairedRule = ChoiceField[str](
        doc="What decides where the pair disagrees with the match. Ignored if doPaired is False.",
        allowed={
            "both": "Nothing: such sources are ambiguous.",
            "paired": "The pair; what is detected in both is never ambiguous for being near an injection.",
            "position": "The match; disagreements are only written to their table.",
        },
        default="both",
    )
    glintColumn = Field[str](
        doc="Column that says whether a DIA source is one of a row of flashes of a satellite or of debris; "
        "without it, none is. Such sources are ambiguous.",
        default="glint_trail",
    )
    nside = Field[int](
        doc="HEALPix resolution of the sky tiles that are kept together in one fold, a power of two: 1024 is "
        "3.4 arcmin, 4096 is 52 arcsec. Tiles must be much larger than an object, and a data set must have "
        "several tiles for each fold.",
        default=4096,
        check=lambda nside: nside > 0 and nside & (nside - 1) == 0,
    )
    nFolds = RangeField(
        dtype=int, doc="Number of cross-validation folds.", default=5, min=2, max=1000, inclusiveMax=True
    )
    foldSeed = Field[int](doc="Another value assigns the tiles to other folds.", default=0)
    fluxColumn = Field[str](
        doc="Column of the DIA source table with the flux on the difference in nJy.", default="psfFlux"
    )
    snrColumn = Field[str](doc="Column of the DIA source table with the significance.", default="snr")
    negativeColumn = Field[str](
        doc="Boolean column of the DIA source table that says a detection is negative. If the table does not "
        "have it, the sign of fluxColumn is taken.",
        default="isNegative",
    )

    def validate(self) -> None:
        super().validate()
        if self.exclusionRadius < self.matchRadius:
            raise FieldValidationError(
                TransientLabelConfig.exclusionRadius,
                self,
                f"{self.exclusionRadius} is less than matchRadius={self.matchRadius}: a second detection of "
                "an injection would be called bogus.",
            )
