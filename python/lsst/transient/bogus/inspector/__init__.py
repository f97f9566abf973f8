# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page to look at anything: embedding, stamps, scores and light curves, linked, in one HTML file."""

from .gather import Inspection, gather_inspection
from .page import render_page
from .write import write_inspector

__all__ = ("Inspection", "gather_inspection", "render_page", "write_inspector")
