# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every training regime on labels with known noise, against the true classes.

    python benchmarks/noisy_labels.py folder --seeds 131 132 133

Each survey is simulated and processed up to its labels in ``folder/<seed>``, unless it is there.
To the noise that its labels have (real transients called bogus), more is added: injections are
called bogus until they are a fraction r of the negative class that is trained on.  The labelled
injections are the same for every r, a third of all or what the largest r leaves, so that r alone
changes.  Scores are out of fold, and all detections count: positive are injections, whatever they
are called, and real transients.
Hidden supernovae are sought in the visits of another survey, ``folder/<seed>_search``, that has many of
them, and compared with injections into the same visits, of equal signal-to-noise.  What either is matched
with must be as near and have its flux.

Six regimes have the default network, stamps and augmentation.  ``published_*`` are what a user finds
published instead: two convolutions and dense layers, stamps of either sign, each scaled from its
minimum to its maximum, no augmentation, no averaging of weights.  ``cnn2`` is standard training of
that network on our stamps.  These take most of the time, and are for r = 0 and 0.25 alone.
All take as many epochs, and keep the best by the (noisy) labels of the folds held out.  Sensitivity and
specificity are at the threshold of their highest mean by the (noisy) labels.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from hidden_sources import SEARCH, measure_hidden, search_without_injections
from survey_stamps import Survey, load_as_they_are, load_survey

from lsst.transient.bogus import nn
from lsst.transient.bogus.evaluation.subsets import quantile_strata
from lsst.transient.bogus.nn.device import torch_threads
from lsst.transient.bogus.nn.normalise import prepare
from lsst.transient.bogus.nn.plan import roc_auc
from lsst.transient.bogus.nn.settings import Augmentation, Regime
from lsst.transient.bogus.nn.spec import Network, Normalisation
from lsst.transient.bogus.paths import ensure_package_dir_env
from lsst.transient.bogus.ranking import best_balanced_threshold
from lsst.transient.bogus.seeds import generator
from lsst.transient.bogus.standalone.loop import LABELLED, OUTPUT, LoopFolder, run_loop

N_STRATA = 3
N_FOLDS = 3
RATES = (0.0, 0.15, 0.25, 0.35)
LABELLED_SHARE = 1 / 3
"""Fraction of the injections that is labelled, if the others suffice for the largest rate of wrong labels."""
PIPELINE = Path(__file__).parent / "pipelines" / "noisy_labels.yaml"
SLOW_RATES = (0.0, 0.25)
"""Rates of wrong labels of what takes most of the time."""
MANY_SUPERNOVAE = Path(__file__).parent / "surveys" / "many_supernovae.yaml"
SEARCH_SEED = 1000
"""Seed of the survey that is searched, less that of the survey that is trained on."""
CNN2 = Network("cnn2", (32, 64), 128, dropout=0.25)


def variants(settings: nn.Settings, r: float) -> dict[str, nn.Settings]:
    """Return what is compared; regimes that need the rate of wrong labels are told the true one."""
    regimes = {
        "standard": Regime("standard"),
        "co_teaching": Regime("co_teaching", forget_rate=max(0.05, 0.8 * r)),
        "asymmetric_co_teaching": Regime("asymmetric_co_teaching", forget_rate=max(0.05, r)),
        "stochastic_co_teaching": Regime("stochastic_co_teaching", delay_epochs=5, ramp_epochs=10),
        "nnpu": Regime("nnpu", prior=max(0.05, r)),
        "contamination": Regime("contamination"),
    }
    chosen = {name: dataclasses.replace(settings, regime=regime) for name, regime in regimes.items()}
    published = dataclasses.replace(
        settings,
        normalisation=Normalisation("minmax", canonical_sign=False, flag_bits=()),
        network=CNN2,
        augmentation=Augmentation(d4=False, depth=1.0),
        learning_rate=1e-3,
        weight_decay=0.0,
        averaging=0.0,
        negative_sign_weight=1.0,
    )
    slow = {
        f"published_{name}": dataclasses.replace(published, regime=regimes[name])
        for name in ("standard", "co_teaching", "asymmetric_co_teaching")
    }
    slow["cnn2"] = dataclasses.replace(chosen["standard"], network=CNN2, learning_rate=1e-3)
    return chosen | slow if r in SLOW_RATES else chosen


