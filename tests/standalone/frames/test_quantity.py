# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of where quantities are found."""

from __future__ import annotations

from typing import Any

import pytest

from lsst.transient.bogus.errors import InputDataError
from lsst.transient.bogus.standalone.frames.quantity import Quantity

HEADER = {"GAIN": 1.5, "ZP": "25.5", "DATE": "2016-08-18", "UT": "04:33:31", "ISO": "2016-08-18T04:33:31"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("GAIN", 1.5),
        (["EGAIN", "GAIN"], 1.5),
        (3, 3.0),
        ({"keyword": "ZP", "scale": -1.0, "offset": 50.0}, 24.5),
        ({"value": 2.0, "scale": 5.0}, 2.0),
        ({"keyword": "EGAIN", "default": 4.0, "offset": 1.0}, 4.0),
        ({"keyword": "FILENAME", "pattern": r"_(\d+)s"}, 330.0),
    ],
)
def test_numbers(spec: Any, expected: float) -> None:
    assert Quantity.from_yaml(spec).number(HEADER, "a_330s.fits") == expected


@pytest.mark.parametrize(
    "spec",
    [
        "ISO",
        "DATE+UT",
        ["NONE+UT", "DATE+UT"],
        "ISO+UT",
        {"value": 57618.18994213},
        {"value": 2457618.68994213},
        {"keyword": "FILENAME", "pattern": r"c4d_(\d{6}_\d{6})", "format": "%y%m%d_%H%M%S"},
    ],
)
def test_times(spec: Any) -> None:
    time = Quantity.from_yaml(spec).time(HEADER, "c4d_160818_043331_i.fits", scale="utc")
    assert time.mjd == pytest.approx(57618.18994213, abs=1e-7)


def test_time_scale_is_given_apart() -> None:
    utc, tai = (Quantity.from_yaml("ISO").time(HEADER, "", scale=scale).tai.mjd for scale in ("utc", "tai"))
    assert (utc - tai) * 86400 == pytest.approx(36.0, abs=1e-3)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("EGAIN", "no keyword EGAIN"),
        ({"keyword": "ISO"}, "is not a number"),
        ({"keyword": "ISO", "pattern": "^c4d"}, "does not match"),
    ],
)
def test_what_is_missing_or_wrong_is_said(spec: Any, message: str) -> None:
    with pytest.raises(InputDataError, match=message):
        Quantity.from_yaml(spec).number(HEADER, "")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"keywrd": "GAIN"}, "unknown key keywrd"),
        ({}, "give a keyword"),
        ({"keyword": "GAIN", "scale": "x"}, "scale must be a number"),
        ({"keyword": "GAIN", "pattern": "("}, "no regular expression"),
        ({"keyword": [1]}, "keywords must be text"),
    ],
)
def test_specifications_that_cannot_be_understood(spec: Any, message: str) -> None:
    with pytest.raises(InputDataError, match=message):
        Quantity.from_yaml(spec)


@pytest.mark.parametrize("text", ["yesterday", "2016-13-40"])
def test_no_time(text: str) -> None:
    with pytest.raises(InputDataError, match="is not a time"):
        Quantity.from_yaml("T").time({"T": text}, "", scale="utc")
