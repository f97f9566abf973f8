# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of `GalaxyHostCatalogTask`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from astropy.wcs import WCS
from scipy import stats

from lsst.daf.butler.tests import addDataIdValue, addDatasetType, makeTestCollection, makeTestRepo
from lsst.pex.config import FieldValidationError
from lsst.pipe.base import InvalidQuantumError, UpstreamFailureNoWorkFound
from lsst.pipe.base.testUtils import lintConnections, makeQuantum, runTestQuantum
from lsst.transient.bogus.columns import INJECTION_CATALOG, SOURCE
from lsst.transient.bogus.errors import AstrometryFitError, TableSchemaError
from lsst.transient.bogus.sphere import position_angle, separation_arcsec
from lsst.transient.bogus.tasks.host_catalog import (
    GalaxyHostCatalogConfig,
    GalaxyHostCatalogConnections,
    GalaxyHostCatalogTask,
)
from lsst.transient.bogus.tasks.host_catalog_config import QUANTITIES

ALPHA = 1e-3
SIZE = 4000.0
COLUMNS = [c.name for c in INJECTION_CATALOG.columns if c.name != "event_id"]


def rotated_wcs(rotation: float = 30.0, parity: int = -1, dec: float = -30.0) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [0.0, dec], [-500.0, 3000.0]
    cosine, sine = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    wcs.wcs.cd = 0.2 / 3600 * np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([parity, 1])
    return wcs


