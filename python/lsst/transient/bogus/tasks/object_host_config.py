# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of hosts from a table of coadd objects."""

from __future__ import annotations

__all__ = ("OBJECT_QUANTITIES", "ObjectHostConfig")

from lsst.pex.config import Config, DictField, FieldValidationError, ListField, RangeField

OBJECT_QUANTITIES = (
    "id",
    "ra",
    "dec",
    "ixx",
    "iyy",
    "ixy",
    "extendedness",
    "flux",
    "point_flux",
    "point_flux_error",
)
"""What the object table must tell about an object."""


class ObjectHostConfig(Config):
    """Columns of the object table."""

    columns = DictField[str, str](
        doc="Column of the object table for each quantity; {band} is replaced by the band of the visit. "
        "Positions in degrees, fluxes in nJy.",
        default={
            "id": "objectId",
            "ra": "coord_ra",
            "dec": "coord_dec",
            "ixx": "shape_xx",
            "iyy": "shape_yy",
            "ixy": "shape_xy",
            "extendedness": "refExtendedness",
            "flux": "{band}_cModelFlux",
            "point_flux": "{band}_psfFlux",
            "point_flux_error": "{band}_psfFluxErr",
        },
        keyCheck=lambda quantity: quantity in OBJECT_QUANTITIES,
    )
    badFlags = ListField[str](
        doc="Flags that a host must not have; {band} is replaced by the band of the visit.",
        default=["shape_flag", "{band}_cModel_flag"],
    )
    goodFlags = ListField[str](
        doc="Flags that a host must have; {band} is replaced by the band of the visit. They keep "
        "objects from counting twice where tracts overlap.",
        default=["detect_isPrimary"],
    )
    momentScale = RangeField(
        dtype=float,
        doc="Arcsec for each unit of the square root of the moments: the pixel scale of the coadd if they "
        "are in square pixels, 1 if they are in square arcsec.",
        default=1.0,
        min=0.0,
        inclusiveMin=False,
    )

    def validate(self) -> None:
        super().validate()
        missing = [quantity for quantity in OBJECT_QUANTITIES if quantity not in self.columns]
        if missing:
            raise FieldValidationError(ObjectHostConfig.columns, self, f"No column for {missing}.")
