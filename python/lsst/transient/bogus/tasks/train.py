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

from lsst.pipe.base import PipelineTask, Struct

from ..calibration import Calibration, weigh_injections
from ..columns import TRAINING_HISTORY
from ..training_rows import TrainingRows
from ..version import code_version
from .train_config import TrainTransientBogusConfig, TrainTransientBogusConnections
from .training_set import read_training_set, snr_strata

if TYPE_CHECKING:
    from ..nn.training import Result

type _Key = tuple[int, int]

_MIN_PRIOR = 1e-3  # with no sign of a real transient at all, scores still rank the sources
_MAX_CALIBRATION_STRATA = 6
_MIN_INJECTED_TO_CALIBRATE = 50


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
        if outputs.checkpoint is not None:
            outputs.checkpoint.unlink(missing_ok=True)

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
            detector.  Each is read once, as many at a time as there are threads.
        labels
            A handle of each label table.
        provenance
            What the inputs are (JSON types); stored with the model.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with components ``model`` (`pyarrow.Table`),
            ``history`` (`astropy.table.Table`) and ``checkpoint``
            (`pathlib.Path` or `None`: a file to be removed when the others are safe).

        Raises
        ------
        UpstreamFailureNoWorkFound
            Raised if no visit has both cutouts and labels.
        InsufficientDataError
            Raised if a network would see too few samples of a class.
        TrainingDivergedError
            Raised if a loss is not finite.
        """
        import torch

        from ..nn.device import resolve_device, torch_threads
        from ..nn.io import model_version, to_table
        from ..nn.progress import training_progress
        from ..nn.training import train

        settings = self.config.settings()
        n_alone = len(set(cutouts) ^ set(labels))
        self.metadata["n_alone"] = n_alone
        if n_alone:
            self.log.warning("%d detector-visits have cutouts or labels alone, and are left out.", n_alone)
        device = resolve_device(settings.device).type
        with torch_threads(self.config.numThreads) as n_threads:
            data = read_training_set(self.config, cutouts, labels)
            self.metadata["n_unusable"] = data.n_unusable
            rows = data.rows
            self.log.info(
                "Training on %d injected and %d other samples of %d detector-visits in %d folds, on %s with "
                "%d threads; the stamps take %.0f MB.",
                int((rows.label == 1).sum()),
                int((rows.label == 0).sum()),
                len(rows.keys),
                len(np.unique(rows.fold)),
                device,
                n_threads,
                data.samples.nbytes / 1e6,
            )
            with training_progress(settings.epochs, self.log) as report:
                result = train(
                    data.samples,
                    rows.label,
                    rows.fold,
                    settings,
                    spec=data.spec,
                    tiles=rows.tile,
                    negative_sign=rows.sign < 0,
                    stratum=snr_strata(rows),
                    report=report,
                    checkpoints=Path(self.config.checkpointFolder) if self.config.checkpointFolder else None,
                )
        made = {
            "code_version": code_version(),
            "torch_version": str(torch.__version__),
            "device": device,
            "n_threads": n_threads,
            "inputs": dict(provenance or {}),
        }
        model = self._calibrated(result, rows, made)
        self.metadata["model_version"] = model_version(model)
        return Struct(model=to_table(model), history=_history(result), checkpoint=result.checkpoint)

    def _calibrated(self, result: Result, rows: TrainingRows, made: Mapping[str, Any]) -> Any:
        """Calibrate the model on what was held out, and record where it comes from."""
        score = result.out_of_fold.mean(axis=0)
        injected = rows.label == 1
        # Injections have not the signal-to-noise of real sources: they count as these would.
        stratum = snr_strata(rows, _MAX_CALIBRATION_STRATA, _MIN_INJECTED_TO_CALIBRATE)
        significance = np.maximum(np.nan_to_num(rows.snr), 1.0)
        weight, estimate = weigh_injections(score, rows.label, stratum, covariate=np.log(significance))
        prior = self.config.prior or max(estimate, _MIN_PRIOR)
        calibration = Calibration.fit(
            score, rows.label, method=self.config.calibration, prior=prior, weight=weight
        )
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
            **made,
            "metrics": metrics,
            "settings": dataclasses.asdict(self.config.settings()),
            "config": _plain_config(self.config),
        }
        spec = dataclasses.replace(
            result.model.spec, calibration=calibration.to_dict(), provenance=provenance
        )
        return dataclasses.replace(result.model, spec=spec)


def _plain_config(config: TrainTransientBogusConfig) -> dict[str, Any]:
    """Return the configuration as JSON types, but for the names of datasets."""
    fields = config.toDict()
    return {name: fields[name] for name in sorted(fields) if name not in ("connections", "saveLogOutput")}


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
            "prior": np.repeat([e.prior for e in entries], n),
        },
        meta={"BEST_EPOCH": result.best_epoch},
    )