def sources(n: int = 3000, *, wcs: WCS | None = None, seed: int = 1, **replace: Any) -> Table:
    """Return galaxies at random positions with axes of 2 to 6 pixels."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.0, SIZE, (2, n))
    ra, dec = (wcs or rotated_wcs()).all_pix2world(x, y, 0)
    a, angle = rng.uniform(2.0, 6.0, n), rng.uniform(0.0, np.pi, n)
    b = a * rng.uniform(0.3, 0.9, n)
    c, s = np.cos(angle), np.sin(angle)
    data: dict[str, Any] = {column.name: np.full(n, column.fill) for column in SOURCE.columns}
    data |= {
        "sourceId": np.arange(1, n + 1),
        "x": x,
        "y": y,
        "ra": ra,
        "dec": dec,
        "ixx": a**2 * c**2 + b**2 * s**2,
        "iyy": a**2 * s**2 + b**2 * c**2,
        "ixy": (a**2 - b**2) * s * c,
        "extendedness": np.ones(n),
        "ap12Flux": 10 ** rng.uniform(3.0, 5.0, n),
        "psfFlux": np.full(n, 250.0),
        "psfFluxErr": np.full(n, 25.0),
        "detect_isPrimary": np.ones(n, dtype=bool),
    }
    return SOURCE.build(data | replace)


def draw(table: Table, visit: int = 7, detector: int = 3, **settings: Any) -> Table:
    config = GalaxyHostCatalogConfig()
    config.update(**settings)
    config.validate()
    catalog = (
        GalaxyHostCatalogTask(config=config)
        .run(sources=table, visit=visit, detector=detector, band="r")
        .injection_catalog
    )
    INJECTION_CATALOG.check(catalog)
    return catalog


def hosted(catalog: Table) -> tuple[Table, np.ndarray]:
    """Return the hosted rows, and the row of the source table of each."""
    rows = catalog[~catalog["is_hostless"]]
    return rows, np.asarray(rows["host_id"]) - 1


def test_connections() -> None:
    lintConnections(GalaxyHostCatalogConnections)


@pytest.mark.parametrize(("rotation", "parity", "dec"), [(30.0, -1, -30.0), (200.0, 1, 89.7)])
def test_positions_and_hosts_on_the_sky(rotation: float, parity: int, dec: float) -> None:
    wcs = rotated_wcs(rotation, parity, dec)
    table = sources(wcs=wcs)
    catalog = draw(table, hostFraction=0.5)
    ra, dec_true = wcs.all_pix2world(catalog["x"], catalog["y"], 0)
    assert separation_arcsec(catalog["ra"], catalog["dec"], ra, dec_true).max() < 0.02 * 0.2
    rows, host = hosted(catalog)
    for name in ("ra", "dec", "x", "y"):
        np.testing.assert_array_equal(rows[f"host_{name}"], table[name][host])
    offset = separation_arcsec(rows["ra"], rows["dec"], rows["host_ra"], rows["host_dec"])
    np.testing.assert_allclose(rows["offset_arcsec"], offset, atol=1e-9)
    pixels = np.hypot(rows["x"] - table["x"][host], rows["y"] - table["y"][host])
    np.testing.assert_allclose(offset, 0.2 * pixels, rtol=1e-3, atol=1e-4)
    # A step along the major axis in pixels is a step along the position angle on the sky.
    moments = np.array([[table["ixx"], table["ixy"]], [table["ixy"], table["iyy"]]])[:, :, host]
    values, vectors = np.linalg.eigh(np.moveaxis(moments, -1, 0))
    step = vectors[:, :, 1]
    ra_step, dec_step = wcs.all_pix2world(table["x"][host] + step[:, 0], table["y"][host] + step[:, 1], 0)
    angle = position_angle(rows["host_ra"], rows["host_dec"], ra_step, dec_step)
    difference = (angle - np.asarray(rows["host_pa"]) + 90.0) % 180.0 - 90.0
    assert np.abs(difference).max() < 0.1
    np.testing.assert_allclose(rows["host_semi_major"], 0.2 * np.sqrt(values[:, 1]), rtol=1e-3)
    np.testing.assert_allclose(rows["host_semi_minor"], 0.2 * np.sqrt(values[:, 0]), rtol=1e-3)


def test_published_offsets_and_magnitudes() -> None:
    rows, _ = hosted(draw(sources(), hostFraction=0.6))
    ratio = rows["offset_arcsec"] / rows["host_semi_major"]
    assert stats.kstest(ratio, stats.halfnorm.cdf).pvalue > ALPHA
    angle = position_angle(rows["host_ra"], rows["host_dec"], rows["ra"], rows["dec"])
    relative = (angle - np.asarray(rows["host_pa"])) % 360.0
    assert stats.kstest(relative, stats.uniform(0.0, 360.0).cdf).pvalue > ALPHA
    assert stats.kstest(rows["mag"] - rows["host_mag"], stats.uniform(-1.0, 4.0).cdf).pvalue > ALPHA


@pytest.mark.parametrize("parity", [-1, 1])
def test_elliptical_offsets_lie_along_the_position_angle(parity: int) -> None:
    rows, _ = hosted(
        draw(sources(wcs=rotated_wcs(77.0, parity)), hostFraction=0.6, offsetLaw="elliptical_normal")
    )
    angle = position_angle(rows["host_ra"], rows["host_dec"], rows["ra"], rows["dec"])
    relative = np.radians(angle - np.asarray(rows["host_pa"]))
    along = rows["offset_arcsec"] * np.cos(relative) / rows["host_semi_major"]
    across = rows["offset_arcsec"] * np.sin(relative) / rows["host_semi_minor"]
    assert stats.kstest(along, stats.norm.cdf).pvalue > ALPHA
    assert stats.kstest(across, stats.norm.cdf).pvalue > ALPHA


def test_host_less_share_and_uniformity() -> None:
    catalog = draw(sources(), hostFraction=0.5, hostlessFraction=1.0, box=[0, 0, 3999, 3999], margin=50.0)
    free = catalog[catalog["is_hostless"]]
    n_hosted = len(catalog) - len(free)
    assert abs(len(free) - n_hosted) <= 1
    for name in ("x", "y"):
        assert stats.kstest(free[name], stats.uniform(50.0, 3899.0).cdf).pvalue > ALPHA
    assert np.isnan(free["host_mag"]).all()
    assert np.isnan(free["offset_arcsec"]).all()
    assert not np.any(free["host_id"])


def test_default_shares() -> None:
    shares = [draw(sources(), visit=visit)["is_hostless"] for visit in range(60)]
    n_hostless, n = sum(map(np.sum, shares)), sum(map(len, shares))
    galaxies = np.count_nonzero(inside(sources()))
    # Both numbers are rounded at random without bias.
    assert (n - n_hostless) / 60 == pytest.approx(0.03 * galaxies, abs=0.3)
    assert n_hostless / (n - n_hostless) == pytest.approx(0.05, abs=0.01)


def inside(table: Table, margin: float = 20.0) -> np.ndarray:
    limits = [(np.min(table[name]) + margin, np.max(table[name]) - margin) for name in ("x", "y")]
    return np.all(
        [(table[n] >= low) & (table[n] <= high) for n, (low, high) in zip("xy", limits, strict=True)], axis=0
    )


def test_selection() -> None:
    n = 400
    table = sources(n)
    spoiled = {
        "extendedness": (np.arange(n) % 9 == 0, 0.0),
        "ixx": (np.arange(n) % 9 == 1, np.nan),
        "psfFlux": (np.arange(n) % 9 == 2, 249.0),
        "pixelFlags_saturated": (np.arange(n) % 9 == 3, True),
        "detect_isPrimary": (np.arange(n) % 9 == 4, False),
        "iyy": (np.arange(n) % 9 == 5, 1e6),
        "psfFluxErr": (np.arange(n) % 9 == 6, np.nan),
    }
    for name, (rows, value) in spoiled.items():
        table[name][rows] = value
    _, host = hosted(draw(table, hostFraction=1.0))
    expected = np.flatnonzero(inside(table) & np.isin(np.arange(n) % 9, (7, 8)))
    np.testing.assert_array_equal(host, expected)


def test_any_source_can_be_a_host() -> None:
    table = sources(200, extendedness=np.full(200, np.nan))
    assert len(hosted(draw(table))[1]) == 0
    assert len(hosted(draw(table, hostFraction=1.0, doSelectExtended=False))[1]) == inside(table).sum()


def test_pairs_of_stars_are_no_hosts() -> None:
    psf = np.full(400, 4.0)
    moments = {"ixxPSF": psf, "iyyPSF": psf, "ixyPSF": np.zeros(400), "ixy": np.zeros(400), "iyy": psf}
    table = sources(400, **moments, ixx=np.full(400, 9.0))
    table["iyy"][::2] = 9.0
    _, host = hosted(draw(table, hostFraction=1.0, minSizeRatio=1.1))
    np.testing.assert_array_equal(host, np.flatnonzero(inside(table) & (np.arange(400) % 2 == 0)))


@pytest.mark.parametrize(
    ("law", "expected"),
    [("snr_uniform", stats.uniform(3.0, 17.0)), ("snr_log_uniform", stats.loguniform(3.0, 20.0))],
)
def test_magnitudes_by_signal_to_noise(law, expected) -> None:
    rows, _ = hosted(draw(sources(), hostFraction=0.6, magnitudeLaw=law, maxInjectedSnr=20.0))
    snr = 10 ** (-0.4 * (np.asarray(rows["mag"]) - 31.4)) / 25.0
    assert stats.kstest(snr, expected.cdf).pvalue > ALPHA


def test_foreign_column_names() -> None:
    table = sources(300)
    names = {"id": "objectId", "ra": "coord_ra", "dec": "coord_dec", "flux": "i_cModelFlux"}
    standard = dict(GalaxyHostCatalogConfig().columns)
    expected = draw(table)
    for quantity, name in names.items():
        table.rename_column(standard[quantity], name)
    found = draw(table, columns=standard | names)
    np.testing.assert_array_equal(found["mag"], expected["mag"])
    with pytest.raises(TableSchemaError, match=r"visit 7, detector 3 has no columns \['sourceId'"):
        draw(table)


def test_band_in_names_of_columns_and_flags() -> None:
    table = sources(300)
    standard = dict(GalaxyHostCatalogConfig().columns)
    expected = draw(table, badFlags=["shape_flag"])
    table.rename_columns([standard["flux"], "shape_flag"], ["r_cModelFlux", "r_shape_flag"])
    names = standard | {"flux": "{band}_cModelFlux"}
    found = draw(table, columns=names, badFlags=["{band}_shape_flag"])
    np.testing.assert_array_equal(found["mag"], expected["mag"])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"OFFSET_LAW": "signed_normal", "MAGNITUDE_LAW": "host", "MAGNITUDE_RANGE": [-1.0, 3.0]}),
        (
            {"offsetLaw": "light", "sersicIndex": 2.0, "magnitudeLaw": "snr_uniform"},
            {"OFFSET_LAW": "light", "SERSIC_INDEX": 2.0, "MAGNITUDE_LAW": "snr_uniform"},
        ),
    ],
)
def test_metadata_tell_the_laws(settings: dict[str, Any], expected: dict[str, Any]) -> None:
    meta = draw(sources(100), **settings).meta
    assert expected.items() <= meta.items()
    assert meta["PIXEL_SCALE"] == pytest.approx(0.2, rel=0.01)
    assert ("MAGNITUDE_RANGE" in meta) == ("MAGNITUDE_RANGE" in expected)


def test_more_injections_than_identifiers() -> None:
    with pytest.raises(InvalidQuantumError, match=r"visit 7, detector 3; at most 16384"):
        draw(sources(4000), hostFraction=1.0, hostlessFraction=5.0)


def test_same_quantum_same_catalogue_and_others_differ() -> None:
    table = sources(500)
    first, again = draw(table), draw(table)
    for name in COLUMNS:
        np.testing.assert_array_equal(first[name], again[name])
    many = [draw(table, visit=v, detector=d, hostFraction=0.3) for v in (7, 8) for d in (3, 4)]
    ids = np.concatenate([catalog["injection_id"] for catalog in many])
    assert len(set(ids.tolist())) == len(ids)
    chosen = [set(hosted(catalog)[1].tolist()) for catalog in many]
    n_galaxies = inside(table).sum()
    for i in range(4):
        for j in range(i):
            # Independent choices of 30 % share 30 % of each other's hosts.
            share = len(chosen[i] & chosen[j]) / len(chosen[i])
            assert abs(share - 0.3) < 5 * np.sqrt(0.3 * 0.7 / (0.3 * n_galaxies))


def test_same_in_another_process(tmp_path: Path) -> None:
    table = sources(200)
    table.write(tmp_path / "sources.ecsv")
    code = (
        "from astropy.table import Table\n"
        "from lsst.transient.bogus.tasks.host_catalog import GalaxyHostCatalogTask\n"
        f"table = Table.read({str(tmp_path / 'sources.ecsv')!r})\n"
        "result = GalaxyHostCatalogTask().run(sources=table, visit=7, detector=3, band='r')\n"
        "print(*map(repr, result.injection_catalog['ra'].tolist()))"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert [float(value) for value in result.stdout.split()] == draw(table)["ra"].tolist()


def test_no_galaxy_gives_an_empty_catalogue() -> None:
    catalog = draw(sources(100, extendedness=np.zeros(100)))
    assert len(catalog) == 0
    assert catalog.colnames == COLUMNS


def test_host_less_alone() -> None:
    catalog = draw(sources(100, extendedness=np.zeros(100)), minHostless=5)
    assert catalog["is_hostless"].tolist() == [True] * 5
    assert np.all((catalog["mag"] >= 18.0) & (catalog["mag"] <= 25.0))


def test_sky_that_does_not_fit_fails_with_the_rms() -> None:
    table = sources(200)
    table["x"] += np.random.default_rng(1).normal(0.0, 0.3, 200)
    with pytest.raises(AstrometryFitError, match="visit 7, detector 3") as caught:
        draw(table)
    assert caught.value.metadata["rms_pixel"] == pytest.approx(0.3, rel=0.2)
    with pytest.raises(AstrometryFitError):
        draw(sources(0))


def test_coherent_events_are_shared_by_visits_and_bands() -> None:
    table = sources()
    config = GalaxyHostCatalogConfig(mode="coherent")
    config.events.rate = 0.3
    task = GalaxyHostCatalogTask(config=config)
    first = task.run(sources=table, visit=7, detector=3, band="r", mjd=60000.0).injection_catalog
    second = task.run(sources=table, visit=8, detector=4, band="g", mjd=60001.0).injection_catalog
    INJECTION_CATALOG.check(first)
    common, i, j = np.intersect1d(first["event_id"], second["event_id"], return_indices=True)
    assert len(common) > 0.7 * len(first) > 50
    assert separation_arcsec(first["ra"][i], first["dec"][i], second["ra"][j], second["dec"][j]).max() < 1e-3
    assert not set(first["injection_id"].tolist()) & set(second["injection_id"].tolist())
    assert np.all(first["offset_arcsec"] < 4.0 * first["host_semi_major"])


def test_moving_objects_move() -> None:
    config = GalaxyHostCatalogConfig(mode="moving")
    task = GalaxyHostCatalogTask(config=config)
    table = sources(100)
    first = task.run(sources=table, visit=7, detector=3, band="r", mjd=60000.9).injection_catalog
    second = task.run(sources=table, visit=8, detector=3, band="r", mjd=60000.9 + 1 / 24).injection_catalog
    _, i, j = np.intersect1d(first["event_id"], second["event_id"], return_indices=True)
    moved = separation_arcsec(first["ra"][i], first["dec"][i], second["ra"][j], second["dec"][j])
    assert len(moved) > 20
    assert stats.kstest(moved, stats.uniform(1.0, 39.0).cdf).pvalue > ALPHA


@pytest.mark.parametrize("mode", ["coherent", "moving"])
def test_modes_with_light_curves_need_a_time(mode: str) -> None:
    with pytest.raises(InvalidQuantumError, match="visit 7, detector 3 has none"):
        draw(sources(50), mode=mode)


def test_variable_stars() -> None:
    table = sources(400, extendedness=np.arange(400) % 2)
    catalog = draw(
        table,
        hostFraction=1.0,
        hostlessFraction=0.0,
        minExtendedness=0.0,
        maxExtendedness=0.5,
        offsetLaw="none",
    )
    rows, host = hosted(catalog)
    assert set(np.asarray(table["extendedness"])[host]) == {0.0}
    np.testing.assert_allclose(rows["offset_arcsec"], 0.0, atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"hostFraction": 1.5},
        {"box": [1, 2, 3]},
        {"columns": {"id": "sourceId"}},
        {"columns": {"colour": "g"}},
        {"columns": {q: q for q in QUANTITIES}, "minSizeRatio": 1.1},
        {"minHosts": 50, "maxHosts": 10},
        {"magnitudeBrighter": -2.0, "magnitudeFainter": 1.0},
        {"minInjectedSnr": 60.0},
        {"minHostlessMagnitude": 26.0},
        {"minExtendedness": 0.9, "maxExtendedness": 0.1},
        {"mode": "reversed"},
    ],
)
def test_impossible_configurations(settings: dict[str, Any]) -> None:
    with pytest.raises(FieldValidationError):
        draw(sources(50), **settings)


class Handle:
    """A handle that understands the read parameters of the butler's tables."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def get(self, *, parameters: dict[str, Any] | None = None, **_: Any) -> Table:
        return self.table[(parameters or {})["columns"]]


