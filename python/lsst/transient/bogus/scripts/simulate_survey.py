# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulate a survey into a repository."""

from __future__ import annotations

__all__ = ("simulate_survey",)

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from ..errors import InputDataError

_PRESETS = ("demo", "small")


@click.command()
@click.argument("repo", type=click.Path(path_type=Path))
@click.option(
    "--preset", type=click.Choice(_PRESETS), default="demo", show_default=True, help="Settings to start from."
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML file of settings that override those of the preset.",
)
@click.option("--seed", type=int, help="Seed of everything random.")
@click.option("--bands", help="Bands, e.g. gr.")
@click.option("--visits-per-band", type=click.IntRange(min=1), help="Visits in each band.")
@click.option("--detectors", type=click.IntRange(min=1), help="Detectors of the mosaic.")
@click.option("--size", type=click.IntRange(min=1), help="Side of a detector, pixels.")
@click.option("--run", default="SimCam/visits", show_default=True, help="RUN collection of the images.")
@click.option("--truth-run", default="SimCam/truth", show_default=True, help="RUN collection of the truth.")
@click.option(
    "--collection",
    default="SimCam/defaults",
    show_default=True,
    help="CHAINED collection of both; an empty text for none.",
)
@click.option("--skip-existing", is_flag=True, help="Continue a survey that the RUN holds in part.")
@click.option("--workers", "-j", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
def simulate_survey(
    repo: Path,
    preset: str,
    config_file: Path | None,
    seed: int | None,
    bands: str | None,
    visits_per_band: int | None,
    detectors: int | None,
    size: int | None,
    run: str,
    truth_run: str,
    collection: str,
    skip_existing: bool,
    workers: int,
) -> None:
    """Simulate a survey into the repository REPO.

    The survey has galaxies, stars, artefacts and, hidden in the pixels, supernovae,
    variable stars, active nuclei and moving objects, whose truth goes into its own RUN.
    REPO is made if it does not exist.  The same settings give the same survey.
    """
    from ..standalone.repository import open_repository
    from ..standalone.simulate import load_config
    from ..standalone.simulate.survey import simulate_survey as simulate

    given = {
        "seed": seed,
        "bands": list(bands) if bands is not None else None,
        "visits_per_band": visits_per_band,
        "n_detectors": detectors,
        "size": size,
    }
    overrides = {name: value for name, value in given.items() if value is not None}
    try:
        config = load_config(config_file, preset=preset, overrides=overrides)
        with open_repository(repo, create=True) as butler:
            result = simulate(
                butler,
                config,
                run=run,
                truth_run=truth_run,
                collection=collection or None,
                skip_existing=skip_existing,
                workers=workers,
                progress=_show,
            )
    except InputDataError as error:
        raise click.ClickException(str(error)) from error
    survey = f"{config.n_detectors} detectors, bands {''.join(config.bands)}, {result.n_nights} nights"
    click.echo(f"{result.n_written} images written into {run}, {result.n_skipped} were there: {survey}.")


def _show(items: Iterable[Any], description: str, total: int) -> Iterable[Any]:
    """Show a progress bar while items are made."""
    from rich.console import Console
    from rich.progress import track

    return track(items, description=f"{description:<10}", total=total, console=Console(stderr=True))
