# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host catalogue of Hyper Suprime-Cam."""

# Trimmed science pixels of every detector.
config.box = [0, 0, 2047, 4175]
# Maunakea, 155.476 degrees west: nights of moving objects, as in lightCurve.py.
config.events.nightOffset = -155.476 / 360.0
