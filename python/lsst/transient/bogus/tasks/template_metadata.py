# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the metadata of a task say of the templates that it made."""

from __future__ import annotations

__all__ = ("template_images",)

import numpy as np

from lsst.pipe.base import TaskMetadata

from ..evaluation.template_truth import TemplateImages

_NAMES = ("visits", "detectors", "weights")


def template_images(metadata: TaskMetadata) -> TemplateImages | None:
    """Read which images a template was made of.

    Parameters
    ----------
    metadata
        Metadata of a quantum of the task that made it, with the arrays ``visits``,
        ``detectors`` and ``weights``.

    Returns
    -------
    images : `TemplateImages` or `None`
        `None` if the task did not say.
    """
    for task in (metadata[name] for name in metadata):
        if isinstance(task, TaskMetadata) and all(name in task for name in _NAMES):
            visit, detector, weight = (np.asarray(task.getArray(name)) for name in _NAMES)
            return TemplateImages(visit.astype(np.int64), detector.astype(np.int64), weight.astype(float))
    return None
