# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the whole loop on a simulated survey or on a folder of frames."""

from __future__ import annotations

__all__ = ("demo",)

import json
import os
from pathlib import Path
from typing import Any

import click

from ..errors import InputDataError
from ..paths import ensure_package_dir_env
from ..standalone.execution import PipetaskError
from ..standalone.loop import (
    LABELLED,
    LEARNED,
    OUTPUT,
    SEARCH,
    LoopFolder,
    count_examples,
    frames_pipeline,
    run_loop,
    run_search,
)

_MODEL_RUN = "models/simulated_survey"
_SIMULATION = "SimCam/defaults"
_FRAMES = "frames/visits"


@click.command()
@click.option(
    "--frames",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of calibrated FITS frames to use instead of a simulated survey.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder for the repository and the report; a run that was interrupted continues there.",
)
@click.option("--preset", default="demo", show_default=True, help="Size of the simulated survey.")
@click.option("-j", "--processes", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True)
def demo(frames: Path | None, folder: Path, preset: str, processes: int) -> None:
    """Run the whole loop: injection, difference imaging, training, scores and light curves.

    Candidates are then sought in the visits without injections.

    Without --frames, a survey is simulated first.  With --frames, the frames of a folder
    become visits; where they hold too few detections to train on, the model of the simulated
    survey is applied to them instead.
    """
    simulated = LoopFolder(folder)
    try:
        if frames is None:
            _run_simulated(simulated, preset, processes)
            run_search(simulated, _demo_pipeline(), instrument="SimCam", processes=processes)
            _write_report(simulated)
        else:
            real = LoopFolder(folder / frames.resolve().name)
            _run_frames(real, frames, simulated, preset, processes)
            _write_report(real)
    except (InputDataError, PipetaskError, LookupError) as error:
        raise click.ClickException(str(error)) from error


def _run_simulated(folder: LoopFolder, preset: str, processes: int) -> None:
    """Simulate a survey and train on it."""
    from .simulate_survey import simulate_survey

    click.get_current_context().invoke(
        simulate_survey, repo=folder.repository, preset=preset, skip_existing=True, workers=processes
    )
    run_loop(
        folder,
        _demo_pipeline(),
        instrument="SimCam",
        inputs=(_SIMULATION,),
        processes=processes,
        subset=LEARNED,
    )


def _demo_pipeline() -> Path:
    """Return the pipeline of the simulated survey."""
    return ensure_package_dir_env() / "pipelines" / "standalone" / "demo.yaml"


def _run_frames(folder: LoopFolder, frames: Path, simulated: LoopFolder, preset: str, processes: int) -> None:
    """Ingest frames, and train on them or apply the model of the simulated survey."""
    from .ingest_frames import ingest_frames

    click.get_current_context().invoke(
        ingest_frames, repo=folder.repository, folder=frames, run=_FRAMES, workers=processes
    )
    pipeline = frames_pipeline(frames)
    run_loop(
        folder,
        pipeline,
        instrument="Frames",
        inputs=(_FRAMES,),
        processes=processes,
        subset=LABELLED,
        title="Injection and difference imaging",
    )
    examples = count_examples(folder.repository, pipeline)
    inputs: tuple[str, ...] = (_FRAMES,)
    if not examples.suffice:
        click.echo(
            f"{examples.n_injected} detected injections and {examples.n_other} other detections are too few "
            f"to train on: a network that is blind to one fold would see {examples.fewest.n_positive} and "
            f"{examples.fewest.n_negative}, and needs {examples.minimum} of each. Applying the model of the "
            "simulated survey."
        )
        _take_model(simulated, folder, preset, processes)
        inputs = (_FRAMES, _MODEL_RUN)
    run_loop(
        folder,
        pipeline,
        instrument="Frames",
        inputs=inputs,
        processes=processes,
        apply_model=not examples.suffice,
        subset=LEARNED,
    )
    run_search(folder, pipeline, instrument="Frames", processes=processes)


def _take_model(simulated: LoopFolder, folder: LoopFolder, preset: str, processes: int) -> None:
    """Copy the model of the simulated survey, which is made if it does not exist."""
    from ..standalone.repository import open_repository
    from .import_model import copy_model

    _run_simulated(simulated, preset, processes)
    with open_repository(simulated.repository) as source, open_repository(folder.repository) as target:
        copy_model(source, OUTPUT, target, run=_MODEL_RUN, instrument="Frames")


def _write_report(folder: LoopFolder) -> None:
    """Write the report and the inspector, and say where things are."""
    from .inspect_transients import inspect_transients
    from .report import report

    context = click.get_current_context()
    inspector = folder.report / "inspector.html"
    context.invoke(report, repo=folder.repository, collection=OUTPUT, candidates=SEARCH, folder=folder.report)
    context.invoke(
        inspect_transients,
        repo=folder.repository,
        collection=OUTPUT,
        candidates=SEARCH,
        file=inspector,
        report="index.html",
    )
    metrics = json.loads(folder.report.joinpath("metrics.json").read_text())
    _print_summary(metrics)
    click.echo(f"\nReport:    {folder.report / 'index.html'}")
    click.echo(f"Inspector: {inspector}")
    click.echo(f"Metrics:   {folder.report / 'metrics.json'}")
    click.echo(f"""
Candidates, in Python:
    from astropy.table import vstack
    from lsst.daf.butler import Butler
    butler = Butler.from_config("{folder.repository}", collections="{SEARCH}")
    objects = vstack([butler.get(ref) for ref in butler.query_datasets("transient_objects")])
    candidates = objects[objects["is_confirmed"]]""")


def _print_summary(metrics: dict[str, Any]) -> None:
    """Print the key metrics."""
    from rich.console import Console
    from rich.table import Table

    table = Table("metric", "value", title="Injected against the rest, out of fold")
    for name, subset in (("all detections", "all"), ("S/N > 8", "snr_gt_8")):
        confusion = metrics["confusion"][subset]
        for key in ("sensitivity", "specificity", "precision", "npv", "accuracy"):
            table.add_row(f"{key}, {name}", _percent(confusion[key]))
    table.add_row("AUC", "-" if metrics["auc"] is None else f"{metrics['auc']:.4f}")
    for key in ("n_dia_sources", "n_injected_detected", "n_candidates"):
        table.add_row(key, f"{metrics[key]}")
    Console().print(table)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"
