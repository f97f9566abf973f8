# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models as tables: round trips, and what is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

from lsst.transient.bogus.errors import ModelFormatError
from lsst.transient.bogus.nn import Model, ModelSpec, Stamps, from_table, predict, to_table
from lsst.transient.bogus.nn.io import FORMAT_VERSION, latest_model, model_version, read_spec, stored_version
from lsst.transient.bogus.nn.spec import FoldRule, Network, Normalisation

KEY = b"transient_bogus"
CALIBRATION = {"knots": [-1.0, 1.0], "values": [-2.0, 2.0], "ratio": 2.0, "prior": 0.3, "end_slope": 1.0}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    spec = ModelSpec(15, ("difference", "science", "template"), network=Network(filters=(8, 8), units=4))
    return Model.blank(spec, np.array([7, 3, 3]))


@pytest.fixture
def table(model):
    return to_table(model)


@pytest.fixture
def rows(table):
    """Return the rows, one with several values first."""
    return sorted(table.to_pylist(), key=lambda row: len(row["data"]) <= 8)


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


@pytest.mark.parametrize("number", [0, -3, True, None, "1", 1.0])
def test_refuses_what_is_no_format_version(table, number):
    with pytest.raises(ModelFormatError, match=f"format version is {number!r}"):
        from_table(with_meta(table, format_version=number))


@pytest.mark.parametrize("name", ["spec", "version"])
@pytest.mark.parametrize("read", [from_table, latest_model, read_spec, stored_version])
def test_refuses_metadata_with_a_gap(table, name, read):
    with pytest.raises(ModelFormatError, match=f"its {name} is None"):
        read(with_meta(table, **{name: None}))


@pytest.mark.parametrize("text", [b"not json", b"[1]", b"null", b"\xff"])
def test_refuses_other_metadata(table, text):
    for read in (from_table, read_spec, stored_version):
        with pytest.raises(ModelFormatError, match="metadata of the stored model"):
            read(table.replace_schema_metadata({KEY: text}))


def test_refuses_foreign_tables(table):
    for foreign in (
        pyarrow.table({"a": [1]}),
        table.replace_schema_metadata(None),
        with_meta(table, format="something else"),
        table.drop_columns(["shape"]),
        table.append_column("shape", table["shape"]),
        {"a": 1},
    ):
        with pytest.raises(ModelFormatError, match=r"not a stored model|is an Arrow table"):
            from_table(foreign)


@pytest.mark.parametrize(("name", "other"), [("name", 1), ("dtype", b"x"), ("shape", "x"), ("data", "x")])
def test_refuses_columns_of_another_type(table, name, other):
    column = pyarrow.array([other] * len(table))
    changed = table.set_column(table.column_names.index(name), name, column)
    with pytest.raises(ModelFormatError, match=rf"columns are .*{name} \({column.type}\)"):
        from_table(changed)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda row: {"data": bytes([row["data"][0] ^ 1]) + row["data"][1:]}, "its version's hash"),
        (lambda row: {"data": row["data"][:-4]}, "is damaged: float32"),
        (lambda row: {"data": None}, "with 0 bytes"),
        (lambda row: {"dtype": "object"}, "is damaged: object"),
        (lambda row: {"dtype": None}, "is damaged: None"),
        (lambda row: {"shape": [-1]}, r"\[-1\] with"),
        (lambda row: {"shape": [*row["shape"][:-1], None]}, r"None\] with"),
        (lambda row: {"shape": None}, "float32 None with"),
        (lambda row: {"name": None}, "Tensor None"),
        (lambda row: {"name": "other"}, "its version's hash"),
    ],
)
def test_refuses_damage(table, rows, change, reason):
    damaged = [rows[0] | change(rows[0]), *rows[1:]]
    with pytest.raises(ModelFormatError, match=reason):
        from_table(pyarrow.Table.from_pylist(damaged, schema=table.schema))


