# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that trains the networks of all folds on the cutouts of a survey."""

from __future__ import annotations

__all__ = ("TrainTransientBogusConfig", "TrainTransientBogusConnections", "TrainTransientBogusTask")

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lsst.pex.config import ChoiceField, ConfigField, Field, FieldValidationError, RangeField
from lsst.pipe.base import (
    InvalidQuantumError,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
    UpstreamFailureNoWorkFound,
)
from lsst.pipe.base import connectionTypes as cT

from ..calibration import Calibration
from ..columns import LABELS, TRAINING_HISTORY
from ..errors import InsufficientDataError
from ..handles import read_table
from ..nn.spec import FoldRule, Settings
from ..purity import estimate_contamination
from ..training_rows import TrainingRows, choose_rows
from ..version import __version__
from .training_config import AugmentationConfig, NetworkConfig, NormalisationConfig, RegimeConfig

if TYPE_CHECKING:
    from ..nn.training import EpochReport, Result

type _Key = tuple[int, int]

_MIN_PRIOR = 1e-3  # with no sign of a real transient at all, scores still rank the sources


class TrainTransientBogusConnections(PipelineTaskConnections, dimensions=("instrument",)):
    """Connections of `TrainTransientBogusTask`."""

    cutouts = cT.Input(
        doc="Stamps around the DIA sources of injected visits.",
        name="transient_cutouts",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferLoad=True,
    )
    labels = cT.Input(
        doc="Labels and folds of the same DIA sources.",
        name="transient_labels",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferLoad=True,
    )
    model = cT.Output(
        doc="Networks, their specification and calibration.",
        name="transient_bogus_model",
        storageClass="ArrowTable",
        dimensions=("instrument",),
    )
    history = cT.Output(
        doc=TRAINING_HISTORY.doc,
        name="transient_bogus_training_history",
        storageClass="ArrowAstropy",
        dimensions=("instrument",),
    )


