# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ingestion of injection catalogues by trixel and band, in a repository."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table, vstack
from click.testing import CliRunner, Result

from lsst.daf.butler import Butler, CollectionType, DatasetType
from lsst.daf.butler.tests import addDataIdValue
from lsst.sphgeom import HtmPixelization, LonLat, UnitVector3d
from lsst.transient.bogus.columns import INJECTION_CATALOG
from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.ids import pack_ids
from lsst.transient.bogus.scripts.ingest_injection_catalog import (
    ingest_injection_catalog,
    ingest_shards,
    shard_catalog,
)

INPUT = "hosts"
BANDS = {101: "r", 102: "r", 103: "i"}
N_ROWS = 40
HOST_COLUMNS = (
    "host_mag",
    "host_ra",
    "host_dec",
    "host_semi_major",
    "host_semi_minor",
    "host_pa",
    "offset_arcsec",
)
# The corner of four trixels of every level, and across right ascension 0.
RA, DEC = 0.0, 0.0


def make_catalog(visit: int, detector: int) -> Table:
    rng = np.random.default_rng([visit, detector])
    return INJECTION_CATALOG.build(
        {
            "injection_id": pack_ids(visit, detector, N_ROWS),
            "ra": (RA + rng.uniform(-0.1, 0.1, N_ROWS)) % 360,
            "dec": DEC + rng.uniform(-0.1, 0.1, N_ROWS),
            "mag": rng.uniform(20, 25, N_ROWS),
            "band": np.full(N_ROWS, BANDS[visit]),
            "visit": np.full(N_ROWS, visit),
            "detector": np.full(N_ROWS, detector),
            "source_type": np.full(N_ROWS, "Star"),
            "x": rng.uniform(0, 2000, N_ROWS),
            "y": rng.uniform(0, 4000, N_ROWS),
            "host_id": np.zeros(N_ROWS, dtype=int),
            **{name: np.full(N_ROWS, np.nan) for name in HOST_COLUMNS},
            "is_hostless": np.ones(N_ROWS, dtype=bool),
        },
        meta={"SEED": visit},
    )


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a repository with the catalogues of three visits of two detectors.  Read only."""
    root = tmp_path_factory.mktemp("original") / "repo"
    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), writeable=True) as butler:
        addDataIdValue(butler, "instrument", "Cam")
        for band in "ri":
            addDataIdValue(butler, "physical_filter", f"Cam-{band}", instrument="Cam", band=band)
        for detector in (0, 1):
            addDataIdValue(butler, "detector", detector, instrument="Cam")
        addDataIdValue(butler, "day_obs", 20260101, instrument="Cam")
        for visit, band in BANDS.items():
            keys = {"instrument": "Cam", "physical_filter": f"Cam-{band}", "day_obs": 20260101}
            addDataIdValue(butler, "visit", visit, **keys)
        dataset_type = DatasetType(
            "transient_injection_catalog",
            ("instrument", "visit", "detector"),
            "ArrowAstropy",
            universe=butler.dimensions,
        )
        butler.registry.registerDatasetType(dataset_type)
        butler.collections.register(INPUT)
        for visit in BANDS:
            for detector in (0, 1):
                butler.put(
                    make_catalog(visit, detector),
                    dataset_type,
                    instrument="Cam",
                    visit=visit,
                    detector=detector,
                    run=INPUT,
                )
    return root


@pytest.fixture
def repo(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "repo"))


@pytest.fixture
def butler(repo: Path) -> Iterator[Butler]:
    with Butler.from_config(str(repo), writeable=True) as butler:
        yield butler


def invoke(repo: Path, *arguments: str) -> Result:
    return CliRunner().invoke(ingest_injection_catalog, [str(repo), "-i", INPUT, *arguments])


def stored(butler: Butler, run: str) -> dict[tuple[int, str], Table]:
    refs = butler.query_datasets("injection_catalog", collections=run)
    tables = {(ref.dataId["htm7"], ref.dataId["band"]): butler.get(ref) for ref in refs}
    for table in tables.values():
        table.meta.clear()
    return tables


def all_rows(visits: tuple[int, ...] = tuple(BANDS)) -> Table:
    tables = [make_catalog(visit, detector) for visit in visits for detector in (0, 1)]
    rows = vstack(tables, metadata_conflicts="silent")
    rows.remove_columns(["x", "y"])
    return rows


def assert_same_rows(one: Table, other: Table) -> None:
    assert one.colnames == other.colnames
    one, other = (table[np.argsort(table["injection_id"])] for table in (one, other))
    for name in one.colnames:
        np.testing.assert_array_equal(np.asarray(one[name]), np.asarray(other[name]), err_msg=name)


def test_what_is_read_back_is_what_went_in(repo: Path, butler: Butler) -> None:
    result = invoke(repo, "-o", "injection/run")
    assert result.exit_code == 0, result.output
    assert "240 of 240 injections written, from 6 detectors of 3 visits" in result.output
    shards = stored(butler, "injection/run")
    assert {band for _, band in shards} == {"r", "i"}
    assert len({trixel for trixel, _ in shards}) >= 4
    assert_same_rows(vstack(list(shards.values())), all_rows())


def test_each_row_is_in_its_trixel_and_band(repo: Path, butler: Butler) -> None:
    assert invoke(repo, "-o", "injection/run").exit_code == 0
    pixelization = HtmPixelization(7)
    for (trixel, band), table in stored(butler, "injection/run").items():
        assert set(table["band"]) == {band}
        for row in table:
            position = UnitVector3d(LonLat.fromDegrees(float(row["ra"]), float(row["dec"])))
            assert pixelization.index(position) == trixel


def test_no_pixel_positions_reach_a_neighbouring_detector(repo: Path, butler: Butler) -> None:
    """The stock task would inject a source of one detector at the same pixel of the next."""
    assert invoke(repo, "-o", "injection/run").exit_code == 0
    for table in stored(butler, "injection/run").values():
        assert not {"x", "y"} & set(table.colnames)
        assert {"ra", "dec", "mag", "source_type", "injection_id", "visit", "is_hostless"} <= set(
            table.colnames
        )


def test_selection_by_visit_finds_exactly_one_visit(repo: Path, butler: Butler) -> None:
    """The expression of the pipeline for the stock task, evaluated as that task does."""
    assert invoke(repo, "-o", "injection/run").exit_code == 0
    tables = [table for (_, band), table in stored(butler, "injection/run").items() if band == "r"]
    catalog = vstack(tables)
    chosen = catalog[np.isin(catalog["visit"], 102)]
    assert_same_rows(chosen, all_rows((102,)))


def test_an_existing_run_is_refused(repo: Path, butler: Butler) -> None:
    assert invoke(repo, "-o", "run", "--where", "instrument = 'Cam' AND visit = 101").exit_code == 0
    result = invoke(repo, "-o", "run")
    assert result.exit_code == 1
    assert "RUN 'run' exists" in result.output
    assert "--extend" in result.output
    assert "Reading" not in result.output, "it is refused before anything is read"
    assert_same_rows(vstack(list(stored(butler, "run").values())), all_rows((101,)))


def test_extending_adds_only_what_is_missing(repo: Path, butler: Butler) -> None:
    assert invoke(repo, "-o", "run", "--where", "instrument = 'Cam' AND visit IN (101, 103)").exit_code == 0
    result = invoke(repo, "-o", "run", "--extend")
    assert result.exit_code == 0, result.output
    assert "80 of 240 injections written" in result.output
    assert_same_rows(vstack(list(stored(butler, "run").values())), all_rows())
    again = invoke(repo, "-o", "run", "--extend")
    assert "0 of 240 injections written" in again.output


def test_a_failure_leaves_no_run_behind(butler: Butler, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = shard_catalog(all_rows())
    put, n_put = butler.put, 0

    def fail_on_third(*args, **kwargs):
        nonlocal n_put
        n_put += 1
        if n_put == 3:
            raise OSError("disk full")
        return put(*args, **kwargs)

    monkeypatch.setattr(butler, "put", fail_on_third)
    with pytest.raises(OSError, match="disk full"):
        ingest_shards(butler, shards, run="run")
    monkeypatch.undo()
    assert "run" not in butler.collections.query("*")
    assert ingest_shards(butler, shards, run="run") == 240


def test_a_failure_while_extending_keeps_the_old_rows(
    butler: Butler, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_shards(butler, shard_catalog(all_rows((101,))), run="run")
    put, failed = butler.put, []

    def fail_once(*args, **kwargs):
        if not failed:
            failed.append(True)
            raise OSError("disk full")
        return put(*args, **kwargs)

    monkeypatch.setattr(butler, "put", fail_once)
    with pytest.raises(OSError, match="disk full"):
        ingest_shards(butler, shard_catalog(all_rows((102,))), run="run", extend=True)
    monkeypatch.undo()
    assert_same_rows(vstack(list(stored(butler, "run").values())), all_rows((101,)))


def test_nothing_to_read_is_said(repo: Path) -> None:
    for arguments in (("--where", "instrument = 'Cam' AND visit = 999"), ("--input-type", "no_such_type")):
        result = invoke(repo, "-o", "run", *arguments)
        assert result.exit_code == 1
        assert result.output.startswith("Error: ")
    result = CliRunner().invoke(ingest_injection_catalog, [str(repo), "-i", "nowhere", "-o", "run"])
    assert result.exit_code == 1
    assert "nowhere" in result.output


def test_catalogues_with_different_columns_are_refused(repo: Path, butler: Butler) -> None:
    catalog = make_catalog(101, 0)
    catalog["event_id"] = np.arange(N_ROWS)
    butler.collections.register("other_mode")
    data_id = {"instrument": "Cam", "visit": 101, "detector": 0}
    butler.put(catalog, "transient_injection_catalog", data_id, run="other_mode")
    arguments = [str(repo), "-i", f"other_mode,{INPUT}", "-o", "run"]
    result = CliRunner().invoke(ingest_injection_catalog, arguments)
    assert result.exit_code == 1
    assert "6 catalogues have not all the same columns" in result.output
    assert "run" not in butler.collections.query("*")


def test_a_collection_that_is_no_run_is_refused(repo: Path, butler: Butler) -> None:
    butler.collections.register("chain", CollectionType.CHAINED)
    result = invoke(repo, "-o", "chain", "--extend")
    assert result.exit_code == 1
    assert "not a RUN but CHAINED" in result.output


def test_rows_without_position_are_refused() -> None:
    catalog = make_catalog(101, 0)
    catalog["ra"][3] = np.nan
    with pytest.raises(InputDataError, match="1 of 40 injections have no finite position"):
        shard_catalog(catalog)


def test_the_stock_task_can_read_the_dataset_type(repo: Path, butler: Butler) -> None:
    assert invoke(repo, "-o", "run").exit_code == 0
    dataset_type = butler.get_dataset_type("injection_catalog")
    assert set(dataset_type.dimensions.required) == {"htm7", "band"}
    assert dataset_type.storageClass_name == "ArrowAstropy"
