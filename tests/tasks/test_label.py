# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of `TransientLabelTask`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from lsst.daf.butler.tests import addDataIdValue, addDatasetType, makeTestCollection, makeTestRepo
from lsst.pex.config import FieldValidationError
from lsst.pipe.base.testUtils import lintConnections, makeQuantum, runTestQuantum
from lsst.transient.bogus.columns import (
    DIA_SOURCE,
    INJECTED_CATALOG,
    INJECTED_MATCH,
    LABEL_DISAGREEMENTS,
    LABELS,
    TableSchema,
)
from lsst.transient.bogus.errors import TableSchemaError
from lsst.transient.bogus.folds import sky_tiles, tile_folds
from lsst.transient.bogus.labels import LabelFlag
from lsst.transient.bogus.tasks.label import (
    TransientLabelConfig,
    TransientLabelConnections,
    TransientLabelTask,
)

ARCSEC = 1 / 3600
MAG_OF_1000_NJY = 31.4 - 7.5


def table(schema: TableSchema, n: int, **columns: Any) -> Table:
    data = {c.name: np.full(n, c.fill) for c in schema.columns if not c.optional}
    return schema.build(data | columns)


def injections(n: int = 4, mag: float = MAG_OF_1000_NJY) -> Table:
    """Return injections at RA = 0, 10, 20, … arcsec on the equator."""
    return table(
        INJECTED_CATALOG,
        n,
        injection_id=500 + np.arange(n),
        ra=10 * ARCSEC * np.arange(n),
        dec=np.zeros(n),
        mag=np.full(n, mag),
        is_hostless=np.arange(n) % 2 == 1,
    )


def detections(offsets: list[float], flux: float = 1000.0, **columns: Any) -> Table:
    """Return DIA sources at RA offsets in arcsec from RA = 0."""
    n = len(offsets)
    defaults = {
        "diaSourceId": 90 - np.arange(n),
        "ra": (ARCSEC * np.array(offsets, dtype=float)) % 360.0,
        "dec": np.zeros(n),
        "band": np.full(n, "g"),
        "psfFlux": np.full(n, flux),
        "psfFluxErr": np.full(n, 50.0),
        "snr": np.full(n, 20.0),
    }
    return table(DIA_SOURCE, n, **(defaults | columns))


def matched(catalog: Table, ids: list[int], separation: float = 0.1) -> Table:
    """Return the match table of a catalogue; 0 is not found."""
    columns = {name: catalog[name] for name in catalog.colnames}
    found = np.array(ids, dtype=np.int64)
    return INJECTED_MATCH.build(
        columns | {"diaSourceId": found, "dist_diaSrc": np.where(found == 0, -1.0, separation)}
    )


def label(
    dia_sources: Table,
    catalog: Table | None = None,
    matches: Table | None = None,
    **settings: Any,
) -> Table:
    config = TransientLabelConfig()
    config.update(matchBy="position" if matches is None else "table", **settings)
    config.validate()
    labels = (
        TransientLabelTask(config=config)
        .run(
            dia_sources=dia_sources,
            injected_catalog=injections() if catalog is None else catalog,
            injected_matches=matches,
        )
        .labels
    )
    LABELS.check(labels)
    assert labels["diaSourceId"].tolist() == dia_sources["diaSourceId"].tolist()
    return labels


def test_connections() -> None:
    lintConnections(TransientLabelConnections)


@pytest.mark.parametrize("match_by", ["table", "position"])
def test_connections_follow_the_configuration(match_by: str) -> None:
    connections = TransientLabelConnections(config=TransientLabelConfig(matchBy=match_by))
    assert ("injected_matches" in connections.inputs) == (match_by == "table")


def test_labels_by_position() -> None:
    labels = label(detections([0.1, 20.4, 5.0, 29.2, -0.3]))
    assert labels["label"].tolist() == [1, 1, 0, 0, 0]
    assert labels["injection_id"].tolist() == [500, 502, 0, 0, 0]
    assert labels["is_ambiguous"].tolist() == [False, False, False, True, True]
    np.testing.assert_allclose(labels["separation"], [0.1, 0.4, 5.0, 0.8, 0.3], atol=1e-6)
    np.testing.assert_allclose(labels["injected_mag"], [MAG_OF_1000_NJY] * 2 + [np.nan] * 3)


def test_labels_by_table_doubt_what_the_table_leaves_out() -> None:
    catalog = injections()
    sources = detections([0.1, 10.1, 5.0])
    labels = label(sources, catalog, matched(catalog, [90, 0, 0, 0]))
    assert labels["label"].tolist() == [1, 0, 0]
    assert labels["label_flag"].tolist() == [0, LabelFlag.NEAR_INJECTION, 0]


def test_the_whole_catalogue_excludes_even_if_the_table_has_fewer_rows() -> None:
    catalog = injections()
    labels = label(detections([0.1, 10.1]), catalog, matched(catalog[:1], [90]))
    assert labels["is_ambiguous"].tolist() == [False, True]


