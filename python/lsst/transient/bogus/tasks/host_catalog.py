# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that draws the sources to inject beside the galaxies of a visit and detector."""

from __future__ import annotations

__all__ = ("GalaxyHostCatalogConfig", "GalaxyHostCatalogConnections", "GalaxyHostCatalogTask")

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
)

from ..columns import INJECTION_CATALOG
from ..errors import TableSchemaError
from ..event_injections import draw_coherent, draw_moving
from ..geometry import SkyMap, fit_sky_map, separation_arcsec
from ..host_injections import Box, HostSources, draw_hosted, draw_hostless
from ..hosts import choose_hosts, ellipses_from_moments, is_within, stochastic_round
from ..ids import pack_ids
from ..injection_laws import flux_to_magnitude
from ..seeds import generator
from .host_catalog_config import QUANTITIES, GalaxyHostCatalogConfig, GalaxyHostCatalogConnections


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
            visit=int(data_id["visit"]),
            detector=int(data_id["detector"]),
            band=str(data_id["band"]),
            mjd=None if timespan is None else float((timespan.begin.tai.mjd + timespan.end.tai.mjd) / 2),
        )
        butlerQC.put(outputs, outputRefs)

    def run(
        self, *, sources: Table, visit: int, detector: int, band: str, mjd: float | None = None
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
            Raised if the mode needs a time and there is none.
        """
        where = f"visit {visit}, detector {detector}"
        rng = generator("hosts", self.config.seed, visit, detector)
        hosts_table, can_host = self._read(sources, where)
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
        candidates = np.flatnonzero(
            can_host & is_within(hosts_table.x, hosts_table.y, box, self.config.margin)
        )
        if self.config.mode == "independent":
            data = self._draw(hosts_table, candidates, sky_map, box, rng)
        elif mjd is None:
            raise InvalidQuantumError(f"Mode {self.config.mode} needs a time; {where} has none.")
        else:
            data = self._draw_events(hosts_table, candidates, sky_map, box, mjd, band)
        n = len(data["x"])
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
        law = {"independent": self.config.offsetLaw, "coherent": "elliptical_normal", "moving": "none"}
        meta = {
            "SEED": self.config.seed,
            "MODE": self.config.mode,
            "OFFSET_LAW": law[self.config.mode],
            "BOX": list(box),
        }
        return Struct(injection_catalog=INJECTION_CATALOG.build(data, meta=meta))

    def _read(self, sources: Table, where: str) -> tuple[HostSources, np.ndarray]:
        """Pick the configured columns, and tell which sources can be hosts."""
        wanted = [q for q in QUANTITIES if q != "extendedness" or self.config.doSelectExtended]
        missing = [self.config.columns[q] for q in wanted if self.config.columns[q] not in sources.colnames]
        if missing:
            raise TableSchemaError(f"The source table of {where} has no columns {missing}.")
        column = {q: np.asarray(sources[self.config.columns[q]], dtype=float) for q in wanted if q != "id"}
        moments = {q: column[q] for q in ("ixx", "iyy", "ixy")}
        with np.errstate(invalid="ignore", divide="ignore"):
            error = column["point_flux_error"]
            keep = column["point_flux"] / error >= self.config.minSnr
            keep &= ellipses_from_moments(**moments).semi_major <= self.config.maxSemiMajor
            if self.config.doSelectExtended:
                keep &= column["extendedness"] >= self.config.minExtendedness
                keep &= column["extendedness"] <= self.config.maxExtendedness
            error = error[error > 0]
        keep &= np.isfinite(column["ra"] + column["dec"]) & (column["flux"] > 0)
        table = HostSources(
            ids=np.asarray(sources[self.config.columns["id"]], dtype=np.int64),
            **{q: column[q] for q in ("ra", "dec", "x", "y")},
            **moments,
            magnitude=flux_to_magnitude(column["flux"]),
            point_flux_error=float(np.median(error)) if len(error) else np.nan,
        )
        return table, keep & self._passes_flags(sources)

    def _passes_flags(self, sources: Table) -> np.ndarray:
        """Tell which sources pass the configured flags."""
        keep = np.ones(len(sources), dtype=bool)
        absent = []
        for names, wanted in ((self.config.badFlags, False), (self.config.goodFlags, True)):
            for name in names:
                if name in sources.colnames:
                    keep &= np.asarray(sources[name], dtype=bool) == wanted
                else:
                    absent.append(name)
        if absent:
            self.log.info("The source table has no flags %s; they are ignored.", absent)
        return keep

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
            "Drew injections for %d of %d galaxies (of %d sources) and %d without host in %s; astrometry rms "
            "%.2g pixels.",
            n_hosts,
            n_candidates,
            n_sources,
            n_hostless,
            where,
            sky_map.rms_pixel,
        )
