# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of what a light curve must show to confirm a transient."""

from __future__ import annotations

__all__ = ("ConfirmationConfig", "EvidenceConfig")

from collections.abc import Iterable

from astropy.table import Table

from lsst.pex.config import Config, Field, RangeField

from ..errors import TableSchemaError
from ..evidence import ConfirmationRule, EvidenceModel

_MIN_PRIOR = 1e-6


class EvidenceConfig(Config):
    """How the scores of one object's epochs are taken together."""

    prior = RangeField(
        dtype=float,
        doc="Probability of a transient that the calibrated scores assume before a stamp is seen: the share "
        "of transients in the population on which they are calibrated. Too small makes every score strong "
        "evidence, too large makes every score weak. Unset, the scores' own (PRIOR in their metadata).",
        default=None,
        optional=True,
        min=0.0,
        max=1.0,
        inclusiveMin=False,
        inclusiveMax=False,
    )
    maxLogRatio = RangeField(
        dtype=float,
        doc="Largest absolute log likelihood ratio of one epoch. Small values ask for more epochs; large "
        "values let one overconfident stamp decide.",
        default=5.0,
        min=0.0,
        inclusiveMin=False,
    )
    nightCorrelation = RangeField(
        dtype=float,
        doc="Correlation of the evidence of two epochs of one night. 0 counts every epoch in full, 1 counts "
        "a night once, at its mean.",
        default=0.7,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    correlation = RangeField(
        dtype=float,
        doc="Correlation of the evidence of two nights: residuals of a bright star look alike every night. "
        "0 counts every night in full, 1 makes further nights worthless.",
        default=0.3,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )

    failureRate = RangeField(
        dtype=float,
        doc="Share of a transient's epochs that look like anything but one: blends, cosmic rays, stamps that "
        "the networks do not understand. It bounds what a low score can say against an object. 0 lets one "
        "failed epoch reject a transient.",
        default=0.05,
        min=0.0,
        max=1.0,
        inclusiveMin=False,
        inclusiveMax=False,
    )
    negativeFailureRate = RangeField(
        dtype=float,
        doc="The same for negative detections: injections are positive, so that networks know little of "
        "sources that are in the template and have faded. Near 1, a low score of one says nothing.",
        default=0.5,
        min=0.0,
        max=1.0,
        inclusiveMin=False,
        inclusiveMax=False,
    )
    maxCurveRatio = RangeField(
        dtype=float,
        doc="Largest absolute log likelihood ratio of the light curve. 0 leaves all to the scores.",
        default=3.0,
        min=0.0,
    )
    maxPositionRatio = RangeField(
        dtype=float,
        doc="Largest absolute log likelihood ratio of the scatter of the positions. At 0 it is in the "
        "table and does not count: where the errors of centroids are not exact it says little.",
        default=0.0,
        min=0.0,
    )

    templateEchoes = Field[bool](
        doc="Whether templates are made of visits of the survey. Then detections of the sign opposite to the "
        "only other detection of their object and band may be its echo in the template, and count neither as "
        "evidence nor as a night. Switch off for templates of another epoch.",
        default=True,
    )

    def model(self, scores: Iterable[Table]) -> EvidenceModel:
        """Return the values as the pure functions take them.

        Parameters
        ----------
        scores
            Tables of scores, whose metadata tell the prior if it is not
            configured.

        Returns
        -------
        model : `EvidenceModel`
            Prior, clipping and correlations.

        Raises
        ------
        TableSchemaError
            Raised if the tables are of models with different priors, or do not
            tell theirs.
        """
        return EvidenceModel(
            prior=self._prior(scores) if self.prior is None else self.prior,
            max_log_ratio=self.maxLogRatio,
            night_correlation=self.nightCorrelation,
            correlation=self.correlation,
            failure_rate=self.failureRate,
            negative_failure_rate=self.negativeFailureRate,
            max_curve_ratio=self.maxCurveRatio,
            max_position_ratio=self.maxPositionRatio,
            template_echoes=self.templateEchoes,
        )

    def _prior(self, scores: Iterable[Table]) -> float:
        """Return the prior of the scores; even odds without any."""
        found = {table.meta.get("PRIOR") for table in scores}
        if not found:
            return 0.5
        if len(found) > 1 or None in found:
            raise TableSchemaError(
                f"Scores must be of one model, with one prior; found {sorted(map(str, found))}. "
                "Set evidence.prior, or score all detectors again."
            )
        return min(max(float(found.pop()), _MIN_PRIOR), 1.0 - _MIN_PRIOR)


class ConfirmationConfig(Config):
    """What makes an object a confirmed transient; an object with injections never is."""

    scoreThreshold = RangeField(
        dtype=float,
        doc="Working threshold: a night counts towards minNightsAbove with a score above it. Scores are "
        "small where few detections are real: that of many a transient is below one half in all nights.",
        default=0.25,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    minNightsAbove = RangeField(
        dtype=int,
        doc="Least number of nights with a score above the threshold. 2 asks for certainty twice, and loses "
        "what is bright in one night alone.",
        default=1,
        min=0,
    )
    minNights = RangeField(
        dtype=int,
        doc="Least number of nights that support the object: with a score above the prior, with a negative "
        "detection where two positive ones of its band are above the threshold, or with a forced flux of "
        "minForcedSnr. 1 confirms movers and cosmic rays.",
        default=2,
        min=1,
    )
    minForcedSnr = RangeField(
        dtype=float,
        doc="Significance from which a forced flux, of the sign of the most significant detection, makes its "
        "night a supporting one. Small values let noise confirm what was detected in one night: at 4, one "
        "object in a thousand with thirty forced epochs. Infinite: detections alone count.",
        default=4.0,
        min=0.0,
    )
    minProbability = RangeField(
        dtype=float,
        doc="The combined probability must exceed this.",
        default=0.9,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    minPeakSnr = RangeField(
        dtype=float,
        doc="Least peak significance; 0 ignores it.",
        default=0.0,
        min=0.0,
    )
    maxNegativeFraction = RangeField(
        dtype=float,
        doc="Largest fraction of negative detections. 1 keeps variable stars and transients that are in "
        "the template.",
        default=1.0,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    maxMotion = RangeField(
        dtype=float,
        doc="Largest motion in arcsec/d, where it is significant.",
        default=0.05,
        min=0.0,
    )
    maxMotionSignificance = RangeField(
        dtype=float,
        doc="Significance from which a motion counts (Rayleigh distributed without motion).",
        default=5.0,
        min=0.0,
    )

    def rule(self) -> ConfirmationRule:
        """Return the values as the pure functions take them.

        Returns
        -------
        rule : `ConfirmationRule`
            Thresholds of the rule.
        """
        return ConfirmationRule(
            score_threshold=self.scoreThreshold,
            min_nights_above=self.minNightsAbove,
            min_nights=self.minNights,
            min_forced_snr=self.minForcedSnr,
            min_probability=self.minProbability,
            min_peak_snr=self.minPeakSnr,
            max_negative_fraction=self.maxNegativeFraction,
            max_motion=self.maxMotion,
            max_motion_significance=self.maxMotionSignificance,
        )
