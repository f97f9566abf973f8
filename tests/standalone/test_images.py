# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math

import astropy.wcs
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from lsst.images import Box, VisitImage
from lsst.images.serialization import read_archive
from lsst.transient.bogus.standalone.images import (
    make_gaussian_psf,
    make_visit_image,
    mask_array,
    midpoint_mjd_tai,
    with_planes,
)

X0, Y0, HEIGHT, WIDTH = 40, 70, 30, 50


@pytest.fixture
def wcs() -> astropy.wcs.WCS:
    wcs = astropy.wcs.WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [210.0, -35.0]
    wcs.wcs.crpix = [11.0, 21.0]
    wcs.wcs.cd = np.array([[-0.2, 0.05], [0.05, 0.2]]) / 3600.0
    wcs.wcs.set()
    return wcs


@pytest.fixture
def visit_image(wcs: astropy.wcs.WCS) -> VisitImage:
    saturated = np.zeros((HEIGHT, WIDTH), dtype=bool)
    saturated[3, 7] = True
    return make_visit_image(
        np.arange(HEIGHT * WIDTH, dtype=float).reshape(HEIGHT, WIDTH),
        np.full((HEIGHT, WIDTH), 4.0),
        {"SATURATED": saturated},
        wcs=wcs,
        psf=make_gaussian_psf(fwhm=3.0, box=Box.from_shape((HEIGHT, WIDTH), start=(Y0, X0))),
        instrument="Frames",
        visit=17,
        detector=2,
        band="i",
        physical_filter="I_frames",
        mjd_begin=60000.25,
        exposure_time=86.4,
        x0=X0,
        y0=Y0,
        day_obs=20230224,
        metadata={"gain": 1.5},
    )


def test_pixels_planes_and_origin(visit_image: VisitImage) -> None:
    assert (visit_image.bbox.x.start, visit_image.bbox.y.start) == (X0, Y0)
    assert visit_image.image[Box.factory[Y0 + 3 : Y0 + 4, X0 + 7 : X0 + 8]].array == 3 * WIDTH + 7
    assert visit_image.unit == "nJy"
    assert visit_image.variance.unit == "nJy2"
    assert np.argwhere(mask_array(visit_image.mask, "SATURATED")).tolist() == [[3, 7]]
    assert (visit_image.band, visit_image.physical_filter) == ("i", "I_frames")


def test_projection_is_that_of_the_wcs_shifted_to_the_origin(visit_image: VisitImage) -> None:
    # CRPIX counts from one in the array: array pixel (10, 20) is the reference point.
    sky = visit_image.sky_projection.pixel_to_sky(x=X0 + 10.0, y=Y0 + 20.0)
    assert sky.separation(SkyCoord(210.0, -35.0, unit="deg")).arcsec < 1e-6
    back = visit_image.sky_projection.sky_to_pixel(SkyCoord(210.0, -35.0, unit="deg"))
    assert (back.x, back.y) == pytest.approx((X0 + 10.0, Y0 + 20.0), abs=1e-6)


def test_times(visit_image: VisitImage) -> None:
    assert midpoint_mjd_tai(visit_image.obs_info) == pytest.approx(60000.2505, abs=1e-9)
    assert visit_image.obs_info.observing_day == 20230224
    without_end = visit_image.obs_info.model_copy(update={"datetime_end": None})
    with pytest.raises(ValueError, match="no begin or end"):
        midpoint_mjd_tai(without_end)


def test_file_round_trip(visit_image: VisitImage, tmp_path) -> None:
    path = str(tmp_path / "image.fits")
    visit_image.write(path)
    read = read_archive(path, VisitImage)
    assert read.bbox == visit_image.bbox
    # Lossy compression is a fraction of the noise.
    assert np.abs(read.image.array - visit_image.image.array).max() < 1.0
    assert read.mask == visit_image.mask
    assert read.psf == visit_image.psf
    assert read.detector == visit_image.detector
    assert midpoint_mjd_tai(read.obs_info) == pytest.approx(60000.2505, abs=1e-9)
    assert dict(read.metadata)["gain"] == 1.5


def test_gaussian_psf_has_the_asked_width() -> None:
    psf = make_gaussian_psf(fwhm=4.0, box=Box.from_shape((50, 50)))
    kernel = psf.compute_kernel_image(x=25.0, y=25.0)
    dx = kernel.bbox.x.arange[None, :]
    sigma = math.sqrt(float((kernel.array * dx**2).sum()))
    assert sigma * 2.3548 == pytest.approx(4.0, rel=1e-3)


def test_with_planes_copies(visit_image: VisitImage) -> None:
    core = np.zeros((HEIGHT, WIDTH), dtype=bool)
    core[5, 6] = True
    changed = with_planes(
        visit_image,
        image=visit_image.image.array + 1.0,
        variance=2.0 * visit_image.variance.array,
        mask_bits={"INJECTED_CORE": core},
    )
    assert np.all(changed.image.array - visit_image.image.array == 1.0)
    assert np.all(changed.variance.array == 8.0)
    assert mask_array(changed.mask, "INJECTED_CORE").sum() == 1
    assert mask_array(changed.mask, "SATURATED").sum() == 1
    assert mask_array(visit_image.mask, "INJECTED_CORE").sum() == 0
    assert changed.bbox == visit_image.bbox
    assert changed.psf is visit_image.psf
    assert dict(changed.metadata) == {"gain": 1.5}


def test_with_planes_adds_planes_that_are_missing(visit_image: VisitImage) -> None:
    bare = VisitImage(
        visit_image.image,
        mask=visit_image.mask.add_planes([], drop=["INJECTED"]),
        variance=visit_image.variance,
        sky_projection=visit_image.sky_projection,
        obs_info=visit_image.obs_info,
        psf=visit_image.psf,
        detector=visit_image.detector,
        band=visit_image.band,
    )
    assert "INJECTED" not in bare.mask.schema.names
    changed = with_planes(bare, mask_bits={"INJECTED": np.ones((HEIGHT, WIDTH), dtype=bool)})
    assert mask_array(changed.mask, "INJECTED").all()
    assert mask_array(changed.mask, "SATURATED").sum() == 1


def test_bad_input(visit_image: VisitImage, wcs: astropy.wcs.WCS) -> None:
    with pytest.raises(ValueError, match=r"shape \(3, 3\)"):
        with_planes(visit_image, image=np.zeros((3, 3)))
    with pytest.raises(ValueError, match="NOT_A_PLANE"):
        with_planes(visit_image, mask_bits={"NOT_A_PLANE": np.zeros((HEIGHT, WIDTH), dtype=bool)})
    with pytest.raises(ValueError, match="visit 5, detector 6"):
        make_visit_image(
            np.zeros((4, 5)),
            np.ones((5, 4)),
            {},
            wcs=wcs,
            psf=visit_image.psf,
            instrument="Frames",
            visit=5,
            detector=6,
            band="i",
            physical_filter="I",
            mjd_begin=60000.0,
            exposure_time=1.0,
        )
