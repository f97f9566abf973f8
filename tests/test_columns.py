# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of tables declared as data."""

from __future__ import annotations

import io

import astropy.units as u
import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsst.daf.butler.formatters.parquet import arrow_to_astropy, astropy_to_arrow
from lsst.transient.bogus.columns import ALL_SCHEMAS, CUTOUTS, LABELS, Column, TableSchema
from lsst.transient.bogus.errors import TableSchemaError

SMALL = TableSchema(
    "small",
    ("instrument",),
    "A row is a test.",
    (
        Column("a", "f4", "A flux.", "nJy"),
        Column("b", "str", "A text."),
        Column("c", "i8", "Stamps.", None, ("n", 2)),
        Column("d", "?", "May be left out.", optional=True),
    ),
)
SIZES = {"channel": 3, "size": 5, "network": 2}


@pytest.mark.parametrize("schema", ALL_SCHEMAS, ids=lambda schema: schema.dataset_type)
def test_declarations(schema: TableSchema) -> None:
    assert len(set(schema.names)) == len(schema.names)
    for column in schema.columns:
        assert column.doc.endswith("."), column.name
        u.Unit(column.unit or "")
        if column.dtype != "str":
            np.dtype(column.dtype)
        assert np.asarray(column.fill).shape == ()


def test_dataset_types_are_unique() -> None:
    names = [schema.dataset_type for schema in ALL_SCHEMAS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("schema", ALL_SCHEMAS, ids=lambda schema: schema.dataset_type)
def test_empty_tables_are_valid_and_survive_arrow(schema: TableSchema) -> None:
    sizes = {s: SIZES.get(s, 4) for c in schema.columns for s in c.shape if isinstance(s, str)}
    table = schema.empty(meta={"NAME": [1, 2]}, **sizes)
    schema.check(table)
    back = arrow_to_astropy(astropy_to_arrow(table))
    schema.check(back)
    assert len(back) == 0
    assert back.meta["NAME"] == [1, 2]
    for name in table.colnames:
        assert back[name].shape == table[name].shape


def test_build_casts_repeats_and_describes() -> None:
    table = SMALL.build({"a": [1, 2], "b": np.array(["x", "yy"]), "c": np.zeros((2, 3, 2))}, meta={"K": 1})
    assert (table["a"].dtype, table["c"].dtype) == (np.float32, np.int64)
    assert table["a"].unit == u.nJy
    assert table["b"].description == "A text."
    assert table.meta == {"K": 1}
    assert SMALL.build({"a": [1.0, 2.0], "b": "z", "c": np.zeros((2, 3, 2))})["b"].tolist() == ["z", "z"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": [1.0]}, r"missing \['b', 'c'\]"),
        ({"a": [1.0], "b": ["x"], "c": np.zeros((1, 3, 2)), "e": [0]}, r"undeclared \['e'\]"),
        ({"a": [1.0], "b": ["x"], "c": np.zeros((2, 3, 2))}, "'c' must have shape"),
        ({"a": [1.0], "b": ["x"], "c": np.zeros((1, 3, 4))}, "'c' must have shape"),
        ({"a": [[1.0]], "b": ["x"], "c": np.zeros((1, 3, 2))}, "'a' must have shape"),
    ],
)
def test_build_refuses(data: dict[str, object], message: str) -> None:
    with pytest.raises(TableSchemaError, match=message):
        SMALL.build(data)


def test_check_lists_every_problem_and_the_place() -> None:
    table = SMALL.build({"a": [1.0], "b": ["x"], "c": np.zeros((1, 3, 2))})
    table["a"] = ["text"]
    table.remove_column("c")
    with pytest.raises(TableSchemaError) as caught:
        SMALL.check(table, where="visit 7, detector 3")
    for part in ("visit 7, detector 3", "no column 'c'", "column 'a' is"):
        assert part in str(caught.value)
    SMALL.check(table, ["b"])


def test_unknown_sizes_and_columns() -> None:
    with pytest.raises(TableSchemaError, match="needs the sizes"):
        SMALL.empty()
    with pytest.raises(KeyError):
        SMALL["z"]
    assert SMALL["c"].cell_shape({"n": 7}) == (7, 2)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 5), st.integers(1, 3), st.integers(1, 6))
def test_tensors_survive_parquet(n: int, channels: int, size: int) -> None:
    rng = np.random.default_rng(n)
    image = rng.normal(size=(n, channels, size, size)).astype(np.float32)
    mask = rng.integers(0, 256, image.shape, dtype=np.uint8)
    table = CUTOUTS.build(
        {"diaSourceId": np.arange(n), "image": image, "mask": mask, "cutout_flag": np.zeros(n)},
        meta={"MASK_BITS": {"BAD": 1}},
    )
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(astropy_to_arrow(table), buffer)
    buffer.seek(0)
    back = arrow_to_astropy(pyarrow.parquet.read_table(buffer))
    np.testing.assert_array_equal(back["image"], image)
    np.testing.assert_array_equal(back["mask"], mask)
    assert back["image"].unit == u.nJy
    assert back.meta["MASK_BITS"] == {"BAD": 1}


def test_labels_have_the_columns_that_training_reads() -> None:
    assert {"diaSourceId", "label", "is_ambiguous", "fold", "snr", "sign"} <= set(LABELS.names)