def simulate(folder: LoopFolder, seed: int, processes: int, *settings: str) -> None:
    """Simulate a survey, unless that was done."""
    folder.root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", "from lsst.transient.bogus.scripts import main; main()"]
    command += ["simulate-survey", str(folder.repository), "--seed", str(seed), "--skip-existing"]
    subprocess.run([*command, "--workers", str(processes), *settings], check=True)


def process(folder: LoopFolder, processes: int) -> Survey:
    """Return a simulated survey with injections; it is processed up to its labels unless that was done."""
    run_loop(
        folder,
        PIPELINE,
        instrument="SimCam",
        inputs=("SimCam/defaults",),
        processes=processes,
        subset=LABELLED,
        title=f"Survey {folder.root.name}",
    )
    return load_survey(str(folder.repository), OUTPUT)


def make_surveys(root: Path, seed: int, processes: int) -> tuple[Survey, Survey, Survey]:
    """Return the survey to train on, and the one to search: without and with injections."""
    ensure_package_dir_env()
    folder, searched = LoopFolder(root / str(seed)), LoopFolder(root / f"{seed}_search")
    simulate(folder, seed, processes)
    survey = process(folder, processes)
    simulate(searched, SEARCH_SEED + seed, processes, "--config", str(MANY_SUPERNOVAE))
    injected = process(searched, processes)
    search_without_injections(searched, PIPELINE, processes)
    return survey, load_as_they_are(str(searched.repository), SEARCH), injected


def contaminate(survey: Survey, r: float, seed: int) -> tuple[Survey, np.ndarray]:
    """Return the detections that take part, and their labels: a fraction r of the zeros is injected."""
    injected = generator("contaminate", seed).permutation(np.flatnonzero(survey.label == 1))
    others = np.flatnonzero(survey.label == 0)
    n_wrong, most = (
        round(rate / (1.0 - rate) * int(np.count_nonzero(survey.sign[others] > 0)))
        for rate in (r, max(r, *RATES))
    )
    n_labelled = min(int(LABELLED_SHARE * len(injected)), len(injected) - most)
    if n_labelled < 1:
        sys.exit(f"Wrong labels of the largest rate take {most} injections; there are {len(injected)}.")
    labelled, pool = np.split(injected, [n_labelled])
    rows = np.sort(np.concatenate([labelled, pool[:n_wrong], others]))
    return survey[rows], np.isin(rows, labelled).astype(np.int64)


def fpr_at(score: np.ndarray, positive: np.ndarray, tpr: float) -> float:
    """Return the fraction of negatives at or above the threshold that keeps a fraction of positives."""
    threshold = np.quantile(score[positive], 1.0 - tpr)
    return float(np.mean(score[~positive] >= threshold))


def measure(score: np.ndarray, survey: Survey, label: np.ndarray) -> dict[str, float]:
    """Compare out-of-fold scores with the true classes, at a threshold from the labels trained on."""
    positive = (survey.label == 1) | survey.real
    threshold = best_balanced_threshold(label, score)
    above = survey.sign > 0
    return {
        "auc": roc_auc(score, positive),
        "fpr_at_tpr95": fpr_at(score, positive, 0.95),
        "fpr_at_tpr95_above_sky": fpr_at(score[above], positive[above], 0.95),
        "fpr_at_tpr99": fpr_at(score, positive, 0.99),
        "sensitivity": float(np.mean(score[positive] >= threshold)),
        "specificity": float(np.mean(score[~positive] < threshold)),
    }