def objects(wcs: WCS) -> Table:
    """Return coadd objects of 2 by 1 arcsec that lie east–west, all over the detector and beyond."""
    rng = np.random.default_rng(9)
    n = 3000
    ra, dec = wcs.all_pix2world(*rng.uniform(-3000.0, 7000.0, (2, n)), 0)
    return Table(
        {
            "objectId": 10**12 + np.arange(n),
            "coord_ra": ra,
            "coord_dec": dec,
            "shape_xx": np.full(n, 4.0),
            "shape_yy": np.full(n, 1.0),
            "shape_xy": np.zeros(n),
            "refExtendedness": np.ones(n),
            "r_cModelFlux": np.full(n, 1000.0),
            "r_psfFlux": np.full(n, 600.0),
            "r_psfFluxErr": np.full(n, 5.0),
            "shape_flag": np.arange(n) % 2 == 0,
            "r_cModel_flag": np.zeros(n, dtype=bool),
            "detect_isPrimary": np.arange(n) % 3 > 0,
        }
    )


@pytest.mark.parametrize(("rotation", "parity"), [(0.0, -1), (50.0, -1), (50.0, 1)])
def test_hosts_from_coadd_objects(rotation: float, parity: int) -> None:
    wcs = rotated_wcs(rotation, parity)
    table = objects(wcs)
    config = GalaxyHostCatalogConfig(doObjectHosts=True, hostFraction=1.0, offsetLaw="elliptical_normal")
    config.box = [0, 0, 3999, 3999]
    halves = [Handle(table[:1500]), Handle(table[1500:])]
    catalog = (
        GalaxyHostCatalogTask(config=config)
        .run(sources=sources(wcs=wcs), visit=7, detector=3, band="r", objects=halves)
        .injection_catalog
    )
    rows = catalog[~catalog["is_hostless"]]
    number = np.asarray(rows["host_id"]) - 10**12
    x, y = wcs.all_world2pix(table["coord_ra"], table["coord_dec"], 0)
    inside = (np.abs(x - 1999.5) <= 1979.5) & (np.abs(y - 1999.5) <= 1979.5)
    expected = inside & (np.arange(3000) % 2 == 1) & (np.arange(3000) % 3 > 0)
    assert sorted(number) == np.flatnonzero(expected).tolist()
    np.testing.assert_allclose(rows["host_semi_major"], 2.0, rtol=1e-3)
    np.testing.assert_allclose(rows["host_semi_minor"], 1.0, rtol=1e-3)
    np.testing.assert_allclose(rows["host_pa"], 90.0, atol=0.5)
    np.testing.assert_allclose(rows["host_mag"], 31.4 - 7.5)
    east = (rows["ra"] - rows["host_ra"] + 180.0) % 360.0 - 180.0
    along = 3600.0 * east * np.cos(np.radians(rows["host_dec"])) / 2.0
    across = 3600.0 * (rows["dec"] - rows["host_dec"])
    assert stats.kstest(along, stats.norm.cdf).pvalue > ALPHA
    assert stats.kstest(across, stats.norm.cdf).pvalue > ALPHA


