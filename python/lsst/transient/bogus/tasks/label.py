# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that labels DIA sources by the injections."""

from __future__ import annotations

__all__ = ("TransientLabelConfig", "TransientLabelConnections", "TransientLabelTask")

from typing import ClassVar

import numpy as np
from astropy.table import Table

from lsst.pex.config import ChoiceField, Field, FieldValidationError, RangeField
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base import connectionTypes as cT

from ..columns import DIA_SOURCE, INJECTED_CATALOG, INJECTED_MATCH, LABELS
from ..folds import sky_tiles, tile_folds
from ..labels import (
    LabelFlag,
    Matches,
    contradicts_flux,
    flag_bits,
    label_flags,
    magnitude_to_flux,
    match_by_position,
    match_by_table,
)
from ..sphere import separation_arcsec

_VD = ("instrument", "visit", "detector")
_FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


class TransientLabelConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `TransientLabelTask`."""

    dia_sources = cT.Input(
        doc="DIA sources, standardised.",
        name="dia_source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    injected_catalog = cT.Input(
        doc="All injections of the detector, found or not.",
        name="injected_visit_image_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    injected_matches = cT.Input(
        doc="The DIA source that each injection was found as.",
        name="injected_matched_dia_source",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    labels = cT.Output(
        doc=LABELS.doc,
        name="transient_labels",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )

    def __init__(self, *, config: TransientLabelConfig) -> None:
        if config.matchBy == "position":
            del self.injected_matches


class TransientLabelConfig(PipelineTaskConfig, pipelineConnections=TransientLabelConnections):
    """Configuration of `TransientLabelTask`."""

    matchBy = ChoiceField[str](
        doc="Where the matches come from.",
        allowed={
            "table": "The match table. Injected detections that it leaves out are ambiguous.",
            "position": "Mutual nearest neighbours of DIA sources and injected catalogue on the sphere.",
        },
        default="table",
    )
    matchRadius = RangeField(
        dtype=float,
        doc="Largest separation of a match, in units of matchRadiusUnit. Larger values take chance "
        "neighbours for injections, smaller ones lose faint injections. Matches of the table beyond it "
        "are ambiguous.",
        default=0.5,
        min=0.0,
        inclusiveMin=False,
    )
    matchRadiusUnit = ChoiceField[str](
        doc="Unit of matchRadius and exclusionRadius.",
        allowed={
            "arcsec": "Seconds of arc.",
            "fwhm": "The full width at half maximum of the PSF, from the moments in the DIA source table.",
        },
        default="arcsec",
    )
    exclusionRadius = RangeField(
        dtype=float,
        doc="DIA sources within this distance of any injection that are not its detection are ambiguous, in "
        "units of matchRadiusUnit. Larger values lose more of the bogus near galaxies.",
        default=1.5,
        min=0.0,
    )
    maxFluxSigma = RangeField(
        dtype=float,
        doc="A match is ambiguous if measured and injected flux differ by more than this many standard "
        "errors and by more than the factor maxFluxFactor. The published method "
        "has no such cut: a large value.",
        default=3.0,
        min=0.0,
    )
    maxFluxFactor = RangeField(
        dtype=float,
        doc="See maxFluxSigma. 1 leaves the decision to maxFluxSigma alone.",
        default=2.0,
        min=1.0,
    )
    nside = Field[int](
        doc="HEALPix resolution of the sky tiles that are kept together in one fold, a power of two: 1024 is "
        "3.4 arcmin, 4096 is 52 arcsec. Tiles must be much larger than an object, and a data set must have "
        "several tiles for each fold.",
        default=4096,
        check=lambda nside: nside > 0 and nside & (nside - 1) == 0,
    )
    nFolds = RangeField(
        dtype=int, doc="Number of cross-validation folds.", default=5, min=2, max=1000, inclusiveMax=True
    )
    foldSeed = Field[int](doc="Another value assigns the tiles to other folds.", default=0)
    fluxColumn = Field[str](
        doc="Column of the DIA source table with the flux on the difference in nJy.", default="psfFlux"
    )
    snrColumn = Field[str](doc="Column of the DIA source table with the significance.", default="snr")
    negativeColumn = Field[str](
        doc="Boolean column of the DIA source table that says a detection is negative. If the table does not "
        "have it, the sign of fluxColumn is taken.",
        default="isNegative",
    )

    def validate(self) -> None:
        super().validate()
        if self.exclusionRadius < self.matchRadius:
            raise FieldValidationError(
                TransientLabelConfig.exclusionRadius,
                self,
                f"{self.exclusionRadius} is less than matchRadius={self.matchRadius}: a second detection of "
                "an injection would be called bogus.",
            )


class TransientLabelTask(PipelineTask):
    """Label DIA sources: detected injections are 1, all others 0, doubtful ones ambiguous.

    The output has the rows of the DIA source table in their order.
    """

    ConfigClass = TransientLabelConfig
    _DefaultName: ClassVar[str] = "label"
    config: TransientLabelConfig

    def run(
        self, *, dia_sources: Table, injected_catalog: Table, injected_matches: Table | None = None
    ) -> Struct:
        """Label the DIA sources of one detector.

        Parameters
        ----------
        dia_sources
            DIA sources, N rows.
        injected_catalog
            All injections, found or not.
        injected_matches
            The match table; only used if ``matchBy`` is ``table``.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``labels`` (`astropy.table.Table`),
            N rows, see `lsst.transient.bogus.columns.LABELS`.
        """
        DIA_SOURCE.check(dia_sources, ("diaSourceId", "ra", "dec", "band"))
        INJECTED_CATALOG.check(injected_catalog, ("injection_id", "ra", "dec", "mag"))
        unit = self._radius_unit_arcsec(dia_sources)
        radius = self.config.matchRadius * unit
        matches = self._match(dia_sources, injected_catalog, injected_matches, radius)
        flags, separation = label_flags(
            matches,
            dia_sources["ra"],
            dia_sources["dec"],
            injected_catalog["ra"],
            injected_catalog["dec"],
            contradicts=self._contradictions(dia_sources, injected_catalog, matches),
            match_radius_arcsec=radius,
            exclusion_radius_arcsec=self.config.exclusionRadius * unit,
        )
        self._report(matches, flags, len(injected_catalog))
        return Struct(labels=self._table(dia_sources, injected_catalog, matches, flags, separation, radius))

    def _radius_unit_arcsec(self, dia_sources: Table) -> float:
        """Return the unit of the configured radii in arcsec."""
        if self.config.matchRadiusUnit == "arcsec" or len(dia_sources) < 2:
            return 1.0
        variance = np.asarray(dia_sources["ixxPSF"] + dia_sources["iyyPSF"], dtype=float) / 2
        x, y, ra, dec = (np.asarray(dia_sources[name], dtype=float) for name in ("x", "y", "ra", "dec"))
        far = int(np.nanargmax(np.hypot(x - x[0], y - y[0])))
        pixel_scale = separation_arcsec(ra[0], dec[0], ra[far], dec[far]) / np.hypot(
            x[far] - x[0], y[far] - y[0]
        )
        return float(_FWHM_PER_SIGMA * np.sqrt(np.nanmedian(variance)) * pixel_scale)

    def _match(
        self, dia_sources: Table, catalog: Table, injected_matches: Table | None, radius: float
    ) -> Matches:
        """Match by the configured way."""
        if self.config.matchBy == "position" or injected_matches is None:
            return match_by_position(
                dia_sources["ra"], dia_sources["dec"], catalog["ra"], catalog["dec"], radius_arcsec=radius
            )
        INJECTED_MATCH.check(injected_matches, ("injection_id", "diaSourceId", "dist_diaSrc"))
        return match_by_table(
            np.asarray(dia_sources["diaSourceId"], dtype=np.int64),
            matched_dia_source=np.asarray(injected_matches["diaSourceId"], dtype=np.int64),
            matched_injection=np.asarray(injected_matches["injection_id"], dtype=np.int64),
            matched_separation=np.asarray(injected_matches["dist_diaSrc"], dtype=float),
            injection_ids=np.asarray(catalog["injection_id"], dtype=np.int64),
        )

    def _contradictions(self, dia_sources: Table, catalog: Table, matches: Matches) -> np.ndarray:
        """Tell where the measured flux contradicts that of the matched injection."""
        flux, error = self.config.fluxColumn, f"{self.config.fluxColumn}Err"
        if len(catalog) == 0 or not {flux, error} <= set(dia_sources.colnames):
            return np.zeros(len(dia_sources), dtype=bool)
        injected = magnitude_to_flux(catalog["mag"])[matches.injection]
        contradicts = contradicts_flux(
            dia_sources[flux],
            dia_sources[error],
            injected,
            n_sigma=self.config.maxFluxSigma,
            factor=self.config.maxFluxFactor,
        )
        return contradicts & matches.is_matched

    def _report(self, matches: Matches, flags: np.ndarray, n_injected: int) -> None:
        """Log and record the counts."""
        n_positive = int(np.sum(matches.is_matched & (flags == 0)))
        self.metadata["n_dia_sources"] = len(flags)
        self.metadata["n_injected"] = n_injected
        self.metadata["n_positive"] = n_positive
        for flag in LabelFlag:
            self.metadata[f"n_{str(flag.name).lower()}"] = int(np.sum(flags & int(flag) != 0))
        self.log.info(
            "Labelled %d DIA sources: %d of %d injections found, %d sources ambiguous.",
            len(flags),
            n_positive,
            n_injected,
            np.count_nonzero(flags),
        )

    def _table(
        self,
        dia_sources: Table,
        catalog: Table,
        matches: Matches,
        flags: np.ndarray,
        separation: np.ndarray,
        radius: float,
    ) -> Table:
        """Build the output table."""
        n = len(dia_sources)
        matched = matches.is_matched
        row = matches.injection[matched]
        injection_id, magnitude = np.zeros(n, dtype=np.int64), np.full(n, np.nan)
        injection_id[matched] = np.asarray(catalog["injection_id"])[row]
        magnitude[matched] = np.asarray(catalog["mag"], dtype=float)[row]
        hostless = np.zeros(n, dtype=bool)
        if "is_hostless" in catalog.colnames:
            hostless[matched] = np.asarray(catalog["is_hostless"])[row]
        if self.config.negativeColumn in dia_sources.colnames:
            negative = np.asarray(dia_sources[self.config.negativeColumn], dtype=bool)
        else:
            negative = np.asarray(dia_sources[self.config.fluxColumn], dtype=float) < 0
        tile = sky_tiles(dia_sources["ra"], dia_sources["dec"], nside=self.config.nside)
        return LABELS.build(
            {
                "diaSourceId": np.asarray(dia_sources["diaSourceId"]),
                "label": matched,
                "injection_id": injection_id,
                "separation": separation,
                "injected_mag": magnitude,
                "is_hostless": hostless,
                "is_ambiguous": flags != 0,
                "label_flag": flags,
                "fold": tile_folds(tile, n_folds=self.config.nFolds, seed=self.config.foldSeed),
                "tile": tile,
                "snr": np.abs(np.asarray(dia_sources[self.config.snrColumn], dtype=float)),
                "sign": np.where(negative, -1, 1),
                "band": np.asarray(dia_sources["band"]).astype(str),
            },
            meta={
                "NSIDE": self.config.nside,
                "N_FOLDS": self.config.nFolds,
                "FOLD_SEED": self.config.foldSeed,
                "MATCH_RADIUS_ARCSEC": float(radius),
                "LABEL_FLAG_BITS": flag_bits(),
            },
        )
