# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that matches scored DIA sources of all visits into objects and confirms transients."""

from __future__ import annotations

__all__ = ("LightCurveMatchConfig", "LightCurveMatchConnections", "LightCurveMatchTask")

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from astropy.table import Table, vstack

from lsst.pipe.base import (
    InputQuantizedConnection,
    NoWorkFound,
    OutputQuantizedConnection,
    PipelineTask,
    QuantumContext,
    Struct,
)

from ..association import mean_positions, object_ids
from ..epochs import (
    ASSOCIATED_COLUMNS,
    DIA_COLUMNS,
    LABEL_COLUMNS,
    SCORE_COLUMNS,
    Columns,
    gather_associated,
    gather_survey,
)
from ..forced_epochs import FORCED_COLUMNS, join_forced
from ..handles import read_table
from ..objects import match_epochs, object_tables
from ..shards import in_trixel
from .light_curve_config import LightCurveMatchConfig, LightCurveMatchConnections

_HTM_LEVEL = 7
type _Detector = tuple[int, int]


class LightCurveMatchTask(PipelineTask):
    """Match the scored DIA sources of all visits into objects, and confirm transients."""

    ConfigClass = LightCurveMatchConfig
    _DefaultName: ClassVar[str] = "lightCurve"
    config: LightCurveMatchConfig

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        inputs = butlerQC.get(inputRefs)
        stack = self.config.association == "stack"
        sources: dict[str, Any] = (
            {"associated_dia_sources": read_table(inputs["associated_dia_sources"], ASSOCIATED_COLUMNS)}
            if stack
            else {"dia_sources": _by_detector(inputs["dia_sources"], DIA_COLUMNS)}
        )
        outputs = self.run(
            **sources,
            scores=_by_detector(inputs["scores"], SCORE_COLUMNS),
            labels=_by_detector(inputs.get("labels", ()), LABEL_COLUMNS),
            forced_sources=_by_detector(inputs.get("forced_sources", ()), FORCED_COLUMNS),
            host_sources=_by_detector(
                inputs.get("host_sources", ()), tuple(self.config.host.columns.values())
            ),
            trixel=None if stack else int(outputRefs.objects.dataId["htm7"]),
        )
        butlerQC.put(outputs, outputRefs)

    def run(
        self,
        *,
        scores: Mapping[_Detector, Table],
        dia_sources: Mapping[_Detector, Table] | None = None,
        associated_dia_sources: Table | None = None,
        labels: Mapping[_Detector, Table] | None = None,
        forced_sources: Mapping[_Detector, Table] | None = None,
        host_sources: Mapping[_Detector, Table] | None = None,
        trixel: int | None = None,
    ) -> Struct:
        """Match detections into objects and reduce their light curves.

        Parameters
        ----------
        scores
            Scores by visit and detector.  Sources of detectors without scores
            have NaN scores.
        dia_sources
            DIA sources by visit and detector, row by row those of the scores;
            for association by position.
        associated_dia_sources
            DIA sources of a patch; for association by the stack.
        labels
            Labels by visit and detector; used if ``doLabels``.  Detectors without
            labels are left out then, for their injections would be candidates.
        forced_sources
            Forced photometry by visit and detector; used if ``doForced``.
        host_sources
            Sources of the visit images by visit and detector, among which hosts
            are sought; used if ``doHosts``.
        trixel
            HTM trixel (level 7) whose objects are wanted; all if `None`.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            With ``objects`` and ``light_curves`` (`astropy.table.Table`).

        Raises
        ------
        NoWorkFound
            Raised if no detector can be used.
        TableSchemaError
            Raised if the rows of two tables of a detector differ, or the scores
            are of models with different priors.
        """
        if self.config.association == "stack":
            epochs, owner, names = self._associated(associated_dia_sources, scores, labels or {})
        else:
            epochs = self._gather(dia_sources or {}, scores, labels or {})
            owner = match_epochs(epochs, radius_arcsec=self.config.radius)
            names = object_ids(owner, epochs["midpointMjdTai"], epochs["diaSourceId"])
        ra, dec, _ = mean_positions(epochs["ra"], epochs["dec"], owner)
        if self.config.doForced and forced_sources:
            forced = vstack(list(forced_sources.values()), metadata_conflicts="silent")
            real = np.bincount(owner[epochs["is_injected"] & (owner >= 0)], minlength=len(names)) == 0
            place = (np.where(real, ra, np.nan), np.where(real, dec, np.nan))
            added, target = join_forced(
                forced,
                epochs,
                owner,
                *place,
                radius_arcsec=self.config.radius,
                injection_radius_arcsec=self.config.injectionRadius,
            )
            epochs = {name: np.concatenate([column, added[name]]) for name, column in epochs.items()}
            owner = np.concatenate([owner, target])
        everything = np.ones(len(names), bool)
        objects, light_curves = object_tables(
            epochs,
            owner,
            names=names,
            owned=everything if trixel is None else in_trixel(ra, dec, trixel=trixel, level=_HTM_LEVEL),
            evidence=self.config.evidence.model(scores.values()),
            rule=self.config.rule.rule(),
            night_offset=self.config.nightOffset,
            hosts=self.config.host.find(ra, dec, host_sources) if self.config.doHosts else None,
            meta={"RADIUS_ARCSEC": self.config.radius, "ASSOCIATION": self.config.association},
        )
        self.log.info(
            "%d of %d objects from %d detections are confirmed; %d objects hold injections.",
            np.count_nonzero(objects["is_confirmed"]),
            len(objects),
            np.sum(objects["n_detections"]),
            np.count_nonzero(objects["n_injected"]),
        )
        return Struct(objects=objects, light_curves=light_curves)

    def _gather(
        self,
        dia_sources: Mapping[_Detector, Table],
        scores: Mapping[_Detector, Table],
        labels: Mapping[_Detector, Table],
    ) -> Columns:
        """Put the tables of all detectors one below the other."""
        used = {key: t for key, t in dia_sources.items() if not self.config.doLabels or key in labels}
        if len(used) < len(dia_sources):
            self.log.warning(
                "%d of %d detectors have no labels: left out.", len(dia_sources) - len(used), len(dia_sources)
            )
        if not used:
            raise NoWorkFound(f"None of {len(dia_sources)} detectors can be used.")
        unscored = [key for key in used if key not in scores]
        if unscored:
            self.log.warning("%d of %d detectors have no scores: NaN.", len(unscored), len(used))
        return gather_survey(
            used,
            scores,
            labels if self.config.doLabels else None,
            position_error_floor=self.config.positionErrorFloor,
        )

    def _associated(
        self, dia_sources: Table, scores: Mapping[_Detector, Table], labels: Mapping[_Detector, Table]
    ) -> tuple[Columns, np.ndarray, np.ndarray]:
        """Return the epochs of a patch, the object of each and the names of the objects."""
        epochs = gather_associated(
            dia_sources,
            scores.values(),
            labels.values() if self.config.doLabels else None,
            position_error_floor=self.config.positionErrorFloor,
        )
        n_used, n_scored = len(epochs["score"]), np.count_nonzero(np.isfinite(epochs["score"]))
        self.log.info("%d of %d DIA sources can be used, %d have scores.", n_used, len(dia_sources), n_scored)
        identifiers = epochs.pop("diaObjectId")
        known = (identifiers > 0) & ~epochs["is_injected"]
        names, inverse = np.unique(identifiers[known], return_inverse=True)
        owner = np.full(len(identifiers), -1, np.int64)
        owner[known] = inverse
        return epochs, owner, names


def _by_detector(handles: Iterable[Any], columns: tuple[str, ...]) -> dict[_Detector, Table]:
    """Read some columns of each table, keyed by visit and detector."""
    return {
        (int(handle.dataId["visit"]), int(handle.dataId["detector"])): read_table(handle, columns)
        for handle in handles
    }