def test_hosts_from_objects_need_objects() -> None:
    with pytest.raises(UpstreamFailureNoWorkFound, match="visit 7, detector 3"):
        draw(sources(50), doObjectHosts=True)


@pytest.mark.parametrize("do_objects", [True, False])
def test_connection_of_objects(do_objects: bool) -> None:
    connections = GalaxyHostCatalogConnections(config=GalaxyHostCatalogConfig(doObjectHosts=do_objects))
    assert ("objects" in connections.inputs) == do_objects


@pytest.mark.parametrize(
    "settings", [{"fall": 7.0}, {"minSpeed": 50.0}, {"minMagnitude": 25.0}, {"fallByBand": {"u": 0.1}}]
)
def test_impossible_events(settings: dict[str, Any]) -> None:
    config = GalaxyHostCatalogConfig()
    config.events.update(**settings)
    with pytest.raises(FieldValidationError):
        config.validate()


def test_quantum(tmp_path: Path) -> None:
    repo = makeTestRepo(str(tmp_path))
    addDataIdValue(repo, "instrument", "Cam")
    addDataIdValue(repo, "physical_filter", "Cam-r", band="r")
    addDataIdValue(repo, "day_obs", 20250101)
    addDataIdValue(repo, "visit", 7, physical_filter="Cam-r", day_obs=20250101)
    addDataIdValue(repo, "detector", 3)
    for name in ("source_detector", "transient_injection_catalog"):
        addDatasetType(repo, name, {"instrument", "visit", "detector"}, "ArrowAstropy")
    butler = makeTestCollection(repo)
    data_id = butler.registry.expandDataId(instrument="Cam", visit=7, detector=3)
    table = sources(300)
    butler.put(table, "source_detector", data_id)
    task = GalaxyHostCatalogTask()
    quantum = makeQuantum(task, butler, data_id, {"sources": data_id, "injection_catalog": data_id})
    runTestQuantum(task, butler, quantum, mockRun=False)
    stored, expected = butler.get("transient_injection_catalog", data_id), draw(table)
    for name in COLUMNS:
        np.testing.assert_array_equal(stored[name], expected[name])
    assert set(stored["band"]) == {"r"}
    assert set(stored["visit"]) == {7}
