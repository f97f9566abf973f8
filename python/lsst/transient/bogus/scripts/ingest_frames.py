# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a folder of calibrated FITS frames into visits of a repository."""

from __future__ import annotations

__all__ = ("ingest_frames",)

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputDataError

if TYPE_CHECKING:
    from ..standalone.frames.read import Frame

_NOISE_TOLERANCE = 1.5
_HEADINGS = (
    "visit",
    "det",
    "filter",
    "band",
    "t/s",
    "zero pt",
    "gain",
    "RN",
    "satur.",
    "sky",
    "FWHM/px",
    "″/px",
)


@click.command()
@click.argument("repo", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--header-map",
    type=click.Path(path_type=Path),
    help="YAML file that says how to read the frames, or the name of one in config/frames.  By default "
    "header_map.yaml in the folder, or the one named like the folder, or the default map.",
)
@click.option("--run", help="RUN collection to write; 'frames/' and the name of the folder by default.")
@click.option("--frames", "pattern", default="*", show_default=True, help="Shell pattern of files to take.")
@click.option("--limit", type=click.IntRange(min=1), help="Take this many files at most, in order of names.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--dry-run", is_flag=True, help="Read and check the frames and list them; write nothing.")
def ingest_frames(
    repo: Path,
    folder: Path,
    header_map: Path | None,
    run: str | None,
    pattern: str,
    limit: int | None,
    workers: int,
    dry_run: bool,
) -> None:
    """Make the calibrated FITS frames in FOLDER into visits of the repository REPO.

    A header map says which header keywords hold time, exposure time, filter, zero point,
    gain, read noise and saturation.  All frames are checked before anything is written,
    and everything that is wrong is listed.  REPO is made if it does not exist.  Frames
    that the RUN holds already are skipped, so an interrupted ingestion can be continued.
    """
    from ..standalone.frames.header_map import find_header_map, read_header_map
    from ..standalone.frames.ingest import ingest, open_existing, unfinished
    from ..standalone.frames.validate import find_files, read_folder
    from ..standalone.repository import open_repository

    run = run or f"frames/{folder.resolve().name}"
    try:
        map_path = _named(header_map) if header_map else find_header_map(folder)
        rules = read_header_map(map_path)
        paths = find_files(folder, rules.settings, pattern=pattern, limit=limit)
        butler = open_existing(repo)
        click.echo(f"{len(paths)} files, read with {map_path}")
        survey = read_folder(paths, rules, workers=workers, progress=_show)
        if dry_run:
            _print_table(survey.frames)
        survey.raise_problems()
        todo = unfinished(butler, run, survey.frames, rules.settings)
        if dry_run:
            click.echo(f"{len(todo)} frames would be written into {run}, {len(paths) - len(todo)} are there.")
            return
        if butler is None:
            butler = open_repository(repo, create=True)
        with butler:
            result = ingest(butler, run, survey.frames, rules.settings, workers=workers, progress=_show)
    except InputDataError as error:
        raise click.ClickException(str(error)) from error
    _warn_of_noise(result.provenance)
    nights = len({frame.day_obs for frame in survey.frames})
    bands = "".join(sorted({frame.band for frame in survey.frames}))
    click.echo(
        f"{result.n_written} frames written into {run}, {result.n_skipped} were there; "
        f"{nights} nights, bands {bands}."
    )


def _warn_of_noise(provenance: Sequence[Mapping[str, Any]]) -> None:
    """Warn if the noise of the sky is not what gain and read noise predict."""
    ratios = [entry["measured"]["noise_ratio"] for entry in provenance]
    known = [ratio for ratio in ratios if ratio is not None]
    if known and not 1.0 / _NOISE_TOLERANCE < (middle := statistics.median(known)) < _NOISE_TOLERANCE:
        click.echo(
            f"Warning: the noise of the sky is {middle:.2f} times what gain, read noise and sky level "
            "predict; are they right?",
            err=True,
        )


def _named(header_map: Path) -> Path:
    """Return the path of a header map given by path or by name."""
    from ..paths import package_dir

    own = package_dir() / "config" / "frames" / f"{header_map}.yaml"
    return own if not header_map.exists() and own.is_file() else header_map


def _show(items: Iterable[Any], description: str, total: int) -> Iterable[Any]:
    """Show a progress bar while items are made."""
    from rich.console import Console
    from rich.progress import track

    return track(items, description=f"{description:<9}", total=total, console=Console(stderr=True))


def _print_table(frames: Sequence[Frame]) -> None:
    """List what was read."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    table.add_column("file", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for frame in frames:
        fwhm = "" if math.isnan(frame.fwhm) else f"{frame.fwhm:.2f}"
        times = (f"{frame.exposure_time:.1f}", f"{frame.zero_point:.3f}")
        noise = (f"{frame.gain:.2f}", f"{frame.read_noise:.1f}")
        levels = (f"{frame.saturation:.0f}", f"{frame.sky_level:.0f}", fwhm, f"{frame.pixel_scale:.3f}")
        identity = (frame.path.name, str(frame.visit), str(frame.detector), frame.physical_filter, frame.band)
        table.add_row(*identity, *times, *noise, *levels)
    Console(width=max(120, Console().width)).print(table)
