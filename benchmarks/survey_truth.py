# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has really changed in a simulated survey, against what is in its templates."""

from __future__ import annotations

__all__ = ("read_truths",)

from astropy.table import Table

from lsst.daf.butler import Butler, DatasetRef
from lsst.transient.bogus.evaluation.template_truth import with_template_flux
from lsst.transient.bogus.tasks.template_metadata import template_images

TEMPLATE_METADATA = "buildTemplate_metadata"


def read_truths(butler: Butler) -> dict[tuple[int, int], Table]:
    """Read the truth of every visit and detector.

    Parameters
    ----------
    butler
        Butler of a processed survey.

    Returns
    -------
    truths : `dict`
        Truth tables by visit and detector, whose reference flux is that of the templates.
    """
    truths = {_key(ref): butler.get(ref) for ref in _find(butler, "simulated_truth")}
    found = {_key(ref): template_images(butler.get(ref)) for ref in _find(butler, TEMPLATE_METADATA)}
    return with_template_flux(truths, {key: images for key, images in found.items() if images is not None})


def _find(butler: Butler, name: str) -> list[DatasetRef]:
    if not butler.registry.queryDatasetTypes(name):
        return []
    return butler.query_datasets(name, limit=None, explain=False)


def _key(ref: DatasetRef) -> tuple[int, int]:
    return int(ref.dataId["visit"]), int(ref.dataId["detector"])
