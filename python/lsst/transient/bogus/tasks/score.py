# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that scores every DIA source with a trained model."""

from __future__ import annotations

__all__ = (
    "ScoreFlag",
    "TransientBogusScoreConfig",
    "TransientBogusScoreConnections",
    "TransientBogusScoreTask",
)

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from astropy.table import Table

from lsst.pipe.base import InvalidQuantumError, PipelineTask, Struct

from ..calibration import Calibration
from ..columns import CUTOUTS, DIA_SOURCE, LABELS, SCORES
from ..ensembles import blind_networks, network_mean, network_std
from ..errors import ModelFormatError
from ..folds import sky_tiles
from ..handles import read_table
from ..seeds import derive_seed
from ..stamps import UNUSABLE, CutoutFlag
from .score_config import ScoreFlag, TransientBogusScoreConfig, TransientBogusScoreConnections

if TYPE_CHECKING:
    from ..nn.model import Model


class TransientBogusScoreTask(PipelineTask):
    """Give every DIA source the probability that it is a transient.

    The output has the rows of the cutouts in their order.  A source on a sky tile of
    the training data is judged by the networks that did not see that tile, any
    other by all.
    """

    ConfigClass = TransientBogusScoreConfig
    _DefaultName: ClassVar[str] = "score"
    config: TransientBogusScoreConfig

    def runQuantum(self, butlerQC: Any, inputRefs: Any, outputRefs: Any) -> None:
        inputs = butlerQC.get(inputRefs)
        # Not read by the butler on its own, which would drop the channels in the metadata.
        inputs["cutouts"] = read_table(inputs["cutouts"])
        if self.config.doLabels:
            inputs["labels"] = read_table(inputs["labels"], ["diaSourceId", "tile"])
        else:
            inputs["dia_sources"] = inputs["dia_sources"].get(
                parameters={"columns": ["diaSourceId", "ra", "dec"]}
            )
        data_id = butlerQC.quantum.dataId
        inputs["where"] = f"visit {data_id['visit']}, detector {data_id['detector']}"
        butlerQC.put(self.run(**inputs), outputRefs)

    def run(
        self,
        *,
        cutouts: Table,
        model: Any,
        dia_sources: Table | None = None,
        labels: Table | None = None,
        where: str = "",
    ) -> Struct:
        """Score the DIA sources of one detector.

        Parameters
        ----------
        cutouts
            Stamps, N rows.
        model
            Stored model (`pyarrow.Table`).
        dia_sources
            The same N DIA sources, with their positions.
        labels
            Their labels; needed instead of ``dia_sources`` if ``doLabels`` is set.
        where
            The visit and detector, for messages.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``scores`` (`astropy.table.Table`),
            N rows, see `lsst.transient.bogus.columns.SCORES`.

        Raises
        ------
        InvalidQuantumError
            Raised if the stamps or rows are not what the model or the cutouts need, or the model
            cannot be used.
        TableSchemaError
            Raised if a table does not have its columns.
        """
        from ..nn.device import resolve_device, torch_threads
        from ..nn.inference import judge
        from ..nn.io import latest_model
        from ..nn.precision import resolve_precision
        from ..nn.stamps import Stamps

        of = f" of {where}" if where else ""
        CUTOUTS.check(cutouts, ("diaSourceId", "image", "cutout_flag"), where=where)
        try:
            trained, version = latest_model(model)
            device = resolve_device(self.config.device)
        except ModelFormatError as error:
            raise InvalidQuantumError(f"The model cannot be used: {error}") from error
        except ValueError as error:
            raise InvalidQuantumError(f"The configuration cannot be used: {error}") from error
        tiles = self._tiles(cutouts, dia_sources, labels, trained, where)
        rule = trained.spec.folds
        use, seen = blind_networks(
            tiles, trained.training_tiles, trained.spec.network_fold, n_folds=rule.n_folds, seed=rule.seed
        )
        # Tiles of a fold that no network left out are judged by all, and say so; without a rule
        # nobody knows.
        flags = np.where(seen | (not rule.nside), int(ScoreFlag.SEEN_IN_TRAINING), 0)
        stamps = Stamps.from_table(cutouts)
        precision = resolve_precision(self.config.precision, device)
        with torch_threads(self.config.numThreads):
            try:
                judgement = judge(
                    trained,
                    stamps,
                    use=use,
                    device=device,
                    batch_size=self.config.batchSize,
                    precision=precision,
                    dropout_passes=self.config.dropoutPasses,
                    seed=derive_seed("dropout", *np.asarray(cutouts["diaSourceId"])[:1]),
                )
            except ValueError as error:
                raise InvalidQuantumError(
                    f"Model {version} does not fit the {len(cutouts)} cutouts{of}: {error}"
                ) from error
        cutout_flags = np.asarray(cutouts["cutout_flag"]).astype(int)
        bad = ((cutout_flags & int(UNUSABLE)) != 0) | ~stamps.usable
        flags[bad] |= int(ScoreFlag.UNUSABLE_STAMP)
        is_glint = (cutout_flags & int(CutoutFlag.GLINT_TRAIL)) != 0
        flags[is_glint] |= int(ScoreFlag.GLINT_TRAIL)
        bad |= is_glint
        probability = np.where(use & ~bad, judgement.probability, np.nan)
        if n_lost := int((use & ~bad & ~np.isfinite(probability)).any(axis=0).sum()):
            raise InvalidQuantumError(
                f"Model {version} cannot be used: a network has no number for {n_lost} of {len(cutouts)} "
                f"cutouts{of}."
            )
        distance = network_mean(np.where(use & ~bad, judgement.distance, np.nan))
        limit = trained.spec.domain_limit
        flags[(distance > limit) & (limit > 0)] |= int(ScoreFlag.OUT_OF_DOMAIN)
        scores = _build_table(
            np.asarray(cutouts["diaSourceId"]),
            probability,
            network_std(probability, judgement.scatter),
            distance,
            flags,
            trained,
            version,
        )
        self.metadata["precision"] = precision
        self.metadata["n_dia_sources"] = len(scores)
        self.metadata["n_unusable"] = int((bad & ~is_glint).sum())
        self.metadata["n_glints"] = int(is_glint.sum())
        self.metadata["n_out_of_domain"] = int(((flags & int(ScoreFlag.OUT_OF_DOMAIN)) != 0).sum())
        self.metadata["n_out_of_fold"] = int(scores["is_out_of_fold"].sum())
        self.log.info(
            "Scored %d of %d DIA sources; %d have a probability above 0.5.",
            len(scores) - int(bad.sum()),
            len(scores),
            int(np.sum(np.asarray(scores["score"]) > 0.5)),
        )
        return Struct(scores=scores)

    def _tiles(
        self, cutouts: Table, dia_sources: Table | None, labels: Table | None, model: Model, where: str
    ) -> np.ndarray:
        """Return the sky tile of each source."""
        rule = model.spec.folds
        other = labels if self.config.doLabels else dia_sources
        if other is None or not np.array_equal(other["diaSourceId"], cutouts["diaSourceId"]):
            n_other = 0 if other is None else len(other)
            raise InvalidQuantumError(
                f"The {len(cutouts)} cutouts are not row-aligned with the {n_other} sources that have the "
                f"tiles{f' of {where}' if where else ''}."
            )
        if not rule.nside:
            return np.full(len(cutouts), -1)
        if self.config.doLabels:
            LABELS.check(other, ("tile",), where=where)
            if other.meta.get("NSIDE", rule.nside) != rule.nside:
                raise InvalidQuantumError(
                    f"The labels' tiles have nside {other.meta['NSIDE']}; the model's have {rule.nside}."
                )
            return np.asarray(other["tile"])
        DIA_SOURCE.check(other, ("ra", "dec"), where=where)
        return sky_tiles(other["ra"], other["dec"], nside=rule.nside)


def _build_table(
    ids: np.ndarray,
    probability: np.ndarray,
    std: np.ndarray,
    distance: np.ndarray,
    flags: np.ndarray,
    model: Model,
    version: str,
) -> Table:
    """Build the output table from the networks' outputs (K, N), NaN where not used."""
    mean = network_mean(probability)
    is_scored = np.isfinite(mean)
    if model.spec.calibration:
        calibration = Calibration.from_dict(model.spec.calibration)
        score, prior = calibration.apply(mean), calibration.prior
    else:
        score, prior = mean, 0.5
    return SCORES.build(
        {
            "diaSourceId": ids,
            "score": score,
            "score_raw": mean,
            "score_std": std,
            "score_networks": probability.T,
            "domain_distance": distance,
            "is_out_of_fold": is_scored & ((flags & int(ScoreFlag.SEEN_IN_TRAINING)) == 0),
            "score_flag": flags,
            "model_version": np.full(len(ids), version),
        },
        meta={
            "MODEL_VERSION": version,
            "PRIOR": float(prior),
            "SCORE_FLAG_BITS": {str(flag.name): int(flag) for flag in ScoreFlag},
        },
    )