def rows(
    surveys: dict[str, Survey],
    searches: dict[str, tuple[Survey, Survey]],
    settings: nn.Settings,
    rates: list[float],
    names: list[str],
) -> Iterator[dict[str, object]]:
    """Train every variant on every survey with every rate of wrong labels."""
    for where, whole in surveys.items():
        for r in rates:
            survey, label = contaminate(whole, r, settings.seed)
            spec = nn.ModelSpec(
                survey.stamps.image.shape[-1], survey.stamps.channels, survey.stamps.mask_bits
            )
            known = variants(settings, r)
            chosen = [name for name in names if name in known]
            kinds = {known[name].normalisation for name in chosen}
            prepared = {kind: prepare(survey.stamps, kind) for kind in kinds}
            for name in chosen:
                start = time.perf_counter()
                result = nn.train(
                    prepared[known[name].normalisation],
                    label,
                    survey.fold % N_FOLDS,
                    known[name],
                    spec=spec,
                    tiles=survey.tile,
                    negative_sign=survey.sign < 0,
                    stratum=quantile_strata(survey.snr, survey.snr[label == 1], N_STRATA),
                )
                seconds = time.perf_counter() - start
                score = result.out_of_fold.mean(axis=0)
                metrics = measure(score, survey, label)
                metrics |= measure_hidden(result.model, *searches[where])
                yield {"survey": where, "r": r, "regime": name, **metrics, "seconds": seconds}


def _say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the surveys are, or will be")
    parser.add_argument("--seeds", type=int, nargs="+", default=[131, 132, 133])
    parser.add_argument("--rates", type=float, nargs="+", default=list(RATES))
    parser.add_argument("--regimes", nargs="+", default=list(variants(nn.Settings(), 0.0)))
    parser.add_argument("--epochs", type=int, default=nn.Settings().epochs)
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/output/noisy_labels.csv"))
    options = parser.parse_args()
    surveys, searches = {}, {}
    for seed in options.seeds:
        survey, search, injected = make_surveys(options.folder, seed, options.processes)
        surveys[str(seed)], searches[str(seed)] = survey, (search, injected)
        _say(
            f"survey {seed}: {len(survey)} detections, {int((survey.label == 1).sum())} injected, "
            f"{int((survey.sign < 0).sum())} negative; to search {len(search)}, "
            f"{int(search.real.sum())} real, {int((search.kind == 'supernova').sum())} of "
            f"{len(np.unique(search.truth_id[search.kind == 'supernova']))} supernovae, and "
            f"{int((injected.label == 1).sum())} injected"
        )
    settings = nn.Settings(peers=2, members=options.members, epochs=options.epochs, device=options.device)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    table: list[dict[str, object]] = []
    with torch_threads(options.threads), options.output.open("w") as stream:
        for row in rows(surveys, searches, settings, options.rates, options.regimes):
            if not table:
                writer = csv.DictWriter(stream, row)
                writer.writeheader()
            table.append(row)
            writer.writerow(row)
            stream.flush()
            text = " ".join(f"{k}={v:.4f}" if isinstance(v, float) else f"{v}" for k, v in row.items())
            _say(text)
    summarise(table)


def summarise(table: list[dict[str, object]]) -> None:
    """Print mean and spread over the surveys, and the error of the mean where each has an error."""
    _say("\nmean ± standard deviation over surveys (errors: of the mean)")
    for r, name in dict.fromkeys((row["r"], row["regime"]) for row in table):
        chosen = [row for row in table if (row["r"], row["regime"]) == (r, name)]
        cells = []
        for metric in (key for key in chosen[0] if key not in ("survey", "r", "regime", "seconds")):
            values = np.array([row[metric] for row in chosen], dtype=float)
            if metric.endswith("_error"):
                cells.append(f"{metric} {np.sqrt(np.sum(values**2)) / len(values):.4f}")
                continue
            spread = np.std(values, ddof=1) if len(values) > 1 else np.nan
            cells.append(f"{metric} {np.mean(values):.4f} ± {spread:.4f}")
        _say(f"r={r:<5} {name:<24} {'  '.join(cells)}")


if __name__ == "__main__":
    torch.set_num_interop_threads(1)
    sys.exit(main())
