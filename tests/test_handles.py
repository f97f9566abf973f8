# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that tables and their metadata survive the way through a butler."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import astropy.units as u
import numpy as np
import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from astropy.table.meta import get_header_from_yaml

import lsst.daf.butler.tests as butlerTests
from lsst.daf.butler import Butler, Config
from lsst.daf.butler.formatters.parquet import astropy_to_arrow
from lsst.pipe.base import InMemoryDatasetHandle
from lsst.transient.bogus.errors import TableSchemaError
from lsst.transient.bogus.handles import arrow_to_table, read_table, table_parameters, table_reader
from lsst.transient.bogus.words import pack_tensors

META = {"PRIOR": 0.2, "CHANNELS": ["difference", "science"], "MASK_BITS": {"BAD": 0}}


def table(n: int) -> Table:
    rng = np.random.default_rng(1)
    columns = {
        "a": np.arange(n),
        "band": np.full(n, "r"),
        "image": rng.normal(size=(n, 2, 3, 4)).astype(np.float32),
        "mask": rng.integers(0, 255, (n, 2, 3), dtype=np.uint8),
        "flags": rng.random((n, 3)) < 0.5,
        "vector": rng.normal(size=(n, 5)),
    }
    return Table(columns, units={"image": "nJy"}, descriptions={"a": "A number."}, meta=META)


@pytest.fixture
def butler(tmp_path: Path) -> Butler:
    """Return a butler that writes files: in-memory datastores hide what happens to metadata."""
    config = Config({"datastore": {"cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore"}})
    repository = butlerTests.makeTestRepo(str(tmp_path / "repo"), {"instrument": ["SimCam"]}, config=config)
    butlerTests.addDatasetType(repository, "table", {"instrument"}, "ArrowAstropy")
    return butlerTests.makeTestCollection(repository, uniqueId="handles")


def assert_equal(found: Table, expected: Table) -> None:
    assert found.colnames == expected.colnames
    assert {name: found.meta[name] for name in META} == META
    for name in expected.colnames:
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].dtype == expected[name].dtype
        assert found[name].shape == expected[name].shape
        assert (found[name].unit, found[name].description) == (
            expected[name].unit,
            expected[name].description,
        )


@pytest.mark.parametrize("n", [0, 1, 7])
@pytest.mark.parametrize("columns", [None, ["mask", "a"]])
def test_same_as_the_butler_reads_it(butler: Butler, n: int, columns: list[str] | None) -> None:
    butler.put(table(n), "table", instrument="SimCam")
    found = read_table(butler.getDeferred("table", instrument="SimCam"), columns)
    assert_equal(found, table(n)[columns] if columns else table(n))
    butlers = butler.get("table", instrument="SimCam", parameters=table_parameters(columns))
    assert_equal(found, butlers)
    assert found.meta == butlers.meta


def test_headers_mean_what_astropy_wrote() -> None:
    written = table(3)
    written["image"].meta["nested"] = OrderedDict(first=[1, {"x": None}], second=OrderedDict(y=(1, 2)))
    written.meta |= {"exposure": 30.0 * u.s, "where": SkyCoord(1.0, 2.0, unit="deg"), "text": "a: b, é\n#c"}
    header = astropy_to_arrow(written).schema.metadata[b"table_meta_yaml"].decode()
    found = arrow_to_table(astropy_to_arrow(written))
    expected = get_header_from_yaml(header.split("\n"))
    assert found.meta.pop("where").separation(expected["meta"].pop("where")) == 0.0
    assert found.meta == expected["meta"]
    assert found["image"].meta == {"nested": {"first": [1, {"x": None}], "second": {"y": (1, 2)}}}


def test_tables_can_be_changed_without_changing_others(butler: Butler) -> None:
    butler.put(table(3), "table", instrument="SimCam")
    first = read_table(butler.getDeferred("table", instrument="SimCam"))
    first["image"][0] = np.nan
    first.meta["MASK_BITS"]["BAD"] = 7
    first["a"].meta["x"] = 1
    assert_equal(read_table(butler.getDeferred("table", instrument="SimCam")), table(3))


def test_tensors_in_several_pieces() -> None:
    arrow = astropy_to_arrow(table(9))
    pieces = pa.concat_tables([arrow.slice(2, 3), arrow.slice(5, 4)])
    assert pieces["image"].num_chunks == 2
    assert_equal(arrow_to_table(pieces), table(9)[2:])
    assert_equal(arrow_to_table(arrow.slice(4, 2)), table(9)[4:6])


@pytest.mark.parametrize(
    "foreign",
    [
        Table({"a": MaskedColumn([1, 2, 3], mask=[False, True, False])}, meta=META),
        Table({"a": np.array([b"x", b"yz"])}, meta=META),
        Table({"a": np.array(["2025-01-01T00:00:00"], dtype="datetime64[us]")}, meta=META),
    ],
)
def test_columns_of_other_kinds_are_left_to_the_butler(butler: Butler, foreign: Table) -> None:
    butler.put(foreign, "table", instrument="SimCam")
    handle = butler.getDeferred("table", instrument="SimCam")
    assert arrow_to_table(handle.get(storageClass="ArrowTable", parameters=table_parameters())) is None
    assert read_table(handle)["a"].tolist() == foreign["a"].tolist()


def test_tables_of_other_writers_are_left_to_the_butler() -> None:
    assert arrow_to_table(astropy_to_arrow(table(3)).replace_schema_metadata(None)) is None


@pytest.mark.parametrize("packed", [False, True])
def test_a_reader_reads_the_same_on_any_thread(butler: Butler, packed: bool) -> None:
    stored = pack_tensors(table(7), ["image", "mask"]) if packed else table(7)
    butler.put(stored, "table", instrument="SimCam")
    read = table_reader(butler.getDeferred("table", instrument="SimCam"))
    with ThreadPoolExecutor(1) as pool:
        assert_equal(pool.submit(read).result(), table(7))


def test_a_reader_of_what_is_no_file() -> None:
    assert_equal(table_reader(InMemoryDatasetHandle(table(3), storageClass="ArrowAstropy"))(), table(3))


def test_a_reader_refuses_nulls(butler: Butler) -> None:
    masked = table(3)
    masked["a"] = np.ma.masked_equal(masked["a"], 1)
    butler.put(masked, "table", instrument="SimCam")
    read = table_reader(butler.getDeferred("table", instrument="SimCam"))
    with pytest.raises(TableSchemaError, match="without nulls"):
        read()


def test_a_reader_of_what_was_removed(butler: Butler) -> None:
    ref = butler.put(table(3), "table", instrument="SimCam")
    handle = butler.getDeferred(ref)
    butler.pruneDatasets([ref], unstore=True, disassociate=False)
    with pytest.raises(FileNotFoundError):
        table_reader(handle)
