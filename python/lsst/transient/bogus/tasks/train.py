# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that trains the networks of all folds on the cutouts of a survey."""

from __future__ import annotations

__all__ = (
    "LABELS_USED",
    "TrainTransientBogusConfig",
    "TrainTransientBogusConnections",
    "TrainTransientBogusTask",
)

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lsst.pipe.base import (
    InvalidQuantumError,
    PipelineTask,
    Struct,
    UpstreamFailureNoWorkFound,
)

from ..calibration import Calibration, weigh_injections
from ..columns import LABELS, TRAINING_HISTORY
from ..errors import InsufficientDataError
from ..evaluation.subsets import quantile_strata
from ..handles import read_table
from ..nn.spec import FoldRule
from ..training_rows import TrainingRows, choose_rows
from ..version import __version__
from .train_config import TrainTransientBogusConfig, TrainTransientBogusConnections

if TYPE_CHECKING:
    from astropy.table import Table

    from ..nn.training import Result

type _Key = tuple[int, int]

LABELS_USED = ("label", "is_ambiguous", "fold", "tile", "sign", "snr")
"""Columns of the label table that a training reads."""

_MIN_PRIOR = 1e-3  # with no sign of a real transient at all, scores still rank the sources
_MAX_STRATA = 3
_MIN_INJECTED_IN_STRATUM = 15
_MAX_CALIBRATION_STRATA = 15
_MIN_INJECTED_TO_CALIBRATE = 20


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
            detector.  Each is read once, one at a time.
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
        from ..nn.device import torch_threads
        from ..nn.io import model_version, to_table
        from ..nn.progress import training_progress
        from ..nn.training import train

        keys = sorted(set(cutouts) & set(labels))
        if not keys:
            raise UpstreamFailureNoWorkFound(
                f"Nothing to train on: {len(cutouts)} cutout and {len(labels)} label tables have no visit "
                "and detector in common."
            )
        settings = self.config.settings()
        with torch_threads(self.config.numThreads) as n_threads:
            rows, rule = self._choose_rows(keys, labels)
            samples, spec = self._read_stamps(rows, cutouts)
            self.log.info(
                "Training on %d injected and %d other samples of %d detector-visits in %d folds, with %d "
                "threads; the stamps take %.0f MB.",
                int((rows.label == 1).sum()),
                int((rows.label == 0).sum()),
                len(keys),
                len(np.unique(rows.fold)),
                n_threads,
                samples.nbytes / 1e6,
            )
            with training_progress(settings.epochs, self.log) as report:
                result = train(
                    samples,
                    rows.label,
                    rows.fold,
                    settings,
                    spec=dataclasses.replace(spec, folds=rule),
                    tiles=rows.tile,
                    negative_sign=rows.sign < 0,
                    stratum=_strata(rows),
                    report=report,
                    checkpoints=Path(self.config.checkpointFolder) if self.config.checkpointFolder else None,
                )
        model = self._calibrated(result, rows, provenance or {})
        self.metadata["model_version"] = model_version(model)
        return Struct(model=to_table(model), history=_history(result), checkpoint=result.checkpoint)

    def _choose_rows(self, keys: list[_Key], labels: Mapping[_Key, Any]) -> tuple[TrainingRows, FoldRule]:
        """Read all labels, a table at a time, and decide which sources to train on."""
        rules: set[tuple[int, ...]] = set()
        rows = choose_rows(
            keys,
            self._read_labels(keys, labels, rules),
            per_visit=self.config.caps_per_visit(),
            total=self.config.caps(),
            seed=self.config.seed,
        )
        if len(rules) > 1:
            raise InvalidQuantumError(
                f"The labels were made with different rules (n_folds, nside, seed): {sorted(rules)}; "
                "make them again with one configuration."
            )
        return rows, FoldRule(*rules.pop())

    def _read_labels(
        self, keys: list[_Key], labels: Mapping[_Key, Any], rules: set[tuple[int, ...]]
    ) -> Iterator[Table]:
        """Read the labels of one detector-visit after another; collect their fold rules."""
        for visit, detector in keys:
            table = read_table(labels[visit, detector], LABELS_USED)
            LABELS.check(table, LABELS_USED, where=f"visit {visit}, detector {detector}")
            rules.add(tuple(int(table.meta[name]) for name in ("N_FOLDS", "NSIDE", "FOLD_SEED")))
            yield table

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

    def _calibrated(self, result: Result, rows: TrainingRows, inputs: Mapping[str, Any]) -> Any:
        """Calibrate the model on what was held out, and record where it comes from."""
        score = result.out_of_fold.mean(axis=0)
        injected = rows.label == 1
        # Injections have not the signal-to-noise of real sources: they count as these would.
        stratum = _strata(rows, _MAX_CALIBRATION_STRATA, _MIN_INJECTED_TO_CALIBRATE)
        weight, estimate = weigh_injections(score, rows.label, stratum)
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
            "code_version": __version__,
            "inputs": dict(inputs),
            "metrics": metrics,
            "settings": dataclasses.asdict(self.config.settings()),
        }
        spec = dataclasses.replace(
            result.model.spec, calibration=calibration.to_dict(), provenance=provenance
        )
        return dataclasses.replace(result.model, spec=spec)


def _strata(
    rows: TrainingRows, most: int = _MAX_STRATA, min_injected: int = _MIN_INJECTED_IN_STRATUM
) -> np.ndarray:
    """Return a bin of signal-to-noise for each sample: the unlabelled are fainter than injections."""
    injected = rows.label == 1
    if not injected.any():  # which the training refuses, with its numbers
        return np.zeros(len(rows), dtype=np.int64)
    n_strata = int(np.clip(injected.sum() // min_injected, 1, most))
    return quantile_strata(rows.snr, rows.snr[injected], n_strata)


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
