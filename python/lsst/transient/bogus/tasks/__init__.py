# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The native tasks: the same in the stack and in the pip world."""