def test_refuses_too_few_and_too_many_tensors(table, rows):
    with pytest.raises(ModelFormatError, match="its version's hash"):
        from_table(table.slice(1))
    with pytest.raises(ModelFormatError, match=f"tensor '{rows[0]['name']}' twice"):
        from_table(pyarrow.Table.from_pylist([*rows, rows[0]], schema=table.schema))


def test_refuses_names_that_are_no_text(table):
    names = pyarrow.array([b"\xff"] * len(table)).view(pyarrow.string())
    with pytest.raises(ModelFormatError, match="UTF8"):
        from_table(table.set_column(0, "name", names))


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_refuses_weights_that_are_not_finite(model, value):
    broken = Model.blank(model.spec)
    broken.network.dense.weight.data.flatten()[3:5] = value
    n = broken.network.dense.weight.numel()
    with pytest.raises(ModelFormatError, match=rf"'dense.weight' .* has 2 of {n} values that are not finite"):
        from_table(to_table(broken))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"domain_limit": np.nan}, "domain limit of the model is nan"),
        ({"domain_limit": -1.0}, r"domain limit of the model is -1\.0"),
        ({"folds": FoldRule(5, 3, 0)}, "nside 3"),
        ({"folds": FoldRule(5, -4, 0)}, "nside -4"),
        ({"normalisation": Normalisation("log")}, "normalisation 'log'"),
        ({"network": Network("other")}, "network 'other'"),
        ({"network": Network(filters=(0, 8))}, "does not fit"),
        ({"stamp_size": True}, "True is not"),
        ({"channels": "difference"}, "'difference' is not"),
        ({"provenance": [["a", 1]]}, "is not"),
        ({"calibration": {"prior": 0.5}}, r"calibration .* has \['prior'\] and .*'knots'"),
        ({"calibration": CALIBRATION | {"more": 1}}, "calibration .* 'more'"),
        ({"calibration": CALIBRATION | {"prior": "0.3"}}, "calibration .* cannot be read"),
        ({"calibration": CALIBRATION | {"prior": np.nan}}, "calibration .* not finite"),
        ({"calibration": CALIBRATION | {"knots": [0.0]}}, "calibration .* cannot be read"),
        ({"calibration": CALIBRATION | {"knots": [], "values": []}}, "calibration .* no knots"),
    ],
)
def test_refuses_a_specification_that_cannot_be_used(model, change, reason):
    table = to_table(dataclasses.replace(model, spec=dataclasses.replace(model.spec, **change)))
    with pytest.raises(ModelFormatError, match=reason):
        from_table(table)


def test_a_whole_calibration_is_read(model):
    for calibration in (CALIBRATION, {n: v for n, v in CALIBRATION.items() if n != "end_slope"}):
        spec = dataclasses.replace(model.spec, calibration=calibration)
        assert from_table(to_table(dataclasses.replace(model, spec=spec))).spec == spec


def test_a_model_from_before_a_field_keeps_its_version(model, table):
    fields = json.loads(model.spec.to_json()) | {"provenance": {}}
    del fields["domain_limit"]
    digest = hashlib.blake2b(json.dumps(fields, sort_keys=True).encode(), digest_size=6)
    for row in sorted(table.to_pylist(), key=lambda row: row["name"]):
        dtype = np.dtype(row["dtype"]).str
        digest.update(f"{row['name']} {dtype} {tuple(row['shape'])}".encode() + row["data"])
    version = digest.hexdigest()
    older = with_meta(table, spec=json.dumps(fields | {"provenance": {"where": "here"}}), version=version)
    assert from_table(older).spec.domain_limit == 0.0
    assert stored_version(older) == latest_model(older)[1] == read_spec(older)[1] == version
    assert version != model_version(model)
    with pytest.raises(ModelFormatError, match="its version's hash"):
        from_table(with_meta(older, spec=json.dumps(fields | {"stamp_size": 17})))


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
