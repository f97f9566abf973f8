# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutouts of the LSST cameras."""

# Mask planes that other cameras do not have, and that are where bogus detections are.
config.maskBits["SUSPECT"] = "SUSPECT SPIKE CROSSTALK ITL_DIP VIGNETTED PARTLY_VIGNETTED"
