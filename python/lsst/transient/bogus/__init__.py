# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell transients from bogus detections in difference images by injection, without human labels."""

from .version import __version__

__all__ = ("__version__",)
