# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that draws the sources to inject beside the galaxies of a visit and detector."""

from __future__ import annotations

__all__ = ("GalaxyHostCatalogConfig", "GalaxyHostCatalogConnections", "GalaxyHostCatalogTask")

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
from astropy.table import Table

from lsst.pipe.base import (
    InputQuantizedConnection,
    InvalidQuantumError,
    OutputQuantizedConnection,
    PipelineTask,
    QuantumContext,
    Struct,
    UpstreamFailureNoWorkFound,
)

from ..columns import INJECTION_CATALOG
from ..event_injections import draw_coherent, draw_moving
from ..geometry import SkyMap, fit_sky_map, separation_arcsec
from ..handles import read_table
from ..host_injections import Box, HostSources, draw_hosted, draw_hostless
from ..hosts import choose_hosts, is_within, stochastic_round
from ..ids import MAX_ROWS, pack_ids
from ..injection_laws import faint_flux_error, flux_to_magnitude
from ..object_hosts import hosts_from_objects, is_near
from ..seeds import generator
from .host_catalog_config import GalaxyHostCatalogConfig
from .host_catalog_connections import GalaxyHostCatalogConnections
from .host_selection import can_host, pick_columns, select_flags


class GalaxyHostCatalogTask(PipelineTask):
    """Draw the sources to inject into one visit image: supernova-like, beside its galaxies.

    A random fraction of the galaxies get a point source at a random offset and
    magnitude; a few more are placed anywhere.  All random numbers depend on seed,
    visit and detector alone; those of events that all visits share on seed and sky
    alone.
    """

    ConfigClass = GalaxyHostCatalogConfig
    _DefaultName: ClassVar[str] = "hostCatalog"
    config: GalaxyHostCatalogConfig

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        data_id: Any = butlerQC.quantum.dataId
        inputs = butlerQC.get(inputRefs)
        timespan = data_id.timespan
        outputs = self.run(
            sources=inputs["sources"],
            objects=inputs.get("objects", ()),
            visit=int(data_id["visit"]),
            detector=int(data_id["detector"]),
            band=str(data_id["band"]),
            mjd=None if timespan is None else float((timespan.begin.tai.mjd + timespan.end.tai.mjd) / 2),
        )
        butlerQC.put(outputs, outputRefs)

    def run(
        self,
        *,
        sources: Table,
        visit: int,
        detector: int,
        band: str,
        mjd: float | None = None,
        objects: Sequence[Any] = (),
    ) -> Struct:
        """Draw the injection catalogue of a visit and detector.

        Parameters
        ----------
        sources
            Sources of the visit image; columns as configured.
        visit
            Visit.
        detector
            Detector.
        band
            Band.
        mjd
            Middle of the exposure (TAI MJD); only for modes coherent and moving.
        objects
            Handles of the object tables of the tracts that overlap the detector; only
            if ``doObjectHosts`` is set.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``injection_catalog``
            (`astropy.table.Table`), see
            `lsst.transient.bogus.columns.INJECTION_CATALOG`; without hosted rows if
            there is no galaxy.

        Raises
        ------
        lsst.transient.bogus.errors.AstrometryFitError
            Raised if pixels and sky of the sources do not fit together.
        lsst.transient.bogus.errors.TableSchemaError
            Raised if the source table has not the configured columns.
        lsst.pipe.base.InvalidQuantumError
            Raised if the mode needs a time and there is none, or if the configuration
            makes more injections than can have an identifier.
        lsst.pipe.base.UpstreamFailureNoWorkFound
            Raised if hosts are objects and there is no object table.
        """
        where = f"visit {visit}, detector {detector}"
        rng = generator("hosts", self.config.seed, visit, detector)
        hosts_table, can_be = self._read(sources, band, where)
        sky_map = fit_sky_map(
            hosts_table.x,
            hosts_table.y,
            hosts_table.ra,
            hosts_table.dec,
            order=self.config.astrometryOrder,
            max_rms_pixel=self.config.maxAstrometryRms,
            where=where,
        )
        box = self._box(hosts_table)
        if self.config.doObjectHosts:
            hosts_table, can_be = self._read_objects(
                objects, sky_map, box, hosts_table.point_flux_error, band, where
            )
        candidates = np.flatnonzero(can_be & is_within(hosts_table.x, hosts_table.y, box, self.config.margin))
        if self.config.mode == "independent":
            data = self._draw(hosts_table, candidates, sky_map, box, rng)
        elif mjd is None:
            raise InvalidQuantumError(f"Mode {self.config.mode} needs a time; {where} has none.")
        else:
            data = self._draw_events(hosts_table, candidates, sky_map, box, mjd, band)
        n = len(data["x"])
        if n > MAX_ROWS:
            raise InvalidQuantumError(
                f"{n} injections were drawn for {where}; at most {MAX_ROWS} can have an ID."
            )
        data["ra"], data["dec"] = sky_map.pixel_to_sky(data["x"], data["y"])
        data["offset_arcsec"] = separation_arcsec(data["ra"], data["dec"], data["host_ra"], data["host_dec"])
        data |= {
            "injection_id": pack_ids(visit, detector, n),
            "band": np.full(n, band),
            "visit": np.full(n, visit),
            "detector": np.full(n, detector),
            "source_type": np.full(n, "Star"),
        }
        self._report(len(sources), len(candidates), data["is_hostless"], sky_map, where)
        meta = {
            "SEED": self.config.seed,
            "MODE": self.config.mode,
            "BOX": list(box),
            "PIXEL_SCALE": sky_map.pixel_scale,
            **self.config.laws().metadata(self.config.mode),
        }
        return Struct(injection_catalog=INJECTION_CATALOG.build(data, meta=meta))

    def _read(self, sources: Table, band: str, where: str) -> tuple[HostSources, np.ndarray]:
        """Pick the configured columns of the sources, and tell which can be hosts."""
        names = {q: self.config.columns[q].format(band=band) for q in self.config.source_quantities()}
        columns = pick_columns(sources, names, f"source table of {where}")
        moments = (columns["ixx"], columns["iyy"], columns["ixy"])
        table = HostSources(
            ids=columns["id"],
            **{q: columns[q] for q in ("ra", "dec", "x", "y", "ixx", "iyy", "ixy")},
            magnitude=flux_to_magnitude(columns["flux"]),
            point_flux_error=faint_flux_error(columns["point_flux"], columns["point_flux_error"]),
        )
        if self.config.doObjectHosts:
            return table, np.zeros(len(sources), dtype=bool)
        flags = (self.config.badFlags, self.config.goodFlags)
        passes, absent = select_flags(sources, *([f.format(band=band) for f in group] for group in flags))
        if absent:
            self.log.info("The source table has no flags %s; they are ignored.", absent)
        return table, passes & can_host(columns, moments, self.config)

    def _read_objects(
        self, objects: Sequence[Any], sky_map: SkyMap, box: Box, depth: float, band: str, where: str
    ) -> tuple[HostSources, np.ndarray]:
        """Pick the configured columns of the objects near the detector, and tell which can be hosts."""
        config = self.config.objectHosts
        names = {
            q: n.format(band=band)
            for q, n in config.columns.items()
            if q != "extendedness" or self.config.doSelectExtended
        }
        flags = [[flag.format(band=band) for flag in group] for group in (config.badFlags, config.goodFlags)]
        parts, passes = [], []
        for handle in objects:
            table = read_table(handle, dict.fromkeys([*names.values(), *flags[0], *flags[1]]))
            columns = pick_columns(table, names, f"object table of {where}")
            near = is_near(columns["ra"], columns["dec"], sky_map, box)
            parts.append({q: values[near] for q, values in columns.items()})
            passes.append(select_flags(table, *flags)[0][near])
        if not parts:
            raise UpstreamFailureNoWorkFound(f"There is no object table for {where}.")
        merged = {q: np.concatenate([part[q] for part in parts]) for q in names}
        hosts = hosts_from_objects(merged, sky_map, moment_scale=config.momentScale, point_flux_error=depth)
        chosen = can_host(merged, (hosts.ixx, hosts.iyy, hosts.ixy), self.config)
        return hosts, chosen & np.concatenate(passes)

    def _box(self, table: HostSources) -> Box:
        """Return the box of usable pixels."""
        if self.config.box:
            return cast(Box, tuple(float(b) for b in self.config.box))
        limits = (np.nanmin(table.x), np.nanmin(table.y), np.nanmax(table.x), np.nanmax(table.y))
        return cast(Box, tuple(float(b) for b in limits))

    def _draw(
        self,
        table: HostSources,
        candidates: np.ndarray,
        sky_map: SkyMap,
        box: Box,
        rng: np.random.Generator,
    ) -> dict[str, np.ndarray]:
        """Choose hosts and draw all injections."""
        laws = self.config.laws()
        hosts = choose_hosts(
            candidates,
            fraction=self.config.hostFraction,
            minimum=self.config.minHosts,
            maximum=self.config.maxHosts,
            rng=rng,
        )
        n_hostless = stochastic_round(self.config.hostlessFraction * len(hosts), rng)
        n_hostless = max(self.config.minHostless, n_hostless)
        hosted = draw_hosted(table, hosts, sky_map, laws, rng)
        hostless = draw_hostless(table, candidates, n_hostless, box, self.config.margin, laws, rng)
        return {name: np.concatenate([hosted[name], hostless[name]]) for name in hosted}

    def _draw_events(
        self,
        table: HostSources,
        candidates: np.ndarray,
        sky_map: SkyMap,
        box: Box,
        mjd: float,
        band: str,
    ) -> dict[str, np.ndarray]:
        """Draw the events that all visits share."""
        events = self.config.events
        if self.config.mode == "moving":
            local = mjd - 0.5 + events.nightOffset
            night = int(np.floor(local))
            hours = 24.0 * (local - night - 0.5)
            return draw_moving(sky_map, box, events.movers(), hours=hours, night=night, seed=self.config.seed)
        return draw_coherent(
            table,
            candidates,
            sky_map,
            box,
            events.light_curve(),
            rate=events.rate,
            faintest=events.faintest,
            mjd=mjd,
            band=band,
            seed=self.config.seed,
        )

    def _report(
        self, n_sources: int, n_candidates: int, is_hostless: np.ndarray, sky_map: SkyMap, where: str
    ) -> None:
        """Log and record the counts."""
        n_hostless = int(is_hostless.sum())
        n_hosts = len(is_hostless) - n_hostless
        self.metadata["n_sources"] = n_sources
        self.metadata["n_galaxies"] = n_candidates
        self.metadata["n_hosts"] = n_hosts
        self.metadata["n_hostless"] = n_hostless
        self.metadata["astrometry_rms_pixel"] = sky_map.rms_pixel
        self.log.info(
            "Drew %d injections beside %d possible hosts and %d without host in %s (%d sources); astrometry "
            "rms %.2g pixels.",
            n_hosts,
            n_candidates,
            n_hostless,
            where,
            n_sources,
            sky_map.rms_pixel,
        )
