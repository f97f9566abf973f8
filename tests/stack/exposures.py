# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic exposures of the real stack.  Import it where the stack is set up only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import lsst.afw.geom as afwGeom
import lsst.afw.image as afwImage
import lsst.geom as geom
from lsst.afw.detection import GaussianPsf
from lsst.daf.butler import Butler, DatasetType
from lsst.daf.butler.tests import addDataIdValue

VISIT = 42
X0, Y0, WIDTH, HEIGHT = 1024, 2310, 500, 600
SKY_VARIANCE = 40.0
DATA_ID = {"instrument": "Cam", "visit": VISIT, "detector": 3}
_VD = ("instrument", "visit", "detector")


def make_exposure() -> afwImage.ExposureF:
    """Make a calibrated exposure in nJy, with an origin, a rotated WCS and a Gaussian PSF."""
    rng = np.random.default_rng(7)
    box = geom.Box2I(geom.Point2I(X0, Y0), geom.Extent2I(WIDTH, HEIGHT))
    wcs = afwGeom.makeSkyWcs(
        crpix=geom.Point2D(X0 + WIDTH / 2, Y0 + HEIGHT / 2),
        crval=geom.SpherePoint(150.1, 2.2, geom.degrees),
        cdMatrix=afwGeom.makeCdMatrix(0.2 * geom.arcseconds, 30 * geom.degrees, True),
    )
    exposure = afwImage.ExposureF(box, wcs)
    # Variance grows with the image, as photon noise does: the injection infers the gain from it.
    signal = rng.uniform(0.0, 400.0, (HEIGHT, WIDTH))
    variance = SKY_VARIANCE + signal
    exposure.image.array[:] = signal + rng.normal(size=signal.shape) * np.sqrt(variance)
    exposure.variance.array[:] = variance
    for plane, slices in (("SAT", np.s_[100:110, 200:205]), ("CR", np.s_[0, 0]), ("EDGE", np.s_[:, :4])):
        exposure.mask.array[slices] |= exposure.mask.getPlaneBitMask(plane)
    exposure.setPsf(GaussianPsf(41, 41, 2.0))
    exposure.setPhotoCalib(afwImage.PhotoCalib(1.0, 0.0, bbox=box))
    exposure.setFilter(afwImage.FilterLabel(band="r", physical="Cam-r"))
    exposure.info.setVisitInfo(afwImage.VisitInfo(id=VISIT, exposureTime=30.0))
    exposure.metadata["BUNIT"] = "nJy"
    return exposure


def make_repository(root: Path, **storage_classes: str) -> Butler:
    """Make a repository with one visit and detector, and dataset types of these."""
    Butler.makeRepo(str(root))
    butler = Butler.from_config(str(root), writeable=True, run="run")
    addDataIdValue(butler, "instrument", "Cam")
    addDataIdValue(butler, "physical_filter", "Cam-r", instrument="Cam", band="r")
    addDataIdValue(butler, "detector", DATA_ID["detector"], instrument="Cam")
    addDataIdValue(butler, "day_obs", 20260101, instrument="Cam")
    addDataIdValue(butler, "visit", VISIT, instrument="Cam", physical_filter="Cam-r", day_obs=20260101)
    for name, storage_class in storage_classes.items():
        butler.registry.registerDatasetType(DatasetType(name, _VD, storage_class, universe=butler.dimensions))
    return butler
