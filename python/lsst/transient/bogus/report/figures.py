# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Candidates as image files, to show around."""

from __future__ import annotations

__all__ = ("write_candidate_figures",)

from pathlib import Path

import numpy as np

from ..plots.light_curves import candidate_figure, gallery_figure
from .reading import Results

_RESOLUTION = 100
_MAX_PAGES = 12


def write_candidate_figures(results: Results, folder: Path) -> list[Path]:
    """Write the light curves of the candidates, together and each with its stamps.

    Parameters
    ----------
    results
        Results of a collection.
    folder
        Folder to write to; made if it does not exist.

    Returns
    -------
    paths : `list` [`pathlib.Path`]
        ``candidates.png``, and ``candidate_<diaObjectId>.png`` for the twelve most
        probable; none without candidates.
    """
    candidates = results.candidates
    if not len(candidates):
        return []
    figures = {"candidates": gallery_figure(candidates, results.light_curves)}
    shape = next((stamp.shape for stamp in results.epoch_stamps.values()), (len(results.channels), 1, 1))
    missing = np.full(shape, np.nan)
    for row in candidates[:_MAX_PAGES]:
        light_curve = results.light_curves[results.light_curves["diaObjectId"] == row["diaObjectId"]]
        stamps = np.array(
            [results.epoch_stamps.get(int(name), missing) for name in light_curve["diaSourceId"]]
        )
        figures[f"candidate_{row['diaObjectId']}"] = candidate_figure(
            light_curve, stamps, results.channels, row
        )
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures.items():
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=_RESOLUTION, metadata={"Software": None})
        paths.append(path)
    return paths
