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
from scipy import stats

from lsst.daf.butler.tests import addDataIdValue, addDatasetType, makeTestCollection, makeTestRepo
from lsst.pex.config import FieldValidationError
from lsst.pipe.base import InvalidQuantumError
from lsst.pipe.base.testUtils import lintConnections, makeQuantum, runTestQuantum
from lsst.transient.bogus.columns import INJECTION_CATALOG
from lsst.transient.bogus.errors import AstrometryFitError, TableSchemaError
from lsst.transient.bogus.sphere import position_angle, separation_arcsec
from lsst.transient.bogus.tasks.host_catalog import (
    GalaxyHostCatalogConfig,
    GalaxyHostCatalogConnections,
    GalaxyHostCatalogTask,
)
from lsst.transient.bogus.tasks.host_catalog_config import QUANTITIES

from .host_catalog_fakes import ALPHA, draw, hosted, rotated_wcs, sources

COLUMNS = [c.name for c in INJECTION_CATALOG.columns if c.name != "event_id"]


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


def inside(table: Table, margin: float = 0.0) -> np.ndarray:
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
