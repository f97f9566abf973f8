# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connected regions above a threshold, in images of any size and crowding."""

from __future__ import annotations

__all__ = ("extract",)

import threading
from typing import Any

import numpy as np
import sep

_MIN_PIXEL_STACK = 300_000
_SUB_OBJECT_LIMIT = 8192
_LOCK = threading.Lock()


def extract(image: np.ndarray, threshold: float, **options: Any) -> Any:
    """Find connected regions with SEP, with buffers as large as the image may need.

    Parameters
    ----------
    image
        Pixels, C-contiguous, shape (H, W).
    threshold
        Threshold as for `sep.extract`.
    **options
        Further arguments of `sep.extract`.

    Returns
    -------
    found : `numpy.ndarray` or `tuple`
        What `sep.extract` returns: its structured array, and the segmentation
        map if it was asked for.

    Notes
    -----
    SEP's default buffers fail on crowded fields ("object deblending overflow")
    and on large images ("internal pixel buffer full").  Their sizes are global
    to the process, so they are restored.
    """
    with _LOCK:
        stack, limit = sep.get_extract_pixstack(), sep.get_sub_object_limit()
        sep.set_extract_pixstack(max(_MIN_PIXEL_STACK, 2 * image.size))
        sep.set_sub_object_limit(_SUB_OBJECT_LIMIT)
        try:
            return sep.extract(image, threshold, **options)
        finally:
            sep.set_extract_pixstack(stack)
            sep.set_sub_object_limit(limit)
