# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Truth of simulated surveys: read by evaluation alone."""

from __future__ import annotations

__all__ = ("SIMULATED_TRUTH",)

from ._schema import Column, TableSchema

SIMULATED_TRUTH = TableSchema(
    "simulated_truth",
    ("instrument", "visit", "detector"),
    "One row per changing astrophysical source on a simulated detector, detectable or not.",
    (
        Column("truth_id", "i8", "Astrophysical object; the same in every visit and band."),
        Column("kind", "str", "supernova, variable_star, nucleus or moving."),
        Column("ra", "f8", "True right ascension at this epoch (ICRS).", "deg"),
        Column("dec", "f8", "True declination at this epoch (ICRS).", "deg"),
        Column("x", "f8", "True column.", "pix"),
        Column("y", "f8", "True row.", "pix"),
        Column("band", "str", "Band."),
        Column("midpointMjdTai", "f8", "TAI MJD of the middle of the exposure.", "d"),
        Column("flux", "f8", "True flux at this epoch.", "nJy"),
        Column(
            "reference_flux",
            "f8",
            "Mean true flux over all other nights in this band; what a template holds depends on its images.",
            "nJy",
        ),
        Column(
            "flux_sigma", "f8", "Standard error of a PSF flux at this epoch from sky and read noise.", "nJy"
        ),
        Column("host_id", "i8", "Simulated host galaxy; 0 if none."),
    ),
)
