# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of `CutoutTask`."""

from __future__ import annotations

import logging
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest

from lsst.daf.butler import Config
from lsst.daf.butler.tests import addDataIdValue, addDatasetType, makeTestCollection, makeTestRepo
from lsst.pex.config import FieldValidationError
from lsst.pipe.base.testUtils import assertValidOutput, lintConnections, makeQuantum, runTestQuantum
from lsst.transient.bogus.columns import CUTOUTS
from lsst.transient.bogus.handles import read_table
from lsst.transient.bogus.nn.stamps import Stamps
from lsst.transient.bogus.stamps import CutoutFlag
from lsst.transient.bogus.tasks.cutout import CutoutConfig, CutoutConnections, CutoutTask

from .cutout_fakes import BOXES, NO_FLAG_BITS, PLANES, coded_image, dia_sources, handles, run


def test_connections() -> None:
    lintConnections(CutoutConnections)


@pytest.mark.parametrize("size", [30, 31])
def test_pixels_of_channels_with_different_boxes(size: int) -> None:
    cutouts = run([1070.3], [2350.6], size=size)
    image, variance = np.asarray(cutouts["image"][0]), np.asarray(cutouts["variance"][0])
    assert image.shape == (3, size, size)
    expected = 200.0 * (2351 - 2290) + (1070 - 1004)
    for channel, offset in enumerate((0.0, 1e6, 2e6)):
        assert image[channel, size // 2, size // 2] == offset + expected
        assert image[channel, size // 2 + 3, size // 2 - 2] == offset + expected + 600 - 2
    np.testing.assert_allclose(variance, image + 0.5)
    assert cutouts["cutout_flag"].tolist() == [0]
    assert cutouts.meta["CENTER"] == size // 2


def test_channels_are_in_the_configured_order() -> None:
    cutouts = run([1070.0], [2350.0], channels=["matched_template", "difference"], doVariance=False)
    image = np.asarray(cutouts["image"][0])
    assert (image[:, 0, 0] // 1e6).tolist() == [3.0, 0.0]
    assert cutouts.meta["CHANNELS"] == ["matched_template", "difference"]
    assert "variance" not in cutouts.colnames


def test_every_row_is_kept_with_its_flags() -> None:
    images = {channel: coded_image(channel) for channel in ("difference", "science", "template")}
    images["difference"].mask.set("SATURATED", np.zeros((90, 100), dtype=bool))
    images["difference"].image.array[50:70, 50:70] = np.nan
    x = [1070.0, 1024.0, 1123.0, 5000.0, np.nan, 1083.5]
    y = [2330.0, 2310.0, 2399.0, 2350.0, 2350.0, 2369.5]
    cutouts = run(x, y, images, size=9)
    image = np.asarray(cutouts["image"])
    off = CutoutFlag.PARTLY_OFF
    gone = CutoutFlag.ALL_MISSING | CutoutFlag.CHANNEL_MISSING
    assert [CutoutFlag(flag) for flag in cutouts["cutout_flag"].tolist()] == [
        CutoutFlag(0),
        off,
        off,
        off | gone,
        gone | CutoutFlag.NO_CENTROID,
        CutoutFlag.CHANNEL_MISSING,
    ]
    assert np.isnan(image[1, 0, :4]).all()
    assert np.isfinite(image[1, 0, 4:, 4:]).all()
    # The template's box is larger: its part of the stamp is whole.
    assert np.isfinite(image[1, 2]).all()
    assert np.isnan(image[3:5]).all()
    assert np.isnan(np.asarray(cutouts["variance"])[3:5]).all()
    assert not np.asarray(cutouts["mask"])[3:5].any()


@pytest.mark.parametrize("column", ["glint_trail", "flash"])
def test_flashes_are_flagged(column: str) -> None:
    sources = dia_sources([1070.0, 1080.0], [2330.0, 2340.0])
    sources[column] = [True, False]
    config = CutoutConfig()
    config.glintColumn = column
    images = {channel: coded_image(channel) for channel in config.channels}
    cutouts = CutoutTask(config=config).run(dia_sources=sources, **handles(images)).cutouts
    flagged = np.asarray(cutouts["cutout_flag"]) & CutoutFlag.GLINT_TRAIL
    assert flagged.tolist() == [CutoutFlag.GLINT_TRAIL, 0]


def test_masks_by_name() -> None:
    images = {channel: coded_image(channel) for channel in ("difference", "science", "template")}
    one_pixel = np.zeros((90, 100), dtype=bool)
    one_pixel[40, 50] = True
    images["science"].mask.set("SATURATED", one_pixel)
    images["difference"].mask.set("NO_DATA", one_pixel)
    images["difference"].mask.set("INJECTED", ~one_pixel)
    x, y = [1074.0, 1076.0, 1100.0], [2350.0, 2350.0, 2350.0]
    cutouts = run(x, y, images, size=11)
    bits = cutouts.meta["MASK_BITS"]
    mask = np.asarray(cutouts["mask"])
    assert mask[0, :, 5, 5].tolist() == [bits["EDGE"], bits["SATURATED"], 0]
    assert mask[1, :, 5, 3].tolist() == [bits["EDGE"], bits["SATURATED"], 0]
    assert np.count_nonzero(mask) == 4
    saturated, center = CutoutFlag.SATURATED, CutoutFlag.CENTER_MASKED
    assert [CutoutFlag(flag) for flag in cutouts["cutout_flag"].tolist()] == [
        saturated | center,
        saturated,
        CutoutFlag(0),
    ]


def test_masks_are_the_same_by_either_way() -> None:
    # Few stamps are condensed after gathering, many before it.
    images = {channel: coded_image(channel) for channel in ("difference", "science", "template")}
    rng = np.random.default_rng(1)
    for channel, image in images.items():
        shape = (BOXES[channel].y.size, BOXES[channel].x.size)
        for plane in PLANES:
            image.mask.set(plane, rng.random(shape) < 0.1)
    x, y = rng.uniform(1015, 1130, 300), rng.uniform(2300, 2410, 300)
    many = np.asarray(run(x.tolist(), y.tolist(), images, size=15)["mask"])
    few = [np.asarray(run([a], [b], images, size=15)["mask"])[0] for a, b in zip(x[:20], y[:20], strict=True)]
    np.testing.assert_array_equal(many[:20], few)
    assert many.any()


def test_absent_planes_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run([1070.0, 1080.0], [2350.0, 2350.0], maskBits={"A": "BAD STREAK", "B": "CR"}, **NO_FLAG_BITS)
    assert [r.getMessage() for r in caplog.records if "do not have" in r.getMessage()] == [
        "Mask planes that files do not have, whose bits stay 0: CR in difference, science, template; "
        "STREAK in difference, science, template."
    ]


def test_units_are_converted_or_told(caplog: pytest.LogCaptureFixture) -> None:
    micro = run([1070.0], [2350.0], {"difference": coded_image("difference", u.uJy)}, channels=["difference"])
    nano = run([1070.0], [2350.0], channels=["difference"])
    np.testing.assert_allclose(micro["image"], 1e3 * np.asarray(nano["image"]))
    assert micro["variance"].unit == u.nJy**2
    electron = coded_image("difference", u.electron)
    with caplog.at_level(logging.WARNING):
        foreign = run([1070.0], [2350.0], {"difference": electron}, channels=["difference"])
    assert foreign["image"].unit is None
    assert foreign.meta["UNITS"] == ["electron"]
    assert "electron" in caplog.text


def test_no_sources() -> None:
    cutouts = run([], [], channels=["difference", "science"], size=31)
    assert cutouts["image"].shape == (0, 2, 31, 31)
    assert cutouts["mask"].dtype == np.uint8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": []}, "channels"),
        ({"channels": ["difference", "difference"]}, "channels"),
        ({"channels": ["difference", "sky"]}, "channels"),
        ({"size": 2}, "size"),
        ({"maskBits": {"A": "INJECTED"}, "centerBadBits": [], "saturatedBit": ""}, "give the label away"),
        ({"maskBits": {"A": "BAD"}}, "not in maskBits"),
        ({"maskBits": {str(i): "BAD" for i in range(9)}}, "at most 8"),
    ],
)
def test_impossible_configurations(settings: dict[str, object], message: str) -> None:
    with pytest.raises(FieldValidationError, match=message):
        run([], [], **settings)


@pytest.mark.parametrize("do_variance", [True, False])
@pytest.mark.parametrize("do_mask", [True, False])
def test_connections_follow_the_configuration(do_variance: bool, do_mask: bool) -> None:
    config = CutoutConfig(channels=["difference", "template"], doVariance=do_variance, doMask=do_mask)
    config.connections.template = "goodSeeingDiff_templateExp"
    connections = CutoutConnections(config=config)
    kinds = ["image"] + ["variance"] * do_variance + ["mask"] * do_mask
    planes = {f"{channel}_{kind}" for channel in ("difference", "template") for kind in kinds}
    assert connections.inputs == {"dia_sources", *planes}
    assert connections.template_image.name == "goodSeeingDiff_templateExp.image"
    assert connections.difference_image.storageClass == "ImageV2"


@pytest.mark.parametrize("box_cost", [0, 10**9])
def test_quantum(tmp_path: Path, box_cost: int) -> None:
    repo = makeTestRepo(str(tmp_path))
    addDataIdValue(repo, "instrument", "Cam")
    addDataIdValue(repo, "physical_filter", "Cam-r", band="r")
    addDataIdValue(repo, "day_obs", 20250101)
    addDataIdValue(repo, "visit", 5, physical_filter="Cam-r", day_obs=20250101)
    addDataIdValue(repo, "detector", 1)
    dimensions = {"instrument", "visit", "detector"}
    names = {
        "difference": "difference_image",
        "science": "injected_visit_image",
        "template": "template_detector",
    }
    for name in names.values():
        addDatasetType(repo, name, dimensions, "MaskedImageV2")
    for name in ("dia_source_detector", "transient_cutouts"):
        addDatasetType(repo, name, dimensions, "ArrowAstropy")
    butler = makeTestCollection(repo)
    data_id = {"instrument": "Cam", "visit": 5, "detector": 1}
    for channel, name in names.items():
        butler.put(coded_image(channel), name, data_id)
    butler.put(dia_sources([1070.0, 1024.0], [2350.0, 2310.0]), "dia_source_detector", data_id)
    task = CutoutTask(config=CutoutConfig(boxCost=box_cost))
    connections = CutoutConnections(config=task.config)
    quantum = makeQuantum(
        task, butler, data_id, dict.fromkeys([*connections.inputs, *connections.outputs], data_id)
    )
    runTestQuantum(task, butler, quantum, mockRun=False)
    stored = butler.get("transient_cutouts", data_id)
    direct = run([1070.0, 1024.0], [2350.0, 2310.0])
    for name in CUTOUTS.names:
        np.testing.assert_array_equal(stored[name], direct[name])
    assert stored["image"].unit == u.nJy
    assert stored.meta["CUTOUT_FLAG_BITS"] == direct.meta["CUTOUT_FLAG_BITS"]
    assert stored.meta["CHANNELS"] == ["difference", "science", "template"]


@pytest.mark.parametrize("size", [30, 31])
def test_stored_as_words_they_are_read_as_tensors(tmp_path: Path, size: int) -> None:
    x, y = [1070.0, 1024.0, np.nan], [2350.0, 2310.0, 2350.0]
    config = Config({"datastore": {"cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore"}})
    repo = makeTestRepo(str(tmp_path), {"instrument": ["Cam"]}, config=config)
    addDatasetType(repo, "transient_cutouts", {"instrument"}, "ArrowAstropy")
    butler = makeTestCollection(repo)
    words = run(x, y, size=size, storage="words")
    butler.put(words, "transient_cutouts", instrument="Cam")
    stored = butler.get("transient_cutouts", instrument="Cam")
    assert stored["image"].shape == (3, (3 * size**2 * 4 + 7) // 8)
    tensors = run(x, y, size=size)
    found = read_table(butler.getDeferred("transient_cutouts", instrument="Cam"))
    for name in CUTOUTS.names:
        np.testing.assert_array_equal(found[name], tensors[name])
        assert found[name].dtype == tensors[name].dtype
        assert found[name].unit == tensors[name].unit
    assert {name: found.meta[name] for name in tensors.meta} == tensors.meta
    assert Stamps.from_table(words).image.shape == (3, 3, size, size)


def test_output_is_what_the_connections_declare() -> None:
    task = CutoutTask(config=CutoutConfig(channels=["difference"]))
    planes = handles({"difference": coded_image("difference")})
    assertValidOutput(task, task.run(dia_sources=dia_sources([1070.0], [2350.0]), **planes))
