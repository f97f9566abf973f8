# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the stand-in tasks: rendered star fields whose every flux and position is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import astropy.wcs
import galsim
import numpy as np
import pytest
from astropy.table import Table

from lsst.images import Box, VisitImage
from lsst.transient.bogus.columns import INJECTION_CATALOG
from lsst.transient.bogus.standalone.images import make_gaussian_psf, make_visit_image
from lsst.transient.bogus.standalone.psf import measure_psf

SKY, READ_NOISE2 = 400.0, 25.0
X0, Y0 = 1000, 300
PIXEL_SCALE = 0.2


@dataclasses.dataclass(frozen=True)
class Field:
    """A rendered image and what is in it; positions in parent coordinates, fluxes in nJy."""

    image: VisitImage
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    is_star: np.ndarray


def make_wcs(
    shape: tuple[int, int], dx: float = 0.0, dy: float = 0.0, rotation: float = 30.0
) -> astropy.wcs.WCS:
    """Return a rotated TAN projection whose centre lies (dx, dy) pixels from the array's."""
    wcs = astropy.wcs.WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [30.0, -20.0]
    wcs.wcs.crpix = [(shape[1] + 1) / 2 + dx, (shape[0] + 1) / 2 + dy]
    c, s = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    wcs.wcs.cd = np.array([[-c, s], [s, c]]) * PIXEL_SCALE / 3600.0
    return wcs


def moffat(fwhm: float, x: float, size: int) -> galsim.GSObject:
    """Return a PSF whose ellipticity changes along x (relative to the first pixel)."""
    return galsim.Moffat(beta=3.0, fwhm=fwhm).shear(g1=0.06 * (x / size - 0.5), g2=0.02)


@pytest.fixture(scope="session")
def make_field() -> Callable[..., Field]:
    """Render a field of stars and galaxies: the same sky for every visit, dithered."""

    def make(
        *,
        visit: int = 7,
        fwhm: float = 4.0,
        shape: tuple[int, int] = (300, 340),
        n_stars: int = 40,
        n_galaxies: int = 20,
        dx: float = 0.0,
        dy: float = 0.0,
        day: int = 0,
        noise: bool = True,
        extra: Mapping[tuple[float, float], float] | None = None,
        mask_bits: Mapping[str, np.ndarray] | None = None,
        gaussian: bool = False,
    ) -> Field:
        rng = np.random.default_rng(11)
        n = n_stars + n_galaxies
        # Sky positions are drawn in a frame larger than the image, then dithered.
        x = rng.uniform(-30, shape[1] + 30, n) + dx
        y = rng.uniform(-30, shape[0] + 30, n) + dy
        flux = 10 ** rng.uniform(3.5, 5.3, n)
        is_star = np.arange(n) < n_stars
        canvas = galsim.Image(shape[1], shape[0], xmin=0, ymin=0, dtype=float)
        profiles = [
            galsim.DeltaFunction() if star else galsim.Exponential(half_light_radius=3.0).shear(g1=0.2)
            for star in is_star
        ]
        for (x_extra, y_extra), f in (extra or {}).items():
            x, y = np.append(x, x_extra - X0), np.append(y, y_extra - Y0)
            flux, is_star = np.append(flux, f), np.append(is_star, True)
            profiles.append(galsim.DeltaFunction())
        for i, profile in enumerate(profiles):
            psf = galsim.Gaussian(fwhm=fwhm) if gaussian else moffat(fwhm, x[i], shape[1])
            source = galsim.Convolve(psf, profile) if not is_star[i] else psf
            reach = 40
            column, row = round(x[i]), round(y[i])
            bounds = galsim.BoundsI(column - reach, column + reach, row - reach, row + reach) & canvas.bounds
            if bounds.area() > 0:
                position = galsim.PositionD(x[i], y[i])
                source.withFlux(flux[i]).drawImage(
                    canvas[bounds], scale=1.0, center=position, add_to_image=True, method="auto"
                )
        pixels = canvas.array.copy()
        variance = pixels + SKY + READ_NOISE2
        if noise:
            pixels += np.random.default_rng(visit).normal(size=shape) * np.sqrt(variance)
        box = Box.from_shape(shape, start=(Y0, X0))
        bad = np.zeros(shape, dtype=bool)
        for plane in (mask_bits or {}).values():
            bad |= plane
        if gaussian:
            model = make_gaussian_psf(fwhm=np.hypot(fwhm, 2.355 / np.sqrt(12.0)), box=box)
        else:
            model = measure_psf(pixels, variance, bad, x0=X0, y0=Y0, fwhm_guess=fwhm)
        image = make_visit_image(
            pixels,
            variance,
            mask_bits or {},
            wcs=make_wcs(shape, dx, dy),
            psf=model,
            instrument="SimCam",
            visit=visit,
            detector=3,
            band="r",
            physical_filter="sim-r",
            mjd_begin=60000.2 + day,
            exposure_time=30.0,
            x0=X0,
            y0=Y0,
            day_obs=20230225 + day,
        )
        return Field(image, x + X0, y + Y0, flux, is_star)

    return make


@pytest.fixture(scope="session")
def field(make_field: Callable[..., Field]) -> Field:
    """One field; read only."""
    return make_field()


@pytest.fixture(scope="session")
def make_injections() -> Callable[..., Table]:
    """Make an injection catalogue for positions (parent pixels) and magnitudes of an image."""

    def make(image: VisitImage, x: np.ndarray, y: np.ndarray, mag: np.ndarray, **columns: object) -> Table:
        n = len(x)
        sky = image.sky_projection.pixel_to_sky(x=np.asarray(x, float), y=np.asarray(y, float))
        data = {c.name: np.full(n, c.fill) for c in INJECTION_CATALOG.columns}
        data.update(
            injection_id=np.arange(n) + 1,
            ra=sky.ra.deg,
            dec=sky.dec.deg,
            x=np.asarray(x, float),
            y=np.asarray(y, float),
            mag=np.asarray(mag, float),
            band=np.full(n, "r"),
            source_type=np.full(n, "Star"),
        )
        data.update(columns)
        return INJECTION_CATALOG.build(data)

    return make
