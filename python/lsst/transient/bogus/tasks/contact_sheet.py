# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that draw stamps of every class: for a detector, and for a survey."""

from __future__ import annotations

__all__ = (
    "ContactSheetConfig",
    "ContactSheetConnections",
    "ContactSheetTask",
    "SurveyContactSheetConfig",
    "SurveyContactSheetConnections",
    "SurveyContactSheetTask",
)

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from astropy.table import Table, vstack

from lsst.pex.config import ConfigField, RangeField
from lsst.pipe.base import (
    InputQuantizedConnection,
    InvalidQuantumError,
    NoWorkFound,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
)
from lsst.pipe.base import connectionTypes as cT

from ..handles import read_table
from .network_config import NormalisationConfig

if TYPE_CHECKING:
    from ..nn.spec import Normalisation

_VD = ("instrument", "visit", "detector")
_LABEL_COLUMNS = ("diaSourceId", "label", "is_ambiguous", "sign", "snr")
type _Key = tuple[int, int]


class ContactSheetConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `ContactSheetTask`."""

    cutouts = cT.Input(
        doc="Stamps of the DIA sources.",
        name="transient_cutouts",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        deferLoad=True,
    )
    labels = cT.Input(
        doc="Labels of the DIA sources, row-aligned with the cutouts.",
        name="transient_labels",
        storageClass="ArrowAstropy",
        dimensions=_VD,
        deferLoad=True,
    )
    contact_sheet = cT.Output(
        doc="Stamps of every class of the detector.",
        name="transient_contact_sheet",
        storageClass="Plot",
        dimensions=_VD,
    )


class ContactSheetConfig(PipelineTaskConfig, pipelineConnections=ContactSheetConnections):
    """Configuration of `ContactSheetTask`."""

    perClass = RangeField(
        dtype=int,
        doc="Largest number of stamps of each class; they cover the range of signal-to-noise.",
        default=12,
        min=1,
        max=100,
        inclusiveMax=True,
    )
    normalisation = ConfigField[NormalisationConfig](
        doc="How pixels become the networks' input. Give it the values of the training task, to see what its "
        "networks see."
    )


class SurveyContactSheetConnections(PipelineTaskConnections, dimensions=("instrument",)):
    """Connections of `SurveyContactSheetTask`."""

    cutouts = cT.Input(
        doc="Stamps of the DIA sources.",
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
    contact_sheet = cT.Output(
        doc="Stamps of every class of the survey.",
        name="transient_survey_contact_sheet",
        storageClass="Plot",
        dimensions=("instrument",),
    )


class SurveyContactSheetConfig(ContactSheetConfig, pipelineConnections=SurveyContactSheetConnections):
    """Configuration of `SurveyContactSheetTask`."""


class ContactSheetTask(PipelineTask):
    """Draw stamps of the injected, unlabelled and ambiguous sources of a detector.

    Stamps are shown as the networks are given them: normalised, cropped, negative ones as
    their mirror, and beside them the channel of the valid pixels.
    """

    ConfigClass = ContactSheetConfig
    _DefaultName: ClassVar[str] = "contactSheet"
    config: ContactSheetConfig

    def run(self, *, cutouts: Any, labels: Any) -> Struct:
        """Draw the contact sheet of a detector.

        Parameters
        ----------
        cutouts
            Handle of the stamps of the DIA sources, N rows.
        labels
            Handle of the labels of the DIA sources, N rows.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``contact_sheet``
            (`matplotlib.figure.Figure`).
        """
        stamps, table = read_table(cutouts), read_table(labels, _LABEL_COLUMNS)
        _check_alignment(stamps, table)
        chosen = _choose(table, self.config.perClass)
        picked = [stamps[rows] for rows in chosen]
        return Struct(contact_sheet=_draw(picked, table, chosen, self.config.normalisation.spec()))


class SurveyContactSheetTask(PipelineTask):
    """Draw stamps of the injected, unlabelled and ambiguous sources of a survey.

    Of the stamps, only those of detectors with a chosen source are read.
    """

    ConfigClass = SurveyContactSheetConfig
    _DefaultName: ClassVar[str] = "surveyContactSheet"
    config: SurveyContactSheetConfig

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        inputs = butlerQC.get(inputRefs)
        by_key = {name: _by_detector(inputs[name]) for name in ("cutouts", "labels")}
        butlerQC.put(self.run(**by_key), outputRefs)

    def run(self, *, cutouts: Mapping[_Key, Any], labels: Mapping[_Key, Any]) -> Struct:
        """Draw the contact sheet of a survey.

        Parameters
        ----------
        cutouts
            Handle of the stamps of each (visit, detector).
        labels
            Handle of the labels of each (visit, detector).

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``contact_sheet``
            (`matplotlib.figure.Figure`).

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            Raised if no detector has both stamps and labels.
        """
        keys = sorted(set(cutouts) & set(labels))
        if not keys:
            raise NoWorkFound(f"No detector has cutouts ({len(cutouts)}) and labels ({len(labels)}).")
        tables = [read_table(labels[key], _LABEL_COLUMNS) for key in keys]
        first = np.cumsum([0, *(len(table) for table in tables)])
        everything = vstack(tables, metadata_conflicts="silent")
        chosen = _choose(everything, self.config.perClass)
        wanted = np.unique(np.concatenate(chosen))
        parts = []
        for number, key in enumerate(keys):
            rows = wanted[(wanted >= first[number]) & (wanted < first[number + 1])] - first[number]
            if len(rows):
                stamps = read_table(cutouts[key])
                _check_alignment(stamps, tables[number])
                parts.append(stamps[rows])
        if not parts:
            raise NoWorkFound(f"The {len(keys)} detectors have no DIA source.")
        stamps = vstack(parts, metadata_conflicts="silent")
        stamps.meta = parts[0].meta  # joining tables joins the lists in their metadata
        picked = [stamps[np.searchsorted(wanted, rows)] for rows in chosen]
        self.log.info("Drew %d stamps of %d DIA sources of %d detectors.", len(wanted), first[-1], len(keys))
        return Struct(contact_sheet=_draw(picked, everything, chosen, self.config.normalisation.spec()))


def _by_detector(handles: Iterable[Any]) -> dict[_Key, Any]:
    """Key deferred handles by visit and detector."""
    return {(int(h.dataId["visit"]), int(h.dataId["detector"])): h for h in handles}


def _check_alignment(cutouts: Table, labels: Table) -> None:
    """Check that stamps and labels are of the same sources."""
    if not np.array_equal(cutouts["diaSourceId"], labels["diaSourceId"]):
        raise InvalidQuantumError(
            f"The {len(labels)} labels do not have the rows of the {len(cutouts)} cutouts."
        )


def _choose(labels: Table, per_class: int) -> list[np.ndarray]:
    """Choose rows of every class."""
    from ..plots.contact_sheet import CLASSES, choose_rows, class_of

    classes, snr = class_of(labels), np.asarray(labels["snr"])
    rows = [np.flatnonzero(classes == number) for number in range(len(CLASSES))]
    return [members[choose_rows(snr[members], per_class)] for members in rows]


def _draw(stamps: list[Table], labels: Table, chosen: list[np.ndarray], normalisation: Normalisation) -> Any:
    """Draw the chosen stamps of every class."""
    from ..nn.normalise import prepare
    from ..nn.stamps import Stamps
    from ..plots.contact_sheet import CLASSES, SheetRow, class_of, contact_sheet_figure

    total = np.bincount(class_of(labels), minlength=len(CLASSES))
    arrays = [Stamps.from_table(table) for table in stamps]
    rows = [
        SheetRow(
            title=title,
            total=int(total[number]),
            ids=np.asarray(labels["diaSourceId"])[chosen[number]],
            snr=np.asarray(labels["snr"])[chosen[number]],
            pixels=prepare(arrays[number], normalisation).float().numpy(),
        )
        for number, title in enumerate(CLASSES)
    ]
    note = f"{len(labels)} DIA sources, as the networks are given them ({normalisation.kind})."
    return contact_sheet_figure(rows, [*arrays[0].channels, "valid"], note)
