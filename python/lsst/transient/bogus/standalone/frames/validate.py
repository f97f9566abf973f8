# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading of a whole folder, and all that is wrong with its frames, in one go."""

from __future__ import annotations

__all__ = ("Survey", "find_files", "read_folder")

import dataclasses
import fnmatch
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from astropy.time import Time

from ...errors import InputDataError
from .header_map import HeaderMap
from .parallel import Progress, in_order, no_progress
from .prepare import measure
from .read import Frame, read_frame
from .settings import FrameSettings

_MAX_SCALE_RATIO = 1.5
"""Largest ratio of a frame's pixel scale to the median: beyond it a WCS is in doubt."""


@dataclasses.dataclass(frozen=True)
class Survey:
    """All frames of a folder, in order of time.

    Parameters
    ----------
    frames
        The frames that are in order.
    problems
        What is wrong, by file name.
    """

    frames: tuple[Frame, ...]
    problems: tuple[tuple[str, str], ...]

    def raise_problems(self) -> None:
        """Raise one error with all that is wrong.

        Raises
        ------
        InputDataError
            Raised if anything is wrong.
        """
        if self.problems:
            files = len({name for name, _ in self.problems})
            lines = "\n".join(f"  {name}: {problem}" for name, problem in self.problems)
            raise InputDataError(f"{files} files cannot be ingested:\n{lines}")


def find_files(
    folder: Path, settings: FrameSettings, *, pattern: str = "*", limit: int | None = None
) -> list[Path]:
    """Find the files to read.

    Parameters
    ----------
    folder
        Folder to look in; its sub-folders are not searched.
    settings
        Patterns of the files to read and to leave out.
    pattern
        Further pattern that the file names must match.
    limit
        Number of files to return at most: the first in order of their names.

    Returns
    -------
    paths : `list` [`pathlib.Path`]
        The files in order of their names.

    Raises
    ------
    InputDataError
        Raised if there is no such folder or no such file in it.
    """
    if not folder.is_dir():
        raise InputDataError(f"{folder} is not a folder.")
    found = sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and any(fnmatch.fnmatchcase(path.name, wanted) for wanted in settings.files)
        and not any(fnmatch.fnmatchcase(path.name, unwanted) for unwanted in settings.skip)
        and fnmatch.fnmatchcase(path.name, pattern)
    )
    if not found:
        wanted = " or ".join(settings.files) + ("" if pattern == "*" else f" and matches {pattern}")
        raise InputDataError(f"No file in {folder} is named {wanted}.")
    return found[:limit]


def read_folder(
    paths: Sequence[Path], header_map: HeaderMap, *, workers: int = 1, progress: Progress = no_progress
) -> Survey:
    """Read all frames, and find everything that is wrong with them.

    Parameters
    ----------
    paths
        Files to read.
    header_map
        How to read them.
    workers
        Number of processes.
    progress
        Shows how far it is.

    Returns
    -------
    survey : `Survey`
        Frames that are in order and what is wrong with the others.
    """
    frames: list[Frame] = []
    problems: list[tuple[str, str]] = []
    results = in_order(partial(_read, header_map=header_map), paths, workers=workers)
    for path, (frame, found) in zip(paths, progress(results, "Reading", len(paths)), strict=True):
        problems += [(path.name, problem) for problem in found]
        if frame is not None:
            frames.append(frame)
    frames.sort(key=lambda frame: (frame.visit, frame.detector, frame.path.name))
    problems += [*_duplicates(frames), *_mixed_visits(frames), *_odd_scales(frames)]
    return Survey(tuple(frames), tuple(sorted(problems)))


def _read(path: Path, *, header_map: HeaderMap) -> tuple[Frame | None, list[str]]:
    """Read a frame; where its seeing is not known, make sure that it can be measured."""
    frame, problems = read_frame(path, header_map)
    if frame is not None and math.isnan(frame.fwhm):
        try:
            measure(frame, header_map.settings)
        except InputDataError as error:
            return None, [str(error)]
    return frame, problems


def _groups(frames: Sequence[Frame], key: Callable[[Frame], Hashable]) -> list[list[Frame]]:
    groups: defaultdict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return list(groups.values())


def _duplicates(frames: Sequence[Frame]) -> Iterator[tuple[str, str]]:
    """Yield frames that are there twice."""
    for same in _groups(frames, lambda frame: frame.pixel_hash):
        for frame in same[1:]:
            yield frame.path.name, f"has the same pixels as {same[0].path.name}"
    for same in _groups(frames, lambda frame: (frame.visit, frame.detector)):
        for frame in same[1:]:
            if frame.pixel_hash != same[0].pixel_hash:
                yield (
                    frame.path.name,
                    f"begins in the same second as {same[0].path.name} on the same detector "
                    f"({_utc(frame)}, detector {frame.detector}); is the time right?",
                )


def _mixed_visits(frames: Sequence[Frame]) -> Iterator[tuple[str, str]]:
    """Yield frames of one visit that are not of one exposure."""
    for same in _groups(frames, lambda frame: frame.visit):
        first = same[0]
        for frame in same[1:]:
            if frame.physical_filter != first.physical_filter:
                yield (
                    frame.path.name,
                    f"is in filter {frame.physical_filter!r}, but {first.path.name}, which begins in the "
                    f"same second, is in {first.physical_filter!r}",
                )
            elif frame.exposure_time != first.exposure_time:
                yield (
                    frame.path.name,
                    f"is exposed for {frame.exposure_time:g} s, but {first.path.name}, which begins in the "
                    f"same second, for {first.exposure_time:g} s",
                )


def _odd_scales(frames: Sequence[Frame]) -> Iterator[tuple[str, str]]:
    """Yield frames whose pixel scale cannot be that of the others."""
    if not frames:
        return
    usual = float(np.median([frame.pixel_scale for frame in frames]))
    for frame in frames:
        if not 1.0 / _MAX_SCALE_RATIO < frame.pixel_scale / usual < _MAX_SCALE_RATIO:
            yield (
                frame.path.name,
                f"WCS has {frame.pixel_scale:.3f} arcsec per pixel; the frames usually have {usual:.3f}",
            )


def _utc(frame: Frame) -> str:
    return str(Time(frame.mjd_begin, format="mjd", scale="tai").utc.isot[:19])
