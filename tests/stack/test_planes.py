# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutouts from exposures that afw wrote, through the butler's components."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from lsst.daf.butler import Butler
from lsst.pipe.base import InMemoryDatasetHandle
from lsst.transient.bogus.columns import CUTOUTS
from lsst.transient.bogus.stamps import CutoutFlag
from lsst.transient.bogus.tasks.cutout import CutoutConfig, CutoutTask

REASON = "needs the science packages of lsst_distrib"
# The science packages warn of things that are not ours.
pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore")]
for package in ("lsst.afw.image", "lsst.afw.geom", "lsst.afw.detection"):
    pytest.importorskip(package, reason=REASON)
pytest.importorskip("lsst.obs.base", reason=REASON)

from .exposures import DATA_ID, HEIGHT, SKY_VARIANCE, WIDTH, X0, Y0, make_exposure, make_repository  # noqa: E402

# In the middle, on saturated pixels, on an edge, and off the image.
COLUMNS, ROWS = np.array([250.2, 202.0, 3.0, 900.0]), np.array([300.4, 105.0, 590.0, 300.0])
SIZE = 30


@pytest.fixture(scope="module")
def butler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Butler]:
    root: Path = tmp_path_factory.mktemp("planes") / "repo"
    with make_repository(root, difference_image="ExposureF") as butler:
        butler.put(make_exposure(), "difference_image", DATA_ID)
        yield butler


def read_planes(butler: Butler) -> dict[str, InMemoryDatasetHandle]:
    storage_classes = {"image": "ImageV2", "variance": "ImageV2", "mask": "MaskV2"}
    return {
        f"difference_{kind}": InMemoryDatasetHandle(
            butler.get(f"difference_image.{kind}", DATA_ID, storageClass=storage_class)
        )
        for kind, storage_class in storage_classes.items()
    }


def cut(planes: dict[str, InMemoryDatasetHandle]) -> Table:
    sources = Table({"diaSourceId": np.arange(4), "x": COLUMNS + X0, "y": ROWS + Y0})
    task = CutoutTask(config=CutoutConfig(channels=["difference"], size=SIZE))
    return task.run(dia_sources=sources, **planes).cutouts


def test_planes_keep_origin_unit_and_pixels(butler: Butler) -> None:
    exposure, planes = make_exposure(), read_planes(butler)
    image, variance = (planes[f"difference_{kind}"].get() for kind in ("image", "variance"))
    np.testing.assert_array_equal(image.array, exposure.image.array)
    np.testing.assert_array_equal(variance.array, exposure.variance.array)
    assert (image.bbox.x.start, image.bbox.y.start) == (X0, Y0)
    assert (str(image.unit), str(variance.unit)) == ("nJy", "nJy2")


def test_stamps_are_the_pixels_around_the_sources(butler: Butler) -> None:
    table, array = cut(read_planes(butler)), make_exposure().image.array
    assert table.colnames[:1] == ["diaSourceId"]
    x, y, half = 250, 300, SIZE // 2
    expected = array[y - half : y - half + SIZE, x - half : x - half + SIZE]
    np.testing.assert_array_equal(table["image"][0, 0], expected)
    assert np.isnan(table["image"][2, 0]).any()
    assert np.isnan(table["image"][3]).all()
    assert np.nanmin(table["variance"]) >= SKY_VARIANCE
    CUTOUTS.check(table)


def test_flags_come_from_the_legacy_mask_planes(butler: Butler) -> None:
    flags = np.asarray(cut(read_planes(butler))["cutout_flag"])
    saturated, partly, missing = (
        (flags & int(bit)) != 0
        for bit in (CutoutFlag.SATURATED, CutoutFlag.PARTLY_OFF, CutoutFlag.ALL_MISSING)
    )
    assert saturated.tolist() == [False, True, False, False]
    assert partly.tolist() == [False, False, True, True]
    assert missing.tolist() == [False, False, False, True]


def test_stamps_equal_those_of_a_visit_image_with_the_same_pixels(butler: Butler) -> None:
    from astropy.wcs import WCS

    from lsst.transient.bogus.standalone.images import make_gaussian_psf, make_visit_image
    from lsst.transient.bogus.standalone.mask_planes import MASK_PLANES

    exposure = make_exposure()
    legacy = {"SATURATED": "SAT", "COSMIC_RAY": "CR", "DETECTION_EDGE": "EDGE"}
    assert set(legacy) <= set(MASK_PLANES)
    bits = {
        name: (exposure.mask.array & exposure.mask.getPlaneBitMask(plane)) != 0
        for name, plane in legacy.items()
    }
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [-5e-5, 5e-5]
    image = make_visit_image(
        exposure.image.array,
        exposure.variance.array,
        bits,
        wcs=wcs,
        psf=make_gaussian_psf(fwhm=4.0, box=_box()),
        instrument="Cam",
        visit=DATA_ID["visit"],
        detector=DATA_ID["detector"],
        band="r",
        physical_filter="Cam-r",
        mjd_begin=60000.0,
        exposure_time=30.0,
        x0=X0,
        y0=Y0,
    )
    planes = {
        f"difference_{kind}": InMemoryDatasetHandle(getattr(image, kind))
        for kind in ("image", "variance", "mask")
    }
    ours, theirs = cut(planes), cut(read_planes(butler))
    for name in ("image", "variance", "mask", "cutout_flag"):
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def _box():
    from lsst.images import Box

    return Box.factory[Y0 : Y0 + HEIGHT, X0 : X0 + WIDTH]
