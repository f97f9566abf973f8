# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models as tables: round trips, and what is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

from lsst.transient.bogus.errors import ModelFormatError
from lsst.transient.bogus.nn import Model, ModelSpec, Stamps, from_table, predict, to_table
from lsst.transient.bogus.nn.io import FORMAT_VERSION, latest_model, model_version, read_spec, stored_version
from lsst.transient.bogus.nn.spec import Network

KEY = b"transient_bogus"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    spec = ModelSpec(15, ("difference", "science", "template"), network=Network(filters=(8, 8), units=4))
    return Model.blank(spec, np.array([7, 3, 3]))


@pytest.fixture
def table(model):
    return to_table(model)


def with_meta(table, **changes):
    meta = json.loads(table.schema.metadata[KEY])
    return table.replace_schema_metadata({KEY: json.dumps(meta | changes)})


def test_round_trip_through_parquet(model, table, tmp_path):
    pyarrow.parquet.write_table(table, tmp_path / "model.parq")
    again = from_table(pyarrow.parquet.read_table(tmp_path / "model.parq"))
    assert again.spec == model.spec
    assert again.training_tiles.tolist() == [3, 7]
    stamps = Stamps(np.random.default_rng(1).normal(size=(4, 3, 15, 15)).astype(np.float32))
    assert np.array_equal(predict(again, stamps), predict(model, stamps))
    assert stored_version(table) == model_version(again) == model_version(model)
    assert read_spec(table)[0] == model.spec


def test_version_follows_the_content(model):
    spec = dataclasses.replace(model.spec, calibration={"prior": 0.5})
    assert model_version(dataclasses.replace(model, spec=spec)) != model_version(model)
    told = dataclasses.replace(model.spec, provenance={"where": "elsewhere"})
    assert model_version(dataclasses.replace(model, spec=told)) == model_version(model)
    tiles = dataclasses.replace(model, training_tiles=np.array([1]))
    assert model_version(tiles) != model_version(model)


def test_the_latest_model_is_kept(model, table):
    first, version = latest_model(table)
    assert version == model_version(model)
    again = pyarrow.Table.from_pylist(table.to_pylist(), schema=table.schema)
    assert latest_model(again)[0] is first
    other = to_table(dataclasses.replace(model, training_tiles=np.array([1])))
    assert latest_model(other)[0].training_tiles.tolist() == [1]
    assert latest_model(table)[0] is not first
    # The version that it claims is not enough.
    rows = table.to_pylist()
    rows[0]["data"] = bytes(len(rows[0]["data"]))
    with pytest.raises(ModelFormatError, match="damaged"):
        latest_model(pyarrow.Table.from_pylist(rows, schema=table.schema))


def test_refuses_a_future_version(table):
    with pytest.raises(ModelFormatError, match="Update"):
        from_table(with_meta(table, format_version=FORMAT_VERSION + 1))


def test_refuses_foreign_tables(table):
    for foreign in (
        pyarrow.table({"a": [1]}),
        table.replace_schema_metadata(None),
        table.replace_schema_metadata({KEY: b"not json"}),
        with_meta(table, format="something else"),
        table.drop_columns(["shape"]),
        {"a": 1},
    ):
        with pytest.raises(ModelFormatError):
            from_table(foreign)


def test_refuses_damage(table):
    rows = table.to_pylist()
    first = next(i for i, row in enumerate(rows) if len(row["data"]) > 8)

    def changed(**values):
        damaged = [row | values if i == first else row for i, row in enumerate(rows)]
        return pyarrow.Table.from_pylist(damaged, schema=table.schema)

    flipped = bytearray(rows[first]["data"])
    flipped[3] ^= 1
    for damaged in (
        table.slice(1),
        changed(data=bytes(flipped)),
        changed(data=rows[first]["data"][:-4]),
        changed(dtype="object"),
        changed(shape=[-1]),
        changed(data=None),
    ):
        with pytest.raises(ModelFormatError):
            from_table(damaged)


def test_prediction_checks_the_stamps(model):
    with pytest.raises(ValueError, match="takes stamps of 3 channels and 15 pixels"):
        predict(model, Stamps(np.zeros((1, 3, 16, 16), np.float32)))
    with pytest.raises(ValueError, match="takes the channels"):
        predict(model, Stamps(np.zeros((1, 3, 15, 15), np.float32), channels=("a", "b", "c")))


def test_prediction_of_nothing_and_of_missing(model):
    assert predict(model, Stamps(np.zeros((0, 3, 15, 15), np.float32))).shape == (1, 0)
    image = np.zeros((3, 3, 15, 15), np.float32)
    image[1] = np.nan
    probability = predict(model, Stamps(image), batch_size=2)
    assert np.isnan(probability[0]).tolist() == [False, True, False]