@pytest.mark.parametrize("by_table", [True, False])
def test_failed_injections_are_not_found(by_table: bool) -> None:
    """A detection where nothing was injected after all is a chance neighbour: not positive, but in doubt."""
    catalog = injections()
    catalog["injection_flag"] = [0, 4, 0, 0]
    sources = detections([0.1, 10.1, 20.1])
    matches = matched(catalog, [90, 89, 88, 0]) if by_table else None
    labels = label(sources, catalog, matches)
    assert labels["label"].tolist() == [1, 0, 1]
    assert labels["injection_id"].tolist() == [500, 0, 502]
    assert labels["label_flag"].tolist() == [0, LabelFlag.NEAR_INJECTION, 0]


def test_far_matches_of_the_table_are_doubtful() -> None:
    catalog = injections()
    labels = label(detections([0.9]), catalog, matched(catalog, [90, 0, 0, 0], separation=0.9))
    assert labels["label"].tolist() == [1]
    assert labels["label_flag"].tolist() == [LabelFlag.FAR_MATCH]


def test_flux_that_contradicts_is_doubtful() -> None:
    too_faint = injections(mag=MAG_OF_1000_NJY + 5)
    assert label(detections([0.1]), too_faint)["label_flag"].tolist() == [LabelFlag.FLUX_CONTRADICTS]
    assert label(detections([0.1]), too_faint, maxFluxSigma=1e6)["is_ambiguous"].tolist() == [False]
    negative = detections([0.1], flux=-1000.0, isNegative=np.array([True]))
    assert label(negative)["is_ambiguous"].tolist() == [True]


@pytest.mark.parametrize(("column", "flag"), [("glint_trail", LabelFlag.GLINT_TRAIL), ("flash", 0)])
def test_flashes_are_ambiguous(column: str, flag: int) -> None:
    labels = label(detections([0.1, 5.0, 15.0], glint_trail=[False, True, False]), glintColumn=column)
    assert labels["label_flag"].tolist() == [0, flag, 0]
    assert labels["is_ambiguous"].tolist() == [False, bool(flag), False]


def test_host_less_injections_are_told() -> None:
    assert label(detections([0.1, 10.1, 5.0]))["is_hostless"].tolist() == [False, True, False]


def test_catalogue_of_the_stack_without_our_columns() -> None:
    catalog = injections()
    catalog.keep_columns(["injection_id", "ra", "dec", "mag"])
    labels = label(detections([10.1]), catalog)
    assert labels["label"].tolist() == [1]
    assert labels["is_hostless"].tolist() == [False]


def test_sign_and_snr() -> None:
    sources = detections([5.0, 6.0], snr=np.array([-7.0, 8.0]), isNegative=np.array([True, False]))
    labels = label(sources)
    assert labels["sign"].tolist() == [-1, 1]
    assert labels["snr"].tolist() == [7.0, 8.0]
    sources.remove_column("isNegative")
    sources["psfFlux"] = [3.0, -3.0]
    assert label(sources)["sign"].tolist() == [1, -1]


def test_radius_in_units_of_the_psf() -> None:
    # A PSF of sigma 2 pixels of 0.2 arcsec: 0.94 arcsec FWHM.
    offsets = [0.8, 10.8, 105.0]
    sources = detections(
        offsets,
        x=np.array(offsets) / 0.2,
        y=np.zeros(3),
        ixxPSF=np.full(3, 4.0),
        iyyPSF=np.full(3, 4.0),
    )
    assert label(sources)["label"].tolist() == [0, 0, 0]
    labels = label(sources, matchRadius=1.0, exclusionRadius=2.0, matchRadiusUnit="fwhm")
    assert labels["label"].tolist() == [1, 1, 0]
    assert labels.meta["MATCH_RADIUS_ARCSEC"] == pytest.approx(2.0 * 2.3548 * 0.2, rel=1e-4)


def test_folds_are_those_of_the_sky() -> None:
    sources = detections([0.0, 900.0, np.nan])
    labels = label(sources, nside=4096, nFolds=3, foldSeed=9)
    tiles = sky_tiles(sources["ra"], sources["dec"], nside=4096)
    assert labels["tile"].tolist() == tiles.tolist()
    assert labels["fold"].tolist() == tile_folds(tiles, n_folds=3, seed=9).tolist()
    assert labels["fold"][2] == -1
    assert labels["is_ambiguous"].tolist() == [False, False, True]
    assert (labels.meta["NSIDE"], labels.meta["N_FOLDS"], labels.meta["FOLD_SEED"]) == (4096, 3, 9)


@pytest.mark.parametrize(("n_sources", "n_injections"), [(0, 0), (0, 3), (3, 0)])
@pytest.mark.parametrize("by_table", [True, False])
def test_empty(n_sources: int, n_injections: int, by_table: bool) -> None:
    catalog = injections(n_injections)
    matches = matched(catalog, [0] * n_injections) if by_table else None
    labels = label(detections([5.0, 6.0, 7.0][:n_sources]), catalog, matches)
    assert len(labels) == n_sources
    assert not np.any(labels["label"])
    assert not np.any(labels["is_ambiguous"])


