# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the selection of stars."""

from __future__ import annotations

import numpy as np

from lsst.transient.bogus.standalone.psf_stars import find_stars, stellar_locus

from .conftest import X0, Y0, Field


def test_locus_separates_stars_from_galaxies() -> None:
    rng = np.random.default_rng(2)
    stars, galaxies = rng.normal(2.0, 0.03, 30), rng.uniform(2.4, 5.0, 60)
    radius = np.concatenate([stars, galaxies])
    member = stellar_locus(radius, rng.uniform(50, 300, 90))
    assert member[:30].mean() > 0.9
    assert member[30:].mean() < 0.05


def test_stars_are_stars(field: Field) -> None:
    image = field.image.image.array
    found = find_stars(
        np.ascontiguousarray(image),
        field.image.variance.array,
        np.zeros(image.shape, dtype=bool),
        min_snr=20.0,
        max_stars=100,
        min_stars=4,
    )
    distance = np.hypot(found.x[:, None] + X0 - field.x, found.y[:, None] + Y0 - field.y)
    assert len(found) >= 6
    assert field.is_star[np.argmin(distance, axis=1)].mean() > 0.85
    assert np.all(np.diff(found.flux) <= 0)


def test_empty_image() -> None:
    nothing = np.zeros((40, 40), dtype=np.float32)
    found = find_stars(
        nothing, np.ones((40, 40)), np.zeros((40, 40), bool), min_snr=20.0, max_stars=9, min_stars=4
    )
    assert len(found) == 0
    assert np.isnan(found.fwhm)
