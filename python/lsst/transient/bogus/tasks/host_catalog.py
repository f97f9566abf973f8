# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that draws the sources to inject beside the galaxies of a visit and detector."""

from __future__ import annotations

__all__ = ("GalaxyHostCatalogConfig", "GalaxyHostCatalogConnections", "GalaxyHostCatalogTask")

import dataclasses
from typing import ClassVar

import numpy as np
from astropy.table import Table

from lsst.pex.config import ChoiceField, DictField, Field, FieldValidationError, ListField, RangeField
from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
)
from lsst.pipe.base import connectionTypes as cT

from ..columns import INJECTION_CATALOG
from ..errors import TableSchemaError
from ..geometry import SkyMap, fit_sky_map, separation_arcsec
from ..hosts import (
    Ellipses,
    choose_hosts,
    ellipses_from_moments,
    is_within,
    sky_ellipses,
    stochastic_round,
)
from ..ids import pack_ids
from ..injection_laws import (
    draw_hosted_magnitudes,
    draw_offsets,
    draw_snr_uniform_magnitudes,
    flux_to_magnitude,
    rotate_offsets,
)
from ..seeds import generator

_VD = ("instrument", "visit", "detector")
_QUANTITIES = (
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
    "flux_error",
    "point_flux_error",
)


class GalaxyHostCatalogConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `GalaxyHostCatalogTask`."""

    sources = cT.Input(
        doc="Sources measured on the visit image.",
        name="source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    injection_catalog = cT.Output(
        doc=INJECTION_CATALOG.doc,
        name="transient_injection_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )


class GalaxyHostCatalogConfig(PipelineTaskConfig, pipelineConnections=GalaxyHostCatalogConnections):
    """Configuration of `GalaxyHostCatalogTask`."""

    columns = DictField[str, str](
        doc="Column of the source table for each quantity. Positions in degrees and pixels, moments in square "
        "pixels, fluxes in nJy. flux gives the hosts' magnitudes, point_flux_error the depth for magnitudeLaw "
        "snr_uniform.",
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
            "flux_error": "ap12FluxErr",
            "point_flux_error": "psfFluxErr",
        },
        keyCheck=lambda quantity: quantity in _QUANTITIES,
    )
    doSelectExtended = Field[bool](
        doc="Whether hosts must be extended. If not, any source can be a host, stars too: for crowded fields "
        "without galaxies.",
        default=True,
    )
    minExtendedness = RangeField(
        dtype=float,
        doc="Least extendedness of a host. Values near 1 take only certain galaxies, 0 takes stars too. Ignored "
        "if doSelectExtended is False.",
        default=0.5,
        min=0.0,
        max=1.0,
    )
    minSnr = RangeField(
        dtype=float,
        doc="Least signal-to-noise of the flux of a host. Low values take noise for galaxies.",
        default=10.0,
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
        doc="Least distance of hosts, and of host-less injections, from the edge of the box in pixels.",
        default=20.0,
        min=0.0,
    )
    box = ListField[int](
        doc="First column, first row, last column and last row of the usable pixels of a detector. Empty: the "
        "box of all positions in the source table, which falls short by about the distance of two sources.",
        default=[],
        listCheck=lambda box: len(box) in (0, 4),
    )
    hostFraction = RangeField(
        dtype=float,
        doc="Fraction of the galaxies that get an injection. Large values crowd the image.",
        default=0.03,
        min=0.0,
        max=1.0,
    )
    minHosts = RangeField(
        dtype=int,
        doc="Least number of hosts for a detector; all galaxies if there are fewer. For small detectors.",
        default=1,
        min=0,
    )
    maxHosts = RangeField(
        dtype=int, doc="Largest number of hosts for a detector.", default=5000, min=0, max=15000
    )
    hostlessFraction = RangeField(
        dtype=float,
        doc="Number of host-less injections in units of the number of hosts; they are uniform over the box.",
        default=0.05,
        min=0.0,
        max=10.0,
    )
    minHostless = RangeField(
        dtype=int, doc="Least number of host-less injections for a detector.", default=0, min=0, max=1000
    )
    offsetLaw = ChoiceField[str](
        doc="Law of the offsets from the host.",
        allowed={
            "signed_normal": "Signed radius from N(0, a) in a uniform direction; as published.",
            "elliptical_normal": "From a normal distribution with the moments of the host.",
            "light": "Following the light: a Sérsic profile with the moments of the host.",
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
    )
    magnitudeLaw = ChoiceField[str](
        doc="Law of the magnitudes of hosted injections.",
        allowed={
            "host": "Uniform from the host's magnitude − magnitudeBrighter to + magnitudeFainter.",
            "snr_uniform": "Uniform in the signal-to-noise of a point source from minInjectedSnr to "
            "maxInjectedSnr; fills the hard region near the detection limit.",
        },
        default="host",
    )
    magnitudeBrighter = RangeField(
        dtype=float, doc="For magnitudeLaw host, in mag; may be negative.", default=1.0, min=-10.0, max=10.0
    )
    magnitudeFainter = RangeField(
        dtype=float, doc="For magnitudeLaw host, in mag; may be negative.", default=3.0, min=-10.0, max=10.0
    )
    minInjectedSnr = RangeField(
        dtype=float, doc="For magnitudeLaw snr_uniform.", default=3.0, min=0.0, inclusiveMin=False
    )
    maxInjectedSnr = RangeField(dtype=float, doc="For magnitudeLaw snr_uniform.", default=50.0, min=0.0)
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
    astrometryOrder = RangeField(
        dtype=int,
        doc="Order of the polynomial from pixels to the tangent plane that is fitted to the source table. "
        "Higher orders follow stronger distortion, and need more sources.",
        default=3,
        min=1,
        max=7,
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

    def validate(self) -> None:
        super().validate()
        missing = [quantity for quantity in _QUANTITIES if quantity not in self.columns]
        if missing:
            raise FieldValidationError(GalaxyHostCatalogConfig.columns, self, f"No column for {missing}.")
        for low, high in (
            ("minHosts", "maxHosts"),
            ("minInjectedSnr", "maxInjectedSnr"),
            ("minHostlessMagnitude", "maxHostlessMagnitude"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise FieldValidationError(self._fields[high], self, f"It is less than {low}.")
        if self.magnitudeFainter < -self.magnitudeBrighter:
            raise FieldValidationError(
                GalaxyHostCatalogConfig.magnitudeFainter, self, "It is less than -magnitudeBrighter."
            )


@dataclasses.dataclass(frozen=True)
class _Sources:
    """The columns of the source table that matter, as arrays."""

    ids: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    x: np.ndarray
    y: np.ndarray
    moments: tuple[np.ndarray, np.ndarray, np.ndarray]
    ellipses: Ellipses
    magnitude: np.ndarray
    depth: float
    """Standard error of the flux of a faint point source, in nJy."""
    is_candidate: np.ndarray


class GalaxyHostCatalogTask(PipelineTask):
    """Draw the sources to inject into one visit image: supernova-like, beside its galaxies.

    A random fraction of the galaxies get a point source at a random offset and
    magnitude; a few more are placed anywhere.  All random numbers depend on seed,
    visit and detector alone.
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
        data_id = butlerQC.quantum.dataId
        inputs = butlerQC.get(inputRefs)
        outputs = self.run(
            **inputs, visit=data_id["visit"], detector=data_id["detector"], band=data_id["band"]
        )
        butlerQC.put(outputs, outputRefs)

    def run(self, *, sources: Table, visit: int, detector: int, band: str) -> Struct:
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

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``injection_catalog``
            (`astropy.table.Table`), see
            `lsst.transient.bogus.columns.INJECTION_CATALOG`; without rows if there
            is no galaxy.

        Raises
        ------
        lsst.transient.bogus.errors.AstrometryFitError
            Raised if pixels and sky of the sources do not fit together.
        lsst.transient.bogus.errors.TableSchemaError
            Raised if the source table has not the configured columns.
        """
        where = f"visit {visit}, detector {detector}"
        rng = generator("hosts", self.config.seed, visit, detector)
        columns = self._read(sources, where)
        sky_map = fit_sky_map(
            columns.x,
            columns.y,
            columns.ra,
            columns.dec,
            order=self.config.astrometryOrder,
            max_rms_pixel=self.config.maxAstrometryRms,
            where=where,
        )
        box = self._box(columns)
        candidates = np.flatnonzero(
            columns.is_candidate & is_within(columns.x, columns.y, box, self.config.margin)
        )
        hosts = choose_hosts(
            candidates,
            fraction=self.config.hostFraction,
            minimum=self.config.minHosts,
            maximum=self.config.maxHosts,
            rng=rng,
        )
        n_hostless = max(
            self.config.minHostless, stochastic_round(self.config.hostlessFraction * len(hosts), rng)
        )
        hosted = self._draw_hosted(columns, hosts, sky_map, rng)
        hostless = self._draw_hostless(columns, candidates, n_hostless, box, rng)
        data = {name: np.concatenate([hosted[name], hostless[name]]) for name in hosted}
        data["ra"], data["dec"] = sky_map.pixel_to_sky(data["x"], data["y"])
        data["offset_arcsec"] = separation_arcsec(data["ra"], data["dec"], data["host_ra"], data["host_dec"])
        n = len(data["x"])
        data |= {
            "injection_id": pack_ids(visit, detector, n),
            "band": np.full(n, band),
            "visit": np.full(n, visit),
            "detector": np.full(n, detector),
            "source_type": np.full(n, "Star"),
        }
        self._report(len(sources), len(candidates), len(hosts), n_hostless, sky_map, where)
        meta = {"SEED": self.config.seed, "OFFSET_LAW": self.config.offsetLaw, "BOX": [float(b) for b in box]}
        return Struct(injection_catalog=INJECTION_CATALOG.build(data, meta=meta))

    def _read(self, sources: Table, where: str) -> _Sources:
        """Pick the configured columns and decide which sources can be hosts."""
        wanted = [q for q in _QUANTITIES if q != "extendedness" or self.config.doSelectExtended]
        if self.config.magnitudeLaw != "snr_uniform":
            wanted.remove("point_flux_error")
        missing = [self.config.columns[q] for q in wanted if self.config.columns[q] not in sources.colnames]
        if missing:
            raise TableSchemaError(f"The source table of {where} has no columns {missing}.")
        column = {q: np.asarray(sources[self.config.columns[q]], dtype=float) for q in wanted if q != "id"}
        moments = (column["ixx"], column["iyy"], column["ixy"])
        ellipses = ellipses_from_moments(*moments)
        with np.errstate(invalid="ignore", divide="ignore"):
            keep = column["flux"] / column["flux_error"] >= self.config.minSnr
            keep &= ellipses.semi_major <= self.config.maxSemiMajor
            if self.config.doSelectExtended:
                keep &= column["extendedness"] >= self.config.minExtendedness
            error = column.get("point_flux_error", np.zeros(0))
            depth = float(np.median(error[error > 0])) if np.any(error > 0) else np.nan
        keep &= np.isfinite(column["ra"] + column["dec"]) & (column["flux"] > 0)
        return _Sources(
            ids=np.asarray(sources[self.config.columns["id"]], dtype=np.int64),
            **{name: column[name] for name in ("ra", "dec", "x", "y")},
            moments=moments,
            ellipses=ellipses,
            magnitude=flux_to_magnitude(column["flux"]),
            depth=depth,
            is_candidate=keep & self._passes_flags(sources),
        )

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

    def _box(self, columns: _Sources) -> tuple[float, float, float, float]:
        """Return the box of usable pixels."""
        if self.config.box:
            return tuple(float(b) for b in self.config.box)
        return (
            float(np.nanmin(columns.x)),
            float(np.nanmin(columns.y)),
            float(np.nanmax(columns.x)),
            float(np.nanmax(columns.y)),
        )

    def _draw_hosted(
        self, columns: _Sources, hosts: np.ndarray, sky_map: SkyMap, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Draw position and magnitude of one injection for each host."""
        axes = columns.ellipses
        major, minor = draw_offsets(
            self.config.offsetLaw,
            axes.semi_major[hosts],
            axes.semi_minor[hosts],
            sersic_index=self.config.sersicIndex,
            rng=rng,
        )
        dx, dy = rotate_offsets(major, minor, axes.angle[hosts])
        x, y = columns.x[hosts], columns.y[hosts]
        on_sky = sky_ellipses(*(m[hosts] for m in columns.moments), sky_map.jacobian(x, y))
        return {
            "x": x + dx,
            "y": y + dy,
            "mag": self._draw_magnitudes(columns, hosts, rng),
            "host_id": columns.ids[hosts],
            "host_mag": columns.magnitude[hosts],
            "host_ra": columns.ra[hosts],
            "host_dec": columns.dec[hosts],
            "host_semi_major": on_sky.semi_major,
            "host_semi_minor": on_sky.semi_minor,
            "host_pa": np.degrees(on_sky.angle) % 180.0,
            "is_hostless": np.zeros(len(hosts), dtype=bool),
        }

    def _draw_hostless(
        self,
        columns: _Sources,
        candidates: np.ndarray,
        n: int,
        box: tuple[float, float, float, float],
        rng: np.random.Generator,
    ) -> dict[str, np.ndarray]:
        """Draw positions anywhere in the box."""
        # A box smaller than two margins still has a middle.
        inset = [min(self.config.margin, (box[2 + i] - box[i]) / 2) for i in (0, 1)]
        x = rng.uniform(box[0] + inset[0], box[2] - inset[0], n)
        y = rng.uniform(box[1] + inset[1], box[3] - inset[1], n)
        if self.config.hostlessMagnitudeLaw == "pooled" and len(candidates):
            magnitude = self._draw_magnitudes(columns, rng.choice(candidates, size=n), rng)
        else:
            magnitude = rng.uniform(self.config.minHostlessMagnitude, self.config.maxHostlessMagnitude, n)
        unknown = np.full(n, np.nan)
        names = ("host_mag", "host_ra", "host_dec", "host_semi_major", "host_semi_minor", "host_pa")
        return {
            "x": x,
            "y": y,
            "mag": magnitude,
            "host_id": np.zeros(n, dtype=np.int64),
            **dict.fromkeys(names, unknown),
            "is_hostless": np.ones(n, dtype=bool),
        }

    def _draw_magnitudes(self, columns: _Sources, hosts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw a magnitude for each of some hosts."""
        if self.config.magnitudeLaw == "snr_uniform":
            return draw_snr_uniform_magnitudes(
                len(hosts),
                flux_error=columns.depth,
                lowest=self.config.minInjectedSnr,
                highest=self.config.maxInjectedSnr,
                rng=rng,
            )
        return draw_hosted_magnitudes(
            columns.magnitude[hosts],
            brighter=self.config.magnitudeBrighter,
            fainter=self.config.magnitudeFainter,
            rng=rng,
        )

    def _report(
        self, n_sources: int, n_candidates: int, n_hosts: int, n_hostless: int, sky_map: SkyMap, where: str
    ) -> None:
        """Log and record the counts."""
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
