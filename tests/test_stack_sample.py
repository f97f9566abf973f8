# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the native tasks on files of the real stack.

The folder is found by ``TRANSIENT_BOGUS_STACK_SAMPLE``, or beside the repository.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from astropy.table import Table

from lsst.daf.butler.formatters.parquet import arrow_to_astropy
from lsst.images import MaskedImage
from lsst.pipe.base import InMemoryDatasetHandle
from lsst.transient.bogus.geometry import fit_sky_map
from lsst.transient.bogus.labels import LabelFlag
from lsst.transient.bogus.stamps import CutoutFlag
from lsst.transient.bogus.tasks.cutout import CutoutConfig, CutoutTask
from lsst.transient.bogus.tasks.label import TransientLabelConfig, TransientLabelTask

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "stack_sample"
SAMPLE = Path(os.environ.get("TRANSIENT_BOGUS_STACK_SAMPLE", DEFAULT))
VISITS = (100700, 100701)

pytestmark = pytest.mark.skipif(not SAMPLE.is_dir(), reason=f"no sample of stack files in {SAMPLE}")


def read(name: str, visit: int) -> Table:
    return arrow_to_astropy(pyarrow.parquet.read_table(SAMPLE / f"{name}_{visit}_050.parquet"))


FILES = {
    "difference": "injected_difference_image",
    "science": "injected_visit_image",
    "template": "template",
    "matched_template": "matched_template",
}


def cutouts(visit: int, channels: tuple[str, ...] = ("difference", "science", "template")) -> Table:
    planes = {}
    for channel in channels:
        name = FILES[channel]
        image = MaskedImage.read_legacy(str(SAMPLE / f"{name}_{visit}_050.fits"))
        for kind in ("image", "variance", "mask"):
            planes[f"{channel}_{kind}"] = InMemoryDatasetHandle(getattr(image, kind))
    task = CutoutTask(config=CutoutConfig(channels=list(channels)))
    return task.run(dia_sources=read("injected_dia_source", visit), **planes).cutouts


def labels(visit: int, match_by: str, suffix: str = "") -> Table:
    task = TransientLabelTask(config=TransientLabelConfig(matchBy=match_by))
    return task.run(
        dia_sources=read("injected_dia_source", visit),
        injected_catalog=read("injected_visit_image_catalog", visit),
        injected_matches=read(f"injected_matched_dia_source{suffix}", visit),
    ).labels


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("visit", VISITS)
def test_cutouts_equal_the_samples_own_stamps(visit: int) -> None:
    # The sample's template stamps are of the matched template, which one visit has.
    matched = ("matched_template",) if visit == VISITS[0] else ()
    channels = ("difference", "science", *matched)
    table = cutouts(visit, channels)
    sample = np.load(SAMPLE / f"stamps_{visit}_050.npz")
    assert table["diaSourceId"].tolist() == sample["diaSourceId"].tolist()
    # The sample's stamps are scaled, in nJy and half precision; ours in the units of the files.
    (per_nJy,) = (
        m["e_per_nJy"] for m in json.loads((SAMPLE / "meta.json").read_text()) if m["visit"] == visit
    )
    scale = sample["scale"][:, np.newaxis, np.newaxis]
    for channel in range(len(channels)):
        ours = np.asarray(table["image"][:, channel]) / per_nJy
        theirs = sample["stamps"][:, channel].astype(np.float32) * scale
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        finite = np.isfinite(theirs) & (np.abs(sample["stamps"][:, channel]) > 0.1)
        assert finite.sum() > 1e4
        ratio = ours[finite] / theirs[finite]
        assert np.median(ratio) == pytest.approx(1.0, abs=0.02)
        # Every pixel is the same but for the scaling of its own stamp.
        spread = ratio / np.median(ratio)
        assert np.percentile(np.abs(spread - 1.0), 99) < 2e-2
    partly_off = (np.asarray(table["cutout_flag"]) & CutoutFlag.PARTLY_OFF) != 0
    np.testing.assert_array_equal(partly_off, np.isnan(sample["stamps"][:, 0]).any(axis=(1, 2)))


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize(("match_by", "suffix"), [("table", ""), ("table", "_trim0"), ("position", "")])
def test_labels_agree_with_the_truth(visit: int, match_by: str, suffix: str) -> None:
    table = labels(visit, match_by, suffix)
    truth = read("truth_dia_source", visit)
    assert table["diaSourceId"].tolist() == truth["diaSourceId"].tolist()
    injected = np.asarray(truth["truth_class"]) == "injected"
    sure = ~np.asarray(table["is_ambiguous"])
    positive = np.asarray(table["label"]) == 1
    np.testing.assert_array_equal(positive[sure], injected[sure])
    # Doubt is rare, except where the default match table leaves injections out.
    assert np.sum(~sure & ~injected) <= 2
    lost = np.sum(~sure & injected)
    assert lost <= (3 if suffix == "" and match_by == "table" else 1)


@pytest.mark.parametrize(("visit", "n_left_out"), [(100700, 3), (100701, 2)])
def test_detected_injections_that_the_default_match_table_leaves_out_are_not_bogus(
    visit: int, n_left_out: int
) -> None:
    """The stock table trims 50 pixels inward; the numbers are those of the sample's README."""
    default, complete = (
        set(read(f"injected_matched_dia_source{suffix}", visit)["diaSourceId"].tolist()) - {0}
        for suffix in ("", "_trim0")
    )
    table = labels(visit, "table")
    left_out = np.isin(table["diaSourceId"], sorted(complete - default))
    assert left_out.sum() == n_left_out
    assert np.all(np.asarray(table["is_ambiguous"])[left_out])
    assert set(np.asarray(table["label_flag"])[left_out].tolist()) == {int(LabelFlag.NEAR_INJECTION)}
    assert not np.any(np.asarray(table["label"])[left_out])
    # With the complete table, or by position, they are what they are.
    for match_by, suffix in (("table", "_trim0"), ("position", "")):
        assert np.all(np.asarray(labels(visit, match_by, suffix)["label"])[left_out] == 1)


@pytest.mark.parametrize(("match_by", "suffix"), [("table", ""), ("table", "_trim0"), ("position", "")])
def test_match_whose_flux_contradicts_the_injection_is_ambiguous(match_by: str, suffix: str) -> None:
    """One match of the sample is blended with something else: found with 971 nJy, injected with 373."""
    table, truth = labels(100701, match_by, suffix), read("truth_dia_source", 100701)
    blended = (np.asarray(truth["truth_class"]) == "injected") & np.asarray(truth["ambiguous"], dtype=bool)
    contradicts = (np.asarray(table["label_flag"]) & LabelFlag.FLUX_CONTRADICTS) != 0
    assert blended.sum() == 1
    np.testing.assert_array_equal(contradicts, blended)
    assert not np.any(np.asarray(labels(100700, match_by, suffix)["label_flag"]) & LabelFlag.FLUX_CONTRADICTS)


@pytest.mark.parametrize("visit", VISITS)
def test_sky_map_of_a_dia_source_table(visit: int) -> None:
    sources = read("injected_dia_source", visit)
    sky_map = fit_sky_map(*(np.asarray(sources[name]) for name in ("x", "y", "ra", "dec")))
    assert sky_map.rms_pixel < 1e-3
    assert sky_map.pixel_scale == pytest.approx(0.2, rel=1e-3)
    matched = read("injected_matched_dia_source", visit)
    x, y = sky_map.sky_to_pixel(matched["ra"], matched["dec"])
    assert np.hypot(x - matched["x"], y - matched["y"]).max() < 0.02
