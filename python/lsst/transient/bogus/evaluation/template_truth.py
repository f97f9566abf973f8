# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much flux of what changes is in the template: from the images that it was made of."""

from __future__ import annotations

__all__ = ("TemplateImages", "with_template_flux")

import dataclasses
from collections.abc import Mapping

import numpy as np
from astropy.table import Table

type _Key = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class TemplateImages:
    """Images that a template is the weighted mean of.

    Parameters
    ----------
    visit
        Visit of each image, int64, shape (K,).
    detector
        Detector of each, int64, shape (K,).
    weight
        Weight of each, of any scale, float64, shape (K,).
    """

    visit: np.ndarray
    detector: np.ndarray
    weight: np.ndarray


def with_template_flux(
    truths: Mapping[_Key, Table], templates: Mapping[_Key, TemplateImages]
) -> dict[_Key, Table]:
    """Replace the reference flux of what changes by what the template holds.

    Parameters
    ----------
    truths
        Truth table of each visit and detector, with ``truth_id``, ``kind``, ``flux`` and
        ``reference_flux`` (nJy).
    templates
        What the template of each visit and detector was made of.

    Returns
    -------
    truths : `dict`
        The same tables; ``reference_flux`` is the weighted mean flux over those images of the
        template on which a source is.  It stays as it is for moving sources, which are elsewhere
        in other visits, and where nothing is known of the template.
    """
    return {
        key: _with_flux(truth, templates[key], truths) if key in templates else truth
        for key, truth in truths.items()
    }


def _with_flux(truth: Table, images: TemplateImages, truths: Mapping[_Key, Table]) -> Table:
    """Return a truth table with the reference flux of a template."""
    parts = [
        (truths[visit, detector], weight)
        for visit, detector, weight in zip(
            images.visit.tolist(), images.detector.tolist(), images.weight.tolist(), strict=True
        )
        if (visit, detector) in truths
    ]
    if not parts or not len(truth):
        return truth
    identifier, flux = (
        np.concatenate([np.asarray(part[name]) for part, _ in parts]) for name in ("truth_id", "flux")
    )
    weight = np.concatenate([np.full(len(part), w) for part, w in parts])
    order = np.argsort(np.asarray(truth["truth_id"]), kind="stable")
    known = np.asarray(truth["truth_id"])[order]
    place = np.minimum(np.searchsorted(known, identifier), len(known) - 1)
    same = known[place] == identifier
    row = order[place[same]]
    total = np.bincount(row, weights=weight[same], minlength=len(truth))
    summed = np.bincount(row, weights=(weight * flux)[same], minlength=len(truth))
    there = (total > 0) & (np.asarray(truth["kind"], dtype=str) != "moving")
    changed = truth.copy()
    changed["reference_flux"] = np.where(
        there, summed / np.where(total > 0, total, 1.0), np.asarray(truth["reference_flux"], dtype=float)
    )
    return changed
