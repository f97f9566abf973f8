# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of injected events that all visits share."""

from __future__ import annotations

__all__ = ("EventConfig",)

from lsst.pex.config import Config, DictField, Field, FieldValidationError, RangeField

from ..event_injections import Movers
from ..events import LightCurve


class EventConfig(Config):
    """Supernovae with light curves, and moving objects."""

    rate = RangeField(
        dtype=float,
        doc="For mode coherent: fraction of the anchors that can be the place of an event. A galaxy with the "
        "axes a and b in arcsec has 2.4 a b rate of them on the average; one alone has an event in a period.",
        default=0.1,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    period = RangeField(
        dtype=float,
        doc="For mode coherent: days from one event at an anchor to the next. Short periods cut light curves "
        "off, long ones leave most anchors dark.",
        default=120.0,
        min=60.0,
    )
    minMagnitude = Field[float](
        doc="For modes coherent (at the peak) and moving: brightest magnitude.", default=20.0
    )
    maxMagnitude = Field[float](
        doc="For modes coherent (at the peak) and moving: faintest magnitude.", default=24.5
    )
    rise = RangeField(
        dtype=float, doc="For mode coherent: time scale of the rise in days.", default=4.0, min=0.5
    )
    fall = RangeField(
        dtype=float,
        doc="For mode coherent: time scale of the decline in days, stretched by 0.8 to 1.3 from "
        "event to event.",
        default=22.0,
        min=1.0,
    )
    colours = DictField[str, float](
        doc="For mode coherent: magnitudes that a band is fainter at the peak; 0 for bands "
        "that are not listed.",
        default={"u": 1.0, "g": 0.1, "r": 0.0, "i": 0.3, "z": 0.5, "y": 0.7},
    )
    fallByBand = DictField[str, float](
        doc="For mode coherent: factor on fall by band; 1 for bands that are not listed.",
        default={"u": 0.6, "g": 0.8, "r": 1.0, "i": 1.2, "z": 1.3, "y": 1.3},
    )
    faintest = Field[float](
        doc="For mode coherent: events are left out of a visit while they are fainter than this magnitude.",
        default=27.0,
    )
    moverRate = RangeField(
        dtype=float,
        doc="For mode moving: fraction of the anchors, of which there are 1388 in a square arcmin, with an "
        "object in a night.",
        default=1e-3,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    minSpeed = RangeField(
        dtype=float, doc="For mode moving: lowest speed in arcsec per hour.", default=1.0, min=0.0
    )
    maxSpeed = RangeField(
        dtype=float,
        doc="For mode moving: highest speed in arcsec per hour. Sources are injected as points: objects that "
        "move by more than the PSF within an exposure would be trails.",
        default=40.0,
        min=0.0,
    )
    nightOffset = Field[float](
        doc="For mode moving: offset in days that is added to the MJD so that no night has a change of the "
        "integer of MJD - 0.5 in it; about the longitude of the observatory in units of 360 degrees.",
        default=0.0,
    )

    def light_curve(self) -> LightCurve:
        """Return the configured light curves.

        Returns
        -------
        light_curve : `lsst.transient.bogus.events.LightCurve`
            Light curves of mode ``coherent``.
        """
        return LightCurve(
            period=self.period,
            peak=(self.minMagnitude, self.maxMagnitude),
            rise=self.rise,
            fall=self.fall,
            colours=dict(self.colours),
            fall_by_band=dict(self.fallByBand),
        )

    def movers(self) -> Movers:
        """Return the configured moving objects.

        Returns
        -------
        movers : `lsst.transient.bogus.event_injections.Movers`
            Objects of mode ``moving``.
        """
        return Movers(
            rate=self.moverRate,
            speed=(self.minSpeed, self.maxSpeed),
            magnitude=(self.minMagnitude, self.maxMagnitude),
        )

    def validate(self) -> None:
        super().validate()
        for low, high in (("minMagnitude", "maxMagnitude"), ("minSpeed", "maxSpeed")):
            if getattr(self, low) > getattr(self, high):
                raise FieldValidationError(self._fields[high], self, f"It is less than {low}.")
        if self.fall * min([1.0, *self.fallByBand.values()]) <= 2.0 * self.rise:
            raise FieldValidationError(EventConfig.fall, self, "It must be over twice rise in every band.")
