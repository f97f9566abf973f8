# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of the task that draws injections."""

from __future__ import annotations

__all__ = ("PSF_QUANTITIES", "QUANTITIES", "GalaxyHostCatalogConfig")

from lsst.pex.config import (
    ChoiceField,
    ConfigField,
    DictField,
    Field,
    FieldValidationError,
    ListField,
    RangeField,
)
from lsst.pipe.base import PipelineTaskConfig

from ..host_injections import InjectionLaws
from .event_config import EventConfig
from .host_catalog_connections import GalaxyHostCatalogConnections
from .object_host_config import ObjectHostConfig

QUANTITIES = (
    "id",
    "ra",
    "dec",
    "x",
    "y",
    "ixx",
    "iyy",
    "ixy",
    "extendedness",
    "flux",
    "point_flux",
    "point_flux_error",
)
"""What the source table must tell about a source."""

PSF_QUANTITIES = ("psf_ixx", "psf_iyy", "psf_ixy")
"""What it must tell about the PSF at a source, if the size of hosts is compared with it."""


class GalaxyHostCatalogConfig(PipelineTaskConfig, pipelineConnections=GalaxyHostCatalogConnections):
    """Configuration of `GalaxyHostCatalogTask`."""

    mode = ChoiceField[str](
        doc="What is injected.",
        allowed={
            "independent": "Sources drawn anew in every visit, beside hosts and anywhere; as published.",
            "coherent": "Supernovae with light curves, the same in all visits and bands, beside hosts.",
            "moving": "Objects that move from visit to visit of a night.",
        },
        default="independent",
    )
    columns = DictField[str, str](
        doc="Column of the source table for each quantity; {band} is replaced by the band of the visit, here "
        "and in flags. Positions in degrees and pixels, moments in square pixels, fluxes in nJy. flux gives "
        "the hosts' magnitudes; point_flux and its error the signal-to-noise for minSnr, and the depth for "
        "the laws of magnitudes by signal-to-noise.",
        default={
            "id": "sourceId",
            "ra": "ra",
            "dec": "dec",
            "x": "x",
            "y": "y",
            "ixx": "ixx",
            "iyy": "iyy",
            "ixy": "ixy",
            "extendedness": "extendedness",
            "flux": "ap12Flux",
            "point_flux": "psfFlux",
            "point_flux_error": "psfFluxErr",
            "psf_ixx": "ixxPSF",
            "psf_iyy": "iyyPSF",
            "psf_ixy": "ixyPSF",
        },
        keyCheck=lambda quantity: quantity in QUANTITIES + PSF_QUANTITIES,
    )
    doObjectHosts = Field[bool](
        doc="Whether hosts are the objects of the coadd, fainter than the visit sees and the same in all "
        "visits, instead of its own sources. The source table then gives positions and depth alone.",
        default=False,
    )
    objectHosts = ConfigField[ObjectHostConfig](doc="The object table; ignored if doObjectHosts is False.")
    doSelectExtended = Field[bool](
        doc="Whether hosts must be extended. If not, any source can be a host, stars too: for crowded fields "
        "without galaxies.",
        default=True,
    )
    minExtendedness = RangeField(
        dtype=float,
        doc="Least extendedness of a host. Values near 1 take only certain galaxies, 0 takes stars too. "
        "Ignored if doSelectExtended is False.",
        default=0.5,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    maxExtendedness = RangeField(
        dtype=float,
        doc="Largest extendedness of a host. With minExtendedness 0 and a value below 1, hosts are stars: "
        "with offsetLaw none, injections are variable stars. Ignored if doSelectExtended is False.",
        default=1.0,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    minSnr = RangeField(
        dtype=float,
        doc="Least signal-to-noise of the point_flux of a host. Low values take noise for galaxies.",
        default=10.0,
        min=0.0,
    )
    minSizeRatio = RangeField(
        dtype=float,
        doc="Least semi-minor axis of a host's moments in units of that of the PSF. A blend of two stars is "
        "extended along one axis alone: 1.1 takes most of them out, with the thinnest and faintest galaxies. "
        "0 asks for nothing. Ignored if hosts are objects, and by offsetLaw none.",
        default=0.0,
        min=0.0,
    )
    maxSemiMajor = RangeField(
        dtype=float,
        doc="Largest semi-major axis of a host's moments in pixels. Large values take blends and failed "
        "moments, small ones lose nearby galaxies.",
        default=30.0,
        min=0.0,
        inclusiveMin=False,
    )
    badFlags = ListField[str](
        doc="Flags that a host must not have. Those that the table does not have are ignored and logged.",
        default=[
            "centroid_flag",
            "shape_flag",
            "pixelFlags_edge",
            "pixelFlags_bad",
            "pixelFlags_nodata",
            "pixelFlags_saturated",
            "pixelFlags_crCenter",
        ],
    )
    goodFlags = ListField[str](
        doc="Flags that a host must have. Those that the table does not have are ignored and logged.",
        default=["detect_isPrimary"],
    )
    margin = RangeField(
        dtype=float,
        doc="Least distance of hosts, and of host-less injections, from the edge of the box in pixels. "
        "Injections near the edge teach that a source whose stamp the edge cuts can be real; with a margin "
        "of half a stamp there are none.",
        default=0.0,
        min=0.0,
    )
    box = ListField[int](
        doc="First column, first row, last column and last row of the usable pixels of a detector. Empty: "
        "the box of all positions in the source table, which falls short by about the distance "
        "of two sources.",
        default=[],
        listCheck=lambda box: len(box) in (0, 4),
    )
    hostFraction = RangeField(
        dtype=float,
        doc="Fraction of the galaxies that get an injection. Large values crowd the image.",
        default=0.03,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    minHosts = RangeField(
        dtype=int,
        doc="Least number of hosts for a detector; all galaxies if there are fewer. For small detectors.",
        default=1,
        min=0,
    )
    maxHosts = RangeField(
        dtype=int,
        doc="Largest number of hosts for a detector.",
        default=5000,
        min=0,
        max=15000,
        inclusiveMax=True,
    )
    hostlessFraction = RangeField(
        dtype=float,
        doc="Number of host-less injections in units of the number of hosts; they are uniform over the box.",
        default=0.05,
        min=0.0,
        max=10.0,
        inclusiveMax=True,
    )
    minHostless = RangeField(
        dtype=int,
        doc="Least number of host-less injections for a detector.",
        default=0,
        min=0,
        max=1000,
        inclusiveMax=True,
    )
    offsetLaw = ChoiceField[str](
        doc="Law of the offsets from the host. Ignored by the other modes: coherent injections have the law "
        "elliptical_normal.",
        allowed={
            "signed_normal": "Signed radius from N(0, a) in a uniform direction; as published.",
            "elliptical_normal": "From a normal distribution with the moments of the host.",
            "light": "Following the light: a Sérsic profile with the moments of the host.",
            "none": "On the host: variable stars and nuclei.",
        },
        default="signed_normal",
    )
    sersicIndex = RangeField(
        dtype=float,
        doc="Sérsic index for offsetLaw light: 1 is a disc, 4 a bulge with many injections far out. Ignored "
        "by other laws.",
        default=1.0,
        min=0.2,
        max=8.0,
        inclusiveMax=True,
    )
    magnitudeLaw = ChoiceField[str](
        doc="Law of the magnitudes of hosted injections.",
        allowed={
            "host": "Uniform from the host's magnitude − magnitudeBrighter to + magnitudeFainter.",
            "snr_uniform": "Uniform in the signal-to-noise of a point source from minInjectedSnr to "
            "maxInjectedSnr; fills the hard region near the detection limit.",
            "snr_log_uniform": "Uniform in its logarithm: as many faint ones for a range that reaches up to "
            "the brightest transients.",
        },
        default="host",
    )
    magnitudeBrighter = RangeField(
        dtype=float,
        doc="For magnitudeLaw host, in mag; may be negative.",
        default=1.0,
        min=-10.0,
        max=10.0,
        inclusiveMax=True,
    )
    magnitudeFainter = RangeField(
        dtype=float,
        doc="For magnitudeLaw host, in mag; may be negative.",
        default=3.0,
        min=-10.0,
        max=10.0,
        inclusiveMax=True,
    )
    minInjectedSnr = RangeField(
        dtype=float,
        doc="For magnitudeLaw snr_uniform and snr_log_uniform.",
        default=3.0,
        min=0.0,
        inclusiveMin=False,
    )
    maxInjectedSnr = RangeField(
        dtype=float, doc="For magnitudeLaw snr_uniform and snr_log_uniform.", default=50.0, min=0.0
    )
    hostlessMagnitudeLaw = ChoiceField[str](
        doc="Law of the magnitudes of host-less injections.",
        allowed={
            "pooled": "That of hosted ones, each for a galaxy of the detector taken at random.",
            "uniform": "Uniform from minHostlessMagnitude to maxHostlessMagnitude.",
        },
        default="pooled",
    )
    minHostlessMagnitude = Field[float](
        doc="For hostlessMagnitudeLaw uniform, and for pooled where there is no galaxy.", default=18.0
    )
    maxHostlessMagnitude = Field[float](
        doc="For hostlessMagnitudeLaw uniform, and for pooled where there is no galaxy.", default=25.0
    )
    events = ConfigField[EventConfig](doc="Events of modes coherent and moving; ignored by the default mode.")
    astrometryOrder = RangeField(
        dtype=int,
        doc="Order of the polynomial from pixels to the tangent plane that is fitted to the source table. "
        "Higher orders follow stronger distortion, and need more sources.",
        default=3,
        min=1,
        max=7,
        inclusiveMax=True,
    )
    maxAstrometryRms = RangeField(
        dtype=float,
        doc="Largest root mean square residual of that fit in pixels; beyond it the quantum fails.",
        default=0.02,
        min=0.0,
        inclusiveMin=False,
    )
    seed = Field[int](
        doc="Another value draws other injections. The same value gives the same catalogue for a visit and "
        "detector in any process and order.",
        default=0,
    )

    def source_quantities(self) -> tuple[str, ...]:
        """Return what the source table must tell.

        Returns
        -------
        quantities : `tuple` [`str`, ...]
            Keys of ``columns``.
        """
        extended = self.doSelectExtended and not self.doObjectHosts
        needed = tuple(quantity for quantity in QUANTITIES if quantity != "extendedness" or extended)
        return needed + (PSF_QUANTITIES if self.minSizeRatio > 0 and not self.doObjectHosts else ())

    def laws(self) -> InjectionLaws:
        """Return the configured laws.

        Returns
        -------
        laws : `lsst.transient.bogus.host_injections.InjectionLaws`
            The laws that offsets and magnitudes are drawn from.
        """
        return InjectionLaws(
            offset=self.offsetLaw,
            sersic_index=self.sersicIndex,
            magnitude=self.magnitudeLaw,
            brighter=self.magnitudeBrighter,
            fainter=self.magnitudeFainter,
            snr=(self.minInjectedSnr, self.maxInjectedSnr),
            hostless_magnitude=self.hostlessMagnitudeLaw,
            hostless_range=(self.minHostlessMagnitude, self.maxHostlessMagnitude),
        )

    def validate(self) -> None:
        super().validate()
        wanted = QUANTITIES + (PSF_QUANTITIES if self.minSizeRatio > 0 else ())
        missing = [quantity for quantity in wanted if quantity not in self.columns]
        if missing:
            raise FieldValidationError(GalaxyHostCatalogConfig.columns, self, f"No column for {missing}.")
        for low, high in (
            ("minHosts", "maxHosts"),
            ("minInjectedSnr", "maxInjectedSnr"),
            ("minHostlessMagnitude", "maxHostlessMagnitude"),
            ("minExtendedness", "maxExtendedness"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise FieldValidationError(self._fields[high], self, f"It is less than {low}.")
        if self.magnitudeFainter < -self.magnitudeBrighter:
            raise FieldValidationError(
                GalaxyHostCatalogConfig.magnitudeFainter, self, "It is less than -magnitudeBrighter."
            )
