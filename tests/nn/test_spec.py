# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The specification survives JSON, and refuses what is not one."""

from __future__ import annotations

import json

import pytest

from lsst.transient.bogus.errors import ModelFormatError
from lsst.transient.bogus.nn.spec import FoldRule, ModelSpec, Network, Normalisation


def test_json_round_trip():
    spec = ModelSpec(
        stamp_size=30,
        channels=("difference", "template"),
        mask_bits=("BAD",),
        normalisation=Normalisation(kind="robust", softening=2.0, flag_bits=()),
        network=Network("cnn2", (8, 16), 32, 0.5),
        network_fold=(0, 0, 1, 1),
        folds=FoldRule(2, 1024, 7),
        peers=2,
        calibration={"knots": [0.0], "prior": 0.1},
        provenance={"metrics": {"auc": 0.9}},
    )
    assert ModelSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "change",
    [
        {"stamp_size": "30"},
        {"unknown_field": 1},
        {"network": {"kind": 3}},
        {"network": []},
        {"channels": 5},
    ],
)
def test_refuses_other_json(change):
    value = json.loads(ModelSpec(30, ("difference",)).to_json()) | change
    with pytest.raises(ModelFormatError):
        ModelSpec.from_json(json.dumps(value))


def test_refuses_text():
    with pytest.raises(ModelFormatError, match="cannot be read"):
        ModelSpec.from_json("not json")