class TrainTransientBogusConfig(PipelineTaskConfig, pipelineConnections=TrainTransientBogusConnections):
    """Configuration of `TrainTransientBogusTask`."""

    normalisation = ConfigField[NormalisationConfig](doc="How pixels become the networks' input.")
    network = ConfigField[NetworkConfig](doc="Architecture.")
    regime = ConfigField[RegimeConfig](doc="Treatment of label noise.")
    augmentation = ConfigField[AugmentationConfig](doc="Variation of the training stamps.")
    peers = RangeField(
        dtype=int,
        doc="Networks of each fold that see the same batches. The co-teaching regimes need two or more; "
        "others gain an ensemble. Time grows in proportion.",
        default=2,
        min=1,
    )
    members = RangeField(
        dtype=int,
        doc="Independent repetitions for each fold: a deep ensemble. Time grows in proportion.",
        default=1,
        min=1,
    )
    epochs = RangeField(
        dtype=int,
        doc="Largest number of passes over the training samples. Too few underfit; too many memorise the "
        "wrong labels and take longer.",
        default=Settings().epochs,
        min=1,
    )
    patience = RangeField(
        dtype=int,
        doc="Epochs without a better monitor after which training stops; 0 takes all epochs, which lets the "
        "learning rate fall to its end.",
        default=0,
        min=0,
    )
    monitor = ChoiceField[str](
        doc="What marks the best epoch, on the held-out folds, averaged over the networks.",
        allowed={"auc": "Area under the ROC curve, injected against the rest.", "loss": "Cross-entropy."},
        default="auc",
    )
    batchSize = RangeField(
        dtype=int,
        doc="Samples of one step, for each network. Small values are slow; large ones take few steps, and "
        "withholding by rank is noisy in small batches.",
        default=Settings().batch_size,
        min=8,
    )
    learningRate = RangeField(
        dtype=float,
        doc="Largest learning rate. Too large diverges, too small does not arrive.",
        default=Settings().learning_rate,
        min=0.0,
        inclusiveMin=False,
    )
    weightDecay = RangeField(
        dtype=float,
        doc="Decoupled decay of the weights (AdamW). Large values underfit.",
        default=Settings().weight_decay,
        min=0.0,
    )
    averaging = RangeField(
        dtype=float,
        doc="The model is a running mean of the weights; this is the weight of the past in each step. 0 "
        "keeps the last step alone; close to 1 remembers the beginning of a short training.",
        default=Settings().averaging,
        min=0.0,
        max=1.0,
    )
    positiveWeight = RangeField(
        dtype=float,
        doc="Weight of an injection's loss relative to an unlabelled sample's; 0 gives both classes the same "
        "total weight, at most 20. Ignored by nnpu.",
        default=0.0,
        min=0.0,
    )
    negativeSignWeight = RangeField(
        dtype=float,
        doc="Weight of the loss of unlabelled sources detected below the sky. No injection is negative, so "
        "that at 1 networks may learn that negative means bogus; at 0 they judge negative sources only by "
        "what they learnt from positive ones.",
        default=Settings().negative_sign_weight,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    minPerClass = RangeField(
        dtype=int,
        doc="Fewest samples of each class that every network must see. With fewer, training is refused.",
        default=Settings().min_per_class,
        min=1,
    )
    maxPositivePerVisit = RangeField(
        dtype=int,
        doc="Most injections of one visit that are used, drawn at random; 0 for all.",
        default=0,
        min=0,
    )
    maxNegativePerVisit = RangeField(
        dtype=int,
        doc="Most unlabelled sources of one visit that are used, drawn at random; 0 for all. Keeps a few bad "
        "visits from outnumbering the rest, and bounds memory (6.7 kB for a 30x30 stamp of 3 channels).",
        default=0,
        min=0,
    )
    calibration = ChoiceField[str](
        doc="How raw scores become probabilities, from the held-out folds.",
        allowed={
            "isotonic": "Any increasing function; for a thousand samples and more.",
            "platt": "A logistic curve; for few samples.",
        },
        default="isotonic",
    )
    prior = RangeField(
        dtype=float,
        doc="Fraction of real transients among unlabelled sources that the calibrated scores assume; 0 "
        "estimates it from the held-out folds. Larger values give larger probabilities.",
        default=0.0,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    seed = Field[int](doc="Seed of weights, batches, augmentation and caps.", default=0)
    device = Field[str](doc="cpu, cuda, or auto: CUDA where there is one.", default="auto")
    numThreads = RangeField(
        dtype=int,
        doc="Threads on the CPU; 0 for all cores of the process. Results repeat bit for bit only with the "
        "same number.",
        default=0,
        min=0,
    )
    checkpoint = Field[str](
        doc="File written after every epoch, from which a killed training of the same configuration and "
        "samples goes on; empty for none.",
        default="",
    )

    def setDefaults(self) -> None:
        super().setDefaults()
        self.regime.kind = "co_teaching"

    def validate(self) -> None:
        super().validate()
        if "co_teaching" in self.regime.kind and self.peers < 2:
            raise FieldValidationError(
                TrainTransientBogusConfig.peers,
                self,
                f"{self.regime.kind} needs at least two; got {self.peers}.",
            )

    def settings(self) -> Settings:
        """Return the values as the training takes them.

        Returns
        -------
        settings : `~lsst.transient.bogus.nn.spec.Settings`
            Frozen values.
        """
        return Settings(
            normalisation=self.normalisation.spec(),
            network=self.network.spec(),
            regime=self.regime.spec(),
            augmentation=self.augmentation.spec(),
            peers=self.peers,
            members=self.members,
            epochs=self.epochs,
            patience=self.patience,
            monitor=self.monitor,
            batch_size=self.batchSize,
            learning_rate=self.learningRate,
            weight_decay=self.weightDecay,
            averaging=self.averaging,
            positive_weight=self.positiveWeight,
            negative_sign_weight=self.negativeSignWeight,
            min_per_class=self.minPerClass,
            seed=self.seed,
            device=self.device,
        )


class TrainTransientBogusTask(PipelineTask):
    """Train networks that tell injected sources from the rest.

    Every network is blind to one fold of the sky, and judges that fold.
    """

    ConfigClass = TrainTransientBogusConfig
    _DefaultName: ClassVar[str] = "train"
    config: TrainTransientBogusConfig

    def runQuantum(self, butlerQC: Any, inputRefs: Any, outputRefs: Any) -> None:
        inputs = butlerQC.get(inputRefs)
        cutouts, labels = (
            {(int(h.dataId["visit"]), int(h.dataId["detector"])): h for h in inputs[name]}
            for name in ("cutouts", "labels")
        )
        refs = [*inputRefs.cutouts, *inputRefs.labels]
        digest = hashlib.blake2b("".join(sorted(ref.id.hex for ref in refs)).encode(), digest_size=8)
        inputs_seen = {
            "runs": sorted({ref.run for ref in refs}),
            "n_datasets": len(refs),
            "datasets_digest": digest.hexdigest(),
            "instrument": str(butlerQC.quantum.dataId["instrument"]),
        }
        outputs = self.run(cutouts=cutouts, labels=labels, provenance=inputs_seen)
        butlerQC.put(outputs, outputRefs)

    def run(
        self,
        *,
        cutouts: Mapping[_Key, Any],
        labels: Mapping[_Key, Any],
        provenance: Mapping[str, Any] | None = None,
    ) -> Struct:
        """Train a model.

        Parameters
        ----------
        cutouts
            A handle (anything with ``get()``) of each cutout table, by visit and
            detector.  Each is read once, one at a time.
        labels
            A handle of each label table.
        provenance
            What the inputs are (JSON types); stored with the model.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with components ``model`` (`pyarrow.Table`) and
            ``history`` (`astropy.table.Table`).

        Raises
        ------
        UpstreamFailureNoWorkFound
            Raised if no visit has both cutouts and labels.
        InsufficientDataError
            Raised if a network would see too few samples of a class.
        TrainingDivergedError
            Raised if a loss is not finite.
        """
        from ..nn.device import torch_threads
        from ..nn.io import model_version, to_table
        from ..nn.training import train

        keys = sorted(set(cutouts) & set(labels))
        if not keys:
            raise UpstreamFailureNoWorkFound(
                f"Nothing to train on: {len(cutouts)} cutout and {len(labels)} label tables have no visit "
                "and detector in common."
            )
        with torch_threads(self.config.numThreads) as n_threads:
            rows, rule = self._choose_rows(keys, labels)
            samples, spec = self._read_stamps(rows, cutouts)
            settings = self.config.settings()
            self.log.info(
                "Training on %d injected and %d other samples of %d detector-visits in %d folds, with %d "
                "threads.",
                int((rows.label == 1).sum()),
                int((rows.label == 0).sum()),
                len(keys),
                len(np.unique(rows.fold)),
                n_threads,
            )
            result = train(
                samples,
                rows.label,
                rows.fold,
                settings,
                spec=dataclasses.replace(spec, folds=rule),
                tiles=rows.tile,
                negative_sign=rows.sign < 0,
                report=self._report,
                checkpoint=Path(self.config.checkpoint) if self.config.checkpoint else None,
            )
        model = self._calibrated(result, rows, provenance or {})
        self.metadata["model_version"] = model_version(model)
        return Struct(model=to_table(model), history=_history(result))

    def _choose_rows(self, keys: list[_Key], labels: Mapping[_Key, Any]) -> tuple[TrainingRows, FoldRule]:
        """Read all labels and decide which sources to train on."""
        tables = []
        rules = set()
        for visit, detector in keys:
            table = read_table(labels[visit, detector])
            where = f"visit {visit}, detector {detector}"
            LABELS.check(table, ("label", "is_ambiguous", "fold", "tile", "sign"), where=where)
            rules.add(tuple(int(table.meta[name]) for name in ("N_FOLDS", "NSIDE", "FOLD_SEED")))
            tables.append(table)
        if len(rules) > 1:
            raise InvalidQuantumError(
                f"The labels were made with different rules (n_folds, nside, seed): {sorted(rules)}; "
                "make them again with one configuration."
            )
        rows = choose_rows(
            keys,
            tables,
            max_positive=self.config.maxPositivePerVisit,
            max_negative=self.config.maxNegativePerVisit,
            seed=self.config.seed,
        )
        return rows, FoldRule(*rules.pop())

    def _read_stamps(self, rows: TrainingRows, cutouts: Mapping[_Key, Any]) -> tuple[Any, Any]:
        """Read and normalise the stamps, table by table; drop unusable ones from ``rows``."""
        import torch

        from ..nn.normalise import prepare
        from ..nn.spec import ModelSpec
        from ..nn.stamps import Stamps

        spec, samples, filled = None, None, 0
        usable = np.zeros(len(rows), dtype=bool)
        normalisation = self.config.normalisation.spec()
        for key, places, indices in rows.by_table():
            stamps = Stamps.from_table(read_table(cutouts[key]))[indices]
            own = ModelSpec(stamps.image.shape[-1], stamps.channels, stamps.mask_bits)
            if spec is not None and own != spec:
                raise InvalidQuantumError(
                    f"The cutouts of visit {key[0]}, detector {key[1]} have {own.stamp_size} pixels and "
                    f"channels {own.channels}; the others have {spec.stamp_size} and {spec.channels}."
                )
            spec = own
            good = stamps.usable
            part = prepare(stamps[good], normalisation)
            if samples is None:
                samples = torch.empty((len(rows), *part.shape[1:]), dtype=part.dtype)
            samples[filled : filled + len(part)] = part
            usable[places[good]] = True
            filled += len(part)
        self.metadata["n_unusable"] = len(rows) - filled
        rows.keep(usable)
        if samples is None:
            raise InsufficientDataError("Cannot train: no sample of either class.", n_samples=0)
        return samples[:filled], spec

    def _report(self, entry: EpochReport) -> None:
        """Log one epoch."""
        self.log.info(
            "Epoch %d: training loss %.4f, held-out loss %.4f, held-out AUC %.5f; kept %.3f of the "
            "unlabelled, %.3f of the injected.",
            entry.epoch,
            entry.train_loss.mean(),
            np.nanmean(entry.validation_loss),
            np.nanmean(entry.validation_auc),
            entry.kept_negative.mean(),
            entry.kept_positive.mean(),
        )

    def _calibrated(self, result: Result, rows: TrainingRows, inputs: Mapping[str, Any]) -> Any:
        """Calibrate the model on what was held out, and record where it comes from."""
        score = result.out_of_fold.mean(axis=0)
        injected = rows.label == 1
        prior = self.config.prior
        if not prior:
            estimate = estimate_contamination(score[~injected], score[injected])
            prior = max(estimate.alpha, _MIN_PRIOR)
        calibration = Calibration.fit(score, rows.label, method=self.config.calibration, prior=prior)
        best = result.history[result.best_epoch]
        metrics = {
            "n_positive": int(injected.sum()),
            "n_negative": int((~injected).sum()),
            "n_networks": len(best.train_loss),
            "n_epochs": len(result.history),
            "best_epoch": result.best_epoch,
            "auc_out_of_fold": float(np.nanmean(best.validation_auc)),
            "loss_out_of_fold": float(np.nanmean(best.validation_loss)),
            "prior": float(prior),
        }
        for name, value in metrics.items():
            self.metadata[name] = value
        self.log.info(
            "Best epoch %d: AUC of held-out folds %.5f; %.3f of the unlabelled are taken to be real.",
            result.best_epoch,
            metrics["auc_out_of_fold"],
            prior,
        )
        provenance = {
            "code_version": __version__,
            "inputs": dict(inputs),
            "metrics": metrics,
            "settings": dataclasses.asdict(self.config.settings()),
        }
        spec = dataclasses.replace(
            result.model.spec, calibration=calibration.to_dict(), provenance=provenance
        )
        return dataclasses.replace(result.model, spec=spec)


def _history(result: Result) -> Any:
    """Return the history as a table: a row for each epoch and network."""
    fold = np.array(result.model.spec.network_fold)
    n = len(fold)
    entries = result.history
    columns = ("train_loss", "validation_loss", "validation_auc", "kept_positive", "kept_negative")
    return TRAINING_HISTORY.build(
        {
            "epoch": np.repeat([e.epoch for e in entries], n),
            "network": np.tile(np.arange(n), len(entries)),
            "fold": np.tile(fold, len(entries)),
            **{name: np.concatenate([getattr(e, name) for e in entries]) for name in columns},
            "learning_rate": np.repeat([e.learning_rate for e in entries], n),
        },
        meta={"BEST_EPOCH": result.best_epoch},
    )
