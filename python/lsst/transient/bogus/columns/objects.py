# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of objects: light curves and the candidates that they confirm."""

from __future__ import annotations

__all__ = ("DIA_OBJECT", "LIGHT_CURVES", "OBJECTS")

from ._schema import Column, TableSchema

_SHARD = ("instrument", "htm7")

DIA_OBJECT = TableSchema(
    "dia_object_htm7",
    _SHARD,
    "One row per DIA object whose flux is to be forced in every visit.",
    (
        Column("diaObjectId", "i8", "Object."),
        Column("ra", "f8", "Mean right ascension (ICRS).", "deg"),
        Column("dec", "f8", "Mean declination (ICRS).", "deg"),
        Column("nDiaSources", "i4", "Number of DIA sources."),
    ),
)

OBJECTS = TableSchema(
    "transient_objects",
    _SHARD,
    "One row per object: DIA sources of all visits matched on the sky.",
    (
        Column("diaObjectId", "i8", "Object."),
        Column("ra", "f8", "Mean right ascension (ICRS).", "deg"),
        Column("dec", "f8", "Mean declination (ICRS).", "deg"),
        Column("raErr", "f4", "Standard error of ra cos(dec).", "deg"),
        Column("decErr", "f4", "Standard error of dec.", "deg"),
        Column("n_detections", "i4", "Number of DIA sources."),
        Column("n_nights", "i4", "Number of nights with a DIA source."),
        Column(
            "n_nights_above",
            "i4",
            "Number of nights with a score above the working threshold, but for echoes in the template.",
        ),
        Column(
            "n_nights_supporting",
            "i4",
            "Number of nights with a score above the prior, a negative detection that counts, or a "
            "significant forced flux.",
        ),
        Column("n_bands", "i4", "Number of bands with a DIA source."),
        Column("bands", "str", "Bands with a DIA source, in alphabetical order."),
        Column("detections_by_band", "str", "Number of DIA sources in each band, as g3 r5."),
        Column("nights_by_band", "str", "Number of nights with a DIA source in each band, as g2 r5."),
        Column("max_score", "f4", "Highest calibrated score."),
        Column("mean_score", "f4", "Mean calibrated score."),
        Column("score_scatter", "f4", "Standard deviation of the calibrated score over the detections."),
        Column("first_score", "f4", "Calibrated score of the first detection that has one."),
        Column("last_score", "f4", "Calibrated score of the last detection that has one."),
        Column("probability", "f4", "Combined probability, corrected for correlated epochs."),
        Column(
            "log_likelihood_ratio", "f4", "Log likelihood ratio: the sum of those that follow, each clipped."
        ),
        Column("score_log_ratio", "f4", "Log likelihood ratio of the scores."),
        Column("curve_log_ratio", "f4", "Log likelihood ratio of the light curve, clipped."),
        Column(
            "position_log_ratio", "f4", "Log likelihood ratio of the scatter of the positions, not clipped."
        ),
        Column("peak_snr", "f4", "Highest significance."),
        Column("peak_flux", "f4", "Difference flux of largest absolute value.", "nJy"),
        Column("peak_mjd", "f8", "TAI MJD of the peak.", "d"),
        Column("first_mjd", "f8", "TAI MJD of the first detection.", "d"),
        Column("last_mjd", "f8", "TAI MJD of the last detection.", "d"),
        Column("duration", "f4", "Time between first and last detection.", "d"),
        Column("negative_fraction", "f4", "Fraction of negative detections."),
        Column("persistence", "f4", "Fraction of the epochs, detected or forced, with a DIA source."),
        Column("chi2_constant", "f4", "Reduced chi-squared of a constant flux per band."),
        Column("rise_rate", "f4", "Slope of log flux before the peak; NaN if unknown.", "1/d"),
        Column("fade_rate", "f4", "Slope of log flux after the peak; NaN if unknown.", "1/d"),
        Column("motion", "f4", "Fitted proper motion.", "arcsec/d"),
        Column("motion_significance", "f4", "Fitted motion over its standard error."),
        Column("is_confirmed", "?", "The rule named in the metadata (CONFIRMATION_RULE) holds."),
        Column("n_injected", "i4", "Number of detections that are injections: not a candidate if positive."),
        Column(
            "host_id", "i8", "Nearest galaxy in units of its size; 0 if there is none or none was sought."
        ),
        Column("host_ra", "f8", "Right ascension of the host (ICRS); NaN if unknown.", "deg"),
        Column("host_dec", "f8", "Declination of the host (ICRS); NaN if unknown.", "deg"),
        Column("host_mag", "f4", "AB magnitude of the host; NaN if unknown.", "mag"),
        Column("host_offset", "f4", "Separation from the host; NaN if unknown.", "arcsec"),
        Column(
            "host_normalized_offset",
            "f4",
            "host_offset over the radius of the host in that direction; NaN if unknown.",
        ),
        Column("truth_injection_id", "i8", "Injection that the object is; 0 if none or ambiguous."),
        Column("truth_mag", "f4", "AB magnitude of the injection; NaN if none.", "mag"),
        Column("truth_separation", "f4", "Separation of injection and detection; NaN if none.", "arcsec"),
    ),
)

LIGHT_CURVES = TableSchema(
    "transient_light_curves",
    _SHARD,
    "One row per object and epoch.",
    (
        Column("diaObjectId", "i8", "Object."),
        Column("diaSourceId", "i8", "DIA source; 0 for forced photometry."),
        Column("visit", "i8", "Visit."),
        Column("detector", "i4", "Detector."),
        Column("band", "str", "Band."),
        Column("midpointMjdTai", "f8", "TAI MJD of the middle of the exposure.", "d"),
        Column("ra", "f8", "Right ascension of the detection, or where the flux was forced (ICRS).", "deg"),
        Column("dec", "f8", "Declination of the detection, or where the flux was forced (ICRS).", "deg"),
        Column("night", "i4", "Night: integer part of the local solar MJD."),
        Column("psfFlux", "f4", "Difference flux.", "nJy"),
        Column("psfFluxErr", "f4", "Standard error of psfFlux.", "nJy"),
        Column("snr", "f4", "Absolute significance."),
        Column("score", "f4", "Calibrated probability; NaN for forced photometry."),
        Column("score_std", "f4", "Spread of the networks; NaN for forced photometry."),
        Column("score_flag", "i4", "Flag bits of the score, as in transient_bogus_scores; 0 if forced."),
        Column("is_forced", "?", "Forced photometry: not detected at this epoch."),
        Column(
            "is_injected",
            "?",
            "The detection is an injection, or too close to one to tell; a forced flux holds one.",
        ),
    ),
)
