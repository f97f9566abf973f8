# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often networks recover real sources that hide in visits, compared with injections.

They are sought in the visits of a survey of their own, that has many supernovae and of which the networks
have seen nothing, and compared with what is found of injections into the same visits.
"""

from __future__ import annotations

__all__ = ("SEARCH", "measure_hidden", "search_without_injections")

from pathlib import Path

import numpy as np
from survey_stamps import Survey

from lsst.transient.bogus import nn
from lsst.transient.bogus.ensembles import network_mean
from lsst.transient.bogus.nn.plan import roc_auc
from lsst.transient.bogus.standalone.execution import PipetaskRun, run_pipetask
from lsst.transient.bogus.standalone.loop import OUTPUT, LoopFolder

SEARCH = "as_they_are"
"""Collection of detections and stamps of visits without injections."""

FPR = 0.02
LIKE = 0.2  # injections are compared whose signal-to-noise is within this of a source's, in its logarithm
FEWEST = 10


def search_without_injections(folder: LoopFolder, pipeline: Path, processes: int) -> None:
    """Process the visits of a survey as they are up to their stamps, unless that was done."""
    run = PipetaskRun(
        repository=folder.repository,
        pipeline=f"{pipeline}#subtractImages,detectDiaSources,cutout",
        inputs=(OUTPUT,),
        output=SEARCH,
        data_query="instrument = 'SimCam'",
        overrides=("parameters:scienceImage=visit_image",),
        processes=processes,
    )
    run_pipetask(run, log_file=folder.log, title=f"Survey {folder.root.name}, without injections")


def measure_hidden(model: nn.Model, search: Survey, injected: Survey) -> dict[str, float]:
    """Compare the supernovae of visits as they are with the injections into the same visits."""
    found, score = (network_mean(nn.predict(model, survey.stamps)) for survey in (search, injected))
    threshold = np.quantile(found[~search.real], 1.0 - FPR)
    is_injected = injected.label == 1
    supernovae = search.kind == "supernova"
    metrics = {"hidden_auc": roc_auc(found, search.real)}
    for name, rows in (("", supernovae), ("_above_sky", supernovae & (search.sign > 0))):
        gap, error = recovery_gap(
            found[rows] >= threshold,
            search.snr[rows],
            search.truth_id[rows],
            score[is_injected] >= threshold,
            injected.snr[is_injected],
        )
        metrics |= {f"hidden_gap{name}": gap, f"hidden_gap{name}_error": error}
    return metrics


def recovery_gap(
    is_real_recovered: np.ndarray,
    real_snr: np.ndarray,
    real_object: np.ndarray,
    is_recovered: np.ndarray,
    snr: np.ndarray,
) -> tuple[float, float]:
    """Return how much more often N real sources are recovered than M injections of their signal-to-noise.

    The first three arrays are (N,), the others (M,); what is returned are a difference of fractions and
    its standard error.  Each real source is compared with the injections whose signal-to-noise is like its
    own, or with the brightest tenth if these are too few.  The standard error has a part from the
    injections, each by itself, whose trend with signal-to-noise it counts too, and one from the real
    sources, which lets the detections of one object be lost together (Liang & Zeger 1986).
    """
    near = np.abs(np.log(real_snr[:, np.newaxis] / snr)) < LIKE
    near[near.sum(axis=1) < FEWEST] = snr >= np.quantile(snr, 0.9)
    share = near / near.sum(axis=1, keepdims=True)
    excess = is_real_recovered - share @ is_recovered
    _, owner = np.unique(real_object, return_inverse=True)
    n_objects = owner.max(initial=-1) + 1
    if n_objects < 2:
        return float(np.mean(excess)) if len(excess) else np.nan, np.nan
    total = np.bincount(owner, weights=excess - excess.mean())
    of_real = np.sum(total**2) * n_objects / (n_objects - 1) / len(excess) ** 2
    weight = share.mean(axis=0)
    of_injections = np.sum((weight * (is_recovered - weight @ is_recovered)) ** 2)
    return float(excess.mean()), float(np.sqrt(of_real + of_injections))
