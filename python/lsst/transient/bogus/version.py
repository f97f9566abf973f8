# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of this package, read by the build without importing anything."""

__all__ = ("__version__",)

__version__ = "0.1.0"
