# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a survey's scores are worth: subsets, metric tables and curves, on tables alone."""
