# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.simulate.bands import BANDS, flux_of


def test_flux_of_zero_point_is_one_njy() -> None:
    np.testing.assert_allclose(flux_of([31.4, 28.9, 23.9]), [1.0, 10.0, 1000.0])


def test_electrons_grow_with_time_and_zero_point() -> None:
    band = BANDS["r"]
    # A source at the zero point gives one electron per second.
    flux = float(flux_of(band.zero_point))
    assert flux * band.electrons_per_njy(1.0) == pytest.approx(1.0)
    assert band.electrons_per_njy(60.0) == pytest.approx(60.0 * band.electrons_per_njy(1.0))


def test_bands_are_in_order_of_wavelength() -> None:
    wavelengths = [band.wavelength for band in BANDS.values()]
    assert wavelengths == sorted(wavelengths)
    refraction = [band.refraction for band in BANDS.values()]
    assert refraction == sorted(refraction, reverse=True)
