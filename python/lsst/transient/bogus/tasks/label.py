# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that labels DIA sources by the injections."""

from __future__ import annotations

__all__ = ("TransientLabelConfig", "TransientLabelConnections", "TransientLabelTask")

from typing import ClassVar

import numpy as np
from astropy.table import Table

from lsst.pipe.base import PipelineTask, Struct

from ..columns import DIA_SOURCE, INJECTED_CATALOG, INJECTED_MATCH, LABEL_DISAGREEMENTS, LABELS
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
from ..paired_labels import PairedLabels, pair_detections, resolve
from ..sphere import separation_arcsec
from .label_config import TransientLabelConfig, TransientLabelConnections

_FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


class TransientLabelTask(PipelineTask):
    """Label DIA sources: detected injections are 1, all others 0, doubtful ones ambiguous.

    The output has the rows of the DIA source table in their order.
    """

    ConfigClass = TransientLabelConfig
    _DefaultName: ClassVar[str] = "label"
    config: TransientLabelConfig

    def run(
        self,
        *,
        dia_sources: Table,
        injected_catalog: Table,
        injected_matches: Table | None = None,
        uninjected_dia_sources: Table | None = None,
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
        uninjected_dia_sources
            DIA sources of the same visit without injections; only used if
            ``doPaired`` is set.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with components:

            ``labels``
                N rows, see `lsst.transient.bogus.columns.LABELS`
                (`astropy.table.Table`).
            ``disagreements``
                Sources that the pair of processings labels differently, see
                `lsst.transient.bogus.columns.LABEL_DISAGREEMENTS`
                (`astropy.table.Table`); only if ``doPaired`` is set.
        """
        DIA_SOURCE.check(dia_sources, ("diaSourceId", "ra", "dec", "band"))
        INJECTED_CATALOG.check(injected_catalog, ("injection_id", "ra", "dec", "mag"))
        unit = self._radius_unit_arcsec(dia_sources)
        by_position = self._match(dia_sources, injected_catalog, injected_matches, unit)
        matches, paired = by_position, None
        in_doubt = is_sure = np.zeros(len(dia_sources), dtype=bool)
        if self.config.doPaired and uninjected_dia_sources is not None:
            paired = self._pair(dia_sources, uninjected_dia_sources, injected_catalog, unit)
            matches, in_doubt, is_sure = resolve(self.config.pairedRule, paired, by_position)
        flags, separation = label_flags(
            matches,
            dia_sources["ra"],
            dia_sources["dec"],
            injected_catalog["ra"],
            injected_catalog["dec"],
            contradicts=self._contradictions(dia_sources, injected_catalog, matches),
            match_radius_arcsec=max(self.config.matchRadius, self._footprint()) * unit,
            exclusion_radius_arcsec=self.config.exclusionRadius * unit,
        )
        flags[is_sure] &= ~int(LabelFlag.NEAR_INJECTION)
        flags[in_doubt] |= int(LabelFlag.PAIR_DISAGREES)
        if self.config.glintColumn in dia_sources.colnames:
            flags[np.asarray(dia_sources[self.config.glintColumn], dtype=bool)] |= int(LabelFlag.GLINT_TRAIL)
        self._report(matches, flags, len(injected_catalog))
        result = Struct(labels=self._table(dia_sources, injected_catalog, matches, flags, separation, unit))
        if paired is not None and uninjected_dia_sources is not None:
            ids = np.asarray(uninjected_dia_sources["diaSourceId"])
            result.disagreements = _disagreements(
                result.labels, injected_catalog, ids, paired=paired, matches=by_position
            )
        return result

    def _footprint(self) -> float:
        """Return the largest distance of matches by the pair; 0 if it decides nothing."""
        decides = self.config.doPaired and self.config.pairedRule == "paired"
        return float(self.config.footprintRadius) if decides else 0.0

    def _pair(self, dia_sources: Table, uninjected: Table, catalog: Table, unit: float) -> PairedLabels:
        """Compare with the processing without injections."""
        DIA_SOURCE.check(uninjected, ("diaSourceId", "ra", "dec"))
        ra, dec = _drawn(catalog, np.nan, "ra", "dec")
        return pair_detections(
            (dia_sources["ra"], dia_sources["dec"]),
            (uninjected["ra"], uninjected["dec"]),
            (ra, dec),
            pair_radius_arcsec=self.config.pairRadius * unit,
            footprint_radius_arcsec=self.config.footprintRadius * unit,
        )

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
        self, dia_sources: Table, catalog: Table, injected_matches: Table | None, unit: float
    ) -> Matches:
        """Match by the configured way."""
        radius = self.config.matchRadius * unit
        if self.config.matchBy == "position" or injected_matches is None:
            ra, dec = _drawn(catalog, np.nan, "ra", "dec")
            return match_by_position(dia_sources["ra"], dia_sources["dec"], ra, dec, radius_arcsec=radius)
        INJECTED_MATCH.check(injected_matches, ("injection_id", "diaSourceId", "dist_diaSrc"))
        (injection_ids,) = _drawn(catalog, 0, "injection_id")
        return match_by_table(
            np.asarray(dia_sources["diaSourceId"], dtype=np.int64),
            matched_dia_source=np.asarray(injected_matches["diaSourceId"], dtype=np.int64),
            matched_injection=np.asarray(injected_matches["injection_id"], dtype=np.int64),
            matched_separation=np.asarray(injected_matches["dist_diaSrc"], dtype=float),
            injection_ids=injection_ids.astype(np.int64),
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
        unit: float,
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
                "MATCH_RADIUS_ARCSEC": float(self.config.matchRadius * unit),
                "LABEL_FLAG_BITS": flag_bits(),
            },
        )


def _drawn(catalog: Table, other: float, *names: str) -> list[np.ndarray]:
    """Return columns of a catalogue with another value where the injection failed: nothing is found there."""
    failed = np.zeros(len(catalog), dtype=bool)
    if "injection_flag" in catalog.colnames:
        failed = np.asarray(catalog["injection_flag"]) != 0
    return [np.where(failed, other, np.asarray(catalog[name])) for name in names]


def _disagreements(
    labels: Table, catalog: Table, uninjected_ids: np.ndarray, *, paired: PairedLabels, matches: Matches
) -> Table:
    """Build the table of sources that the pair labels differently."""
    rows = np.flatnonzero(paired.disagreement(matches))

    def ids(index: np.ndarray, table: np.ndarray) -> np.ndarray:
        found = np.zeros(len(index), dtype=np.int64)
        found[index >= 0] = table[index[index >= 0]]
        return found

    injection_ids = np.asarray(catalog["injection_id"])
    return LABEL_DISAGREEMENTS.build(
        {
            "diaSourceId": np.asarray(labels["diaSourceId"])[rows],
            "position_injection_id": ids(matches.injection[rows], injection_ids),
            "paired_injection_id": ids(paired.matches.injection[rows], injection_ids),
            "uninjected_dia_source_id": ids(paired.counterpart[rows], uninjected_ids),
            "separation": np.asarray(labels["separation"])[rows],
            "snr": np.asarray(labels["snr"])[rows],
        }
    )
