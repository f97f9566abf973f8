# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Light curves of Hyper Suprime-Cam."""

# Maunakea, 155.476 degrees west.
config.nightOffset = -155.476 / 360.0
