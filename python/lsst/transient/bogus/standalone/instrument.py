# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras of the pip world, as Butler instruments."""

from __future__ import annotations

__all__ = ("VISIT_SYSTEM", "FrameCamera", "SimulatedCamera")

from collections.abc import Mapping
from typing import Any, ClassVar, Never

from lsst.daf.butler.registry import Registry
from lsst.pipe.base import Instrument
from lsst.utils.introspection import get_full_type_name

VISIT_SYSTEM: tuple[int, str] = (0, "one-to-one")
"""The only visit system of these cameras: every exposure is a visit."""

_ID_MAX = 2**41


class _PlainCamera(Instrument):
    """A camera that is described by its data alone."""

    name: ClassVar[str]
    filters: ClassVar[Mapping[str, str]] = {}
    """Band of each physical filter that is registered with the camera."""

    @classmethod
    def getName(cls) -> str:
        return cls.name

    def getRawFormatter(self, dataId: Any) -> Never:
        raise NotImplementedError(
            f"{self.getName()} has no raw data: its images enter the repository calibrated "
            "(simulate-survey, ingest-frames)."
        )

    def register(self, registry: Registry, *, update: bool = False) -> None:
        self.register_parts(registry, filters=self.filters, update=update)

    def register_parts(
        self,
        registry: Registry,
        *,
        filters: Mapping[str, str],
        detectors: Mapping[int, str] | None = None,
        update: bool = False,
    ) -> None:
        """Register the camera with some of its filters and detectors.

        Parameters
        ----------
        registry
            Registry to write to.
        filters
            Band of each physical filter.
        detectors
            Full name of each detector number.
        update
            Whether to change records that differ, rather than fail.

        Raises
        ------
        lsst.daf.butler.registry.ConflictingDefinitionError
            Raised if a record exists with another definition and ``update``
            is `False`.

        Notes
        -----
        Registering the same parts again changes nothing.
        """
        name = self.getName()
        system_id, system_name = VISIT_SYSTEM
        camera = {
            "name": name,
            "class_name": get_full_type_name(self),
            "detector_max": 65536,
            "visit_max": _ID_MAX,
            "exposure_max": _ID_MAX,
            "visit_system": system_id,
        }
        with registry.transaction():
            registry.syncDimensionData("instrument", camera, update=update)
            system = {"instrument": name, "id": system_id, "name": system_name}
            registry.syncDimensionData("visit_system", system, update=update)
            for physical_filter, band in filters.items():
                record = {"instrument": name, "name": physical_filter, "band": band}
                registry.syncDimensionData("physical_filter", record, update=update)
            for number, full_name in (detectors or {}).items():
                detector = {"instrument": name, "id": number, "full_name": full_name, "purpose": "SCIENCE"}
                registry.syncDimensionData("detector", detector, update=update)


class SimulatedCamera(_PlainCamera):
    """The camera of simulated surveys."""

    name = "SimCam"
    filters: ClassVar[Mapping[str, str]] = {f"sim-{band}": band for band in "ugrizy"}


class FrameCamera(_PlainCamera):
    """The camera that calibrated FITS frames are ingested under."""

    name = "Frames"
