# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of injected sources and of their match to DIA sources."""

from __future__ import annotations

__all__ = ("INJECTED_CATALOG", "INJECTED_MATCH", "INJECTION_CATALOG")

from ._schema import Column, TableSchema

_VD = ("instrument", "visit", "detector")

_INJECTION = (
    Column("injection_id", "i8", "Identifier, unique over the survey."),
    Column("ra", "f8", "Right ascension of the injection (ICRS).", "deg"),
    Column("dec", "f8", "Declination of the injection (ICRS).", "deg"),
    Column("x", "f8", "Column of the injection, in parent pixel coordinates.", "pix"),
    Column("y", "f8", "Row of the injection, in parent pixel coordinates.", "pix"),
    Column("mag", "f8", "AB magnitude.", "mag"),
    Column("band", "str", "Band."),
    Column("visit", "i8", "Visit for which the injection was drawn."),
    Column("detector", "i4", "Detector for which the injection was drawn."),
    Column("source_type", "str", "GalSim class of the injection; Star for a point source."),
    Column("host_id", "i8", "sourceId (or objectId) of the host; 0 if host-less."),
    Column("host_mag", "f8", "AB magnitude of the host; NaN if host-less.", "mag"),
    Column("host_ra", "f8", "Right ascension of the host (ICRS); NaN if host-less.", "deg"),
    Column("host_dec", "f8", "Declination of the host (ICRS); NaN if host-less.", "deg"),
    Column("host_semi_major", "f8", "Semi-major axis of the host's moments; NaN if host-less.", "arcsec"),
    Column("host_semi_minor", "f8", "Semi-minor axis of the host's moments; NaN if host-less.", "arcsec"),
    Column("host_pa", "f8", "Position angle of the host, east of north; NaN if host-less.", "deg"),
    Column("offset_arcsec", "f8", "Separation of injection and host; NaN if host-less.", "arcsec"),
    Column("is_hostless", "?", "Drawn without a host."),
    Column("host_x", "f8", "Column of the host; NaN if host-less.", "pix", optional=True),
    Column("host_y", "f8", "Row of the host; NaN if host-less.", "pix", optional=True),
    Column("event_id", "i8", "Event that is the same in all visits and bands.", optional=True),
)

INJECTION_CATALOG = TableSchema(
    "transient_injection_catalog",
    _VD,
    "One row per source to inject into a visit image.",
    _INJECTION,
)

INJECTED_CATALOG = TableSchema(
    "injected_visit_image_catalog",
    _VD,
    "One row per row of the injection catalogue, with the outcome of the injection.",
    (
        *_INJECTION,
        Column("injection_flag", "i8", "Bits that say why a source was not injected as asked; 0 if it was."),
        Column("injection_draw_size", "i8", "Side of the stamp on which the source was drawn.", "pix"),
    ),
)

INJECTED_MATCH = TableSchema(
    "injected_matched_dia_source",
    _VD,
    "One row per injection, matched or not, with the DIA source it was found as.",
    (
        *INJECTED_CATALOG.columns,
        Column("diaSourceId", "i8", "Matched DIA source; 0 if the injection was not found."),
        Column("dist_diaSrc", "f8", "Separation of the match; -1 if the injection was not found.", "arcsec"),
    ),
)
