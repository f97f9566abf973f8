# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what the scores of a survey are worth."""

from __future__ import annotations

__all__ = (
    "FIGURE_NAMES",
    "EvaluateTransientBogusConfig",
    "EvaluateTransientBogusConnections",
    "EvaluateTransientBogusTask",
)

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from astropy.table import Table

from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    PipelineTask,
    QuantumContext,
    Struct,
    UpstreamFailureNoWorkFound,
)

from ..evaluation.completeness import injection_table
from ..evaluation.sources import (
    DIA_SOURCE_COLUMNS,
    LABEL_COLUMNS,
    SCORE_COLUMNS,
    join_sources,
    stack_tables,
)
from ..evaluation.survey import EvaluationSettings, evaluate_survey
from ..evaluation.template_truth import with_template_flux
from ..evaluation.truth_match import TRUTH_COLUMNS, match_truth, truth_table
from .evaluate_config import (
    FIGURE_NAMES,
    EvaluateTransientBogusConfig,
    EvaluateTransientBogusConnections,
)
from .template_metadata import template_images

type _Key = tuple[int, int]


class EvaluateTransientBogusTask(PipelineTask):
    """Compare the scores of a survey with injections, with themselves and with the truth."""

    ConfigClass = EvaluateTransientBogusConfig
    _DefaultName: ClassVar[str] = "evaluate"
    config: EvaluateTransientBogusConfig

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        inputs: dict[str, Any] = {
            name: _by_detector(butlerQC.get(getattr(inputRefs, name)))
            for name in (
                "dia_sources",
                "labels",
                "scores",
                "injected_matches",
                "truth",
                "template_metadata",
            )
            if hasattr(inputRefs, name)
        }
        for name in ("embedding", "history"):
            if hasattr(inputRefs, name):
                inputs[name] = butlerQC.get(getattr(inputRefs, name))
        butlerQC.put(self.run(**inputs), outputRefs)

    def run(
        self,
        *,
        dia_sources: Mapping[_Key, Any],
        labels: Mapping[_Key, Any],
        scores: Mapping[_Key, Any],
        injected_matches: Mapping[_Key, Any],
        truth: Mapping[_Key, Any] | None = None,
        template_metadata: Mapping[_Key, Any] | None = None,
        embedding: Table | None = None,
        history: Table | None = None,
    ) -> Struct:
        """Evaluate a survey.

        Parameters
        ----------
        dia_sources
            Handles of the DIA source tables, by visit and detector.
        labels
            Handles of the label tables.
        scores
            Handles of the score tables.
        injected_matches
            Handles of the tables of injection matches.
        truth
            Handles of the truth tables of a simulated survey.
        template_metadata
            Handles of the metadata of the task that made the templates, which say of which
            images each was made; the truth's own reference flux is taken without.
        embedding
            Embedding, for its figure.
        history
            Training history, for its figure.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``metrics`` and ``curves`` (`astropy.table.Table`), and a figure
            ``plot_<name>`` for each output of that name.

        Raises
        ------
        lsst.pipe.base.UpstreamFailureNoWorkFound
            Raised if no detector has all of its tables.
        """
        complete = sorted(set(dia_sources) & set(labels) & set(scores))
        if not complete:
            raise UpstreamFailureNoWorkFound(
                f"No detector has DIA sources ({len(dia_sources)}), labels ({len(labels)}) and scores "
                f"({len(scores)})."
            )
        true_sources = None if truth is None else _read_truth(truth, template_metadata or {})
        parts, injections, truths = [], [], []
        for key in complete:
            visit, detector = key
            part = join_sources(
                _columns(dia_sources[key], DIA_SOURCE_COLUMNS),
                _columns(labels[key], LABEL_COLUMNS),
                _columns(scores[key], SCORE_COLUMNS),
                visit=visit,
                detector=detector,
            )
            if true_sources is not None:
                part, found = self._add_truth(part, true_sources.get(key))
                truths.append(found)
            if key in injected_matches:
                matches = injected_matches[key].get()
                injections.append(injection_table(matches, part, visit=visit, detector=detector))
            parts.append(part)
        sources = stack_tables(parts)
        self.log.info(
            "Evaluating %d DIA sources of %d detectors (%d incomplete left out), %d detected injections.",
            len(sources),
            len(complete),
            len(dia_sources) - len(complete),
            np.sum(sources["label"] == 1),
        )
        result = evaluate_survey(
            sources,
            stack_tables(injections) if injections else None,
            stack_tables(truths) if truths else None,
            self._settings(),
        )
        self._report(result.metrics)
        figures = self._figures(result.metrics, result.curves, embedding, history)
        return Struct(metrics=result.metrics, curves=result.curves, **figures)

    def _add_truth(self, part: Table, truth: Table | None) -> tuple[Table, Table]:
        """Add the true kind to detections; also return the true sources."""
        match = match_truth(
            np.asarray(part["ra"]),
            np.asarray(part["dec"]),
            np.asarray(part["flux"]),
            truth,
            radius_arcsec=self.config.truthRadius,
            min_significance=self.config.truthMinSignificance,
        )
        part["true_kind"], part["truth_id"] = match.kind, match.truth_id
        return part, truth_table(match)

    def _settings(self) -> EvaluationSettings:
        return EvaluationSettings(
            threshold_rule=self.config.thresholdRule,
            threshold_value=self.config.thresholdValue,
            snr_cut=self.config.snrCut,
            snr_edges=tuple(self.config.snrBins),
            n_resamples=self.config.nResamples,
            tolerance=self.config.assumptionTolerance,
            seed=self.config.seed,
        )

    def _report(self, metrics: Table) -> None:
        """Log the headline and keep it in the metadata."""
        from ..plots.tables import metric_estimate

        for name in ("threshold", "sensitivity", "specificity", "precision", "npv", "accuracy", "auc"):
            value = metric_estimate(metrics, name).value
            if np.isfinite(value):
                self.metadata[name] = value
        alpha = metric_estimate(metrics, "contamination", reference="label_free")
        purity = metric_estimate(metrics, "purity", reference="label_free")
        self.log.info(
            "Injected against rest: sensitivity %.2f %%, specificity %.2f %% at threshold %.3g, AUC %.4f; "
            "without labels: %.2f %% of the rest is real, purity %.1f %%.",
            100 * metric_estimate(metrics, "sensitivity").value,
            100 * metric_estimate(metrics, "specificity").value,
            metric_estimate(metrics, "threshold").value,
            metric_estimate(metrics, "auc").value,
            100 * alpha.value,
            100 * purity.value,
        )

    def _figures(
        self, metrics: Table, curves: Table, embedding: Table | None, history: Table | None
    ) -> dict[str, Any]:
        """Draw what the configuration asks for."""
        if not self.config.doPlots:
            return {}
        from ..plots.catalogue import EVALUATION_FIGURES
        from ..plots.tables import EvaluationTables

        tables = EvaluationTables(metrics, curves, embedding, history)
        wanted = {
            "embedding": self.config.doEmbedding,
            "training": self.config.doHistory,
            "classes": self.config.doTruth,
        }
        return {
            f"plot_{name}": EVALUATION_FIGURES[name](tables)
            for name in FIGURE_NAMES
            if wanted.get(name, True)
        }


def _by_detector(handles: Iterable[Any]) -> dict[_Key, Any]:
    """Key deferred handles by visit and detector."""
    return {(int(h.dataId["visit"]), int(h.dataId["detector"])): h for h in handles}


def _read_truth(truth: Mapping[_Key, Any], metadata: Mapping[_Key, Any]) -> dict[_Key, Table]:
    """Read what has changed on every detector, against what is in its template."""
    found = {key: template_images(handle.get()) for key, handle in metadata.items()}
    return with_template_flux(
        {key: _columns(handle, TRUTH_COLUMNS) for key, handle in truth.items()},
        {key: images for key, images in found.items() if images is not None},
    )


def _columns(handle: Any, names: tuple[str, ...]) -> Table:
    """Read some columns of a table."""
    return handle.get(parameters={"columns": list(names)})
