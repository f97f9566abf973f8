# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the results of a collection, and write them as metrics.json and index.html."""

from .reading import Results, read_metrics, read_results
from .summary import summarise
from .tables import read_tables
from .writing import write_report

__all__ = ("Results", "read_metrics", "read_results", "read_tables", "summarise", "write_report")
