# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures, drawn from tables; matplotlib is imported only when one is drawn."""