def paired(
    dia_sources: Table, uninjected: Table, rule: str, catalog: Table | None = None
) -> tuple[list[int], list[bool], Table]:
    """Return labels, doubt and disagreements of a pair."""
    config = TransientLabelConfig(matchBy="position", doPaired=True, pairedRule=rule)
    config.validate()
    result = TransientLabelTask(config=config).run(
        dia_sources=dia_sources,
        injected_catalog=injections() if catalog is None else catalog,
        uninjected_dia_sources=uninjected,
    )
    LABEL_DISAGREEMENTS.check(result.disagreements)
    labels = result.labels
    return labels["label"].tolist(), labels["is_ambiguous"].tolist(), result.disagreements


@pytest.mark.parametrize(
    ("rule", "labels", "ambiguous"),
    [
        ("both", [1, 1, 0, 0], [False, True, True, False]),
        ("paired", [1, 0, 1, 0], [False, False, False, False]),
        ("position", [1, 1, 0, 0], [False, False, True, False]),
    ],
)
def test_paired_labels(rule: str, labels: list[int], ambiguous: list[bool]) -> None:
    # New at an injection; at an injection, but there without it too; new, and farther from an
    # injection than matches go; away from all, in both.
    sources = detections([0.1, 10.1, 20.8, 35.0])
    found = paired(sources, detections([10.15, 35.0, 50.0]), rule)
    assert found[:2] == (labels, ambiguous)
    disagreements = found[2]
    assert disagreements["diaSourceId"].tolist() == [89, 88]
    assert disagreements["position_injection_id"].tolist() == [501, 0]
    assert disagreements["paired_injection_id"].tolist() == [0, 502]
    assert disagreements["uninjected_dia_source_id"].tolist() == [90, 0]


def test_a_pair_gives_an_injection_one_detection() -> None:
    labels, ambiguous, _ = paired(detections([0.6, 0.2, 0.8]), detections([]), "paired")
    assert labels == [0, 1, 0]
    assert ambiguous == [True, False, True]


@pytest.mark.parametrize("rule", ["both", "paired"])
def test_a_pair_does_not_find_failed_injections(rule: str) -> None:
    """A new detection where nothing was injected after all is in doubt, and the pair agrees."""
    catalog = injections()
    catalog["injection_flag"] = [0, 4, 0, 0]
    labels, ambiguous, disagreements = paired(detections([0.1, 10.1]), detections([]), rule, catalog)
    assert labels == [1, 0]
    assert ambiguous == [False, True]
    assert len(disagreements) == 0


def test_pairs_without_sources() -> None:
    assert paired(detections([]), detections([]), "both")[0] == []
    assert paired(detections([5.0]), detections([]), "both")[:2] == ([0], [False])


@pytest.mark.parametrize("do_paired", [True, False])
def test_connections_of_pairs(do_paired: bool) -> None:
    connections = TransientLabelConnections(config=TransientLabelConfig(doPaired=do_paired))
    assert ("uninjected_dia_sources" in connections.inputs) == do_paired
    assert ("disagreements" in connections.outputs) == do_paired


def test_missing_columns_are_told() -> None:
    sources = detections([0.1])
    sources.remove_columns(["ra", "band"])
    with pytest.raises(TableSchemaError, match=r"'ra'.*'band'"):
        label(sources)


@pytest.mark.parametrize("settings", [{"exclusionRadius": 0.1}, {"nside": 1000}, {"nFolds": 1}])
def test_impossible_configurations(settings: dict[str, Any]) -> None:
    with pytest.raises(FieldValidationError):
        label(detections([]), **settings)


def test_quantum(tmp_path: Path) -> None:
    repo = makeTestRepo(str(tmp_path))
    addDataIdValue(repo, "instrument", "Cam")
    addDataIdValue(repo, "physical_filter", "Cam-r", band="r")
    addDataIdValue(repo, "day_obs", 20250101)
    addDataIdValue(repo, "visit", 7, physical_filter="Cam-r", day_obs=20250101)
    addDataIdValue(repo, "detector", 3)
    task = TransientLabelTask()
    connections = TransientLabelConnections(config=task.config)
    names = {c: getattr(connections, c) for c in [*connections.inputs, *connections.outputs]}
    for connection in names.values():
        addDatasetType(repo, connection.name, {"instrument", "visit", "detector"}, "ArrowAstropy")
    butler = makeTestCollection(repo)
    data_id = {"instrument": "Cam", "visit": 7, "detector": 3}
    catalog, sources = injections(), detections([0.1, 10.1, 5.0])
    butler.put(sources, "dia_source_detector", data_id)
    butler.put(catalog, "injected_visit_image_catalog", data_id)
    butler.put(matched(catalog, [90, 89, 0, 0]), "injected_matched_dia_source", data_id)
    quantum = makeQuantum(task, butler, data_id, dict.fromkeys(names, data_id))
    runTestQuantum(task, butler, quantum, mockRun=False)
    stored = butler.get("transient_labels", data_id)
    assert stored["label"].tolist() == [1, 1, 0]
    assert stored["label"].dtype == np.int8
    assert stored.meta["LABEL_FLAG_BITS"]["NEAR_INJECTION"] == 2
