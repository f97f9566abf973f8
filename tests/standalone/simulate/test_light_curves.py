# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.simulate.light_curves import (
    damped_random_walk,
    flare,
    periodic,
    supernova_magnitudes,
)


@pytest.mark.parametrize("kind", ["thermonuclear", "plateau", "fast"])
def test_supernova_rises_peaks_and_fades(kind: str) -> None:
    days = np.arange(-40.0, 120.0)
    curve = supernova_magnitudes(days, np.full(len(days), "r"), kind=kind, stretch=1.0)
    assert np.isposinf(curve[days < -20.0]).all()
    assert curve[days == 0.0] == pytest.approx(0.0, abs=0.01)
    assert curve.min() == pytest.approx(0.0, abs=0.01)
    assert (np.diff(curve[days >= 0.0]) > 0.0).all()
    rising = curve[(days > -5.0) & (days <= 0.0)]
    assert (np.diff(rising) < 0.0).all()


def test_thermonuclear_supernova_declines_by_the_known_amount() -> None:
    # Phillips: about 0.7 mag in r (1.1 in B) in the fifteen days after maximum.
    days = np.array([0.0, 15.0])
    r = supernova_magnitudes(days, np.array(["r", "r"]), kind="thermonuclear", stretch=1.0)
    g = supernova_magnitudes(days, np.array(["g", "g"]), kind="thermonuclear", stretch=1.0)
    assert 0.5 < r[1] - r[0] < 1.6
    assert g[1] - g[0] > r[1] - r[0]


def test_stretch_is_a_factor_on_time() -> None:
    days = np.linspace(-10.0, 60.0, 50)
    bands = np.full(50, "r")
    one = supernova_magnitudes(days, bands, kind="plateau", stretch=1.0)
    two = supernova_magnitudes(2.0 * days, bands, kind="plateau", stretch=2.0)
    np.testing.assert_allclose(one, two)


def test_plateau_ends_with_a_drop() -> None:
    curve = supernova_magnitudes(np.array([40.0, 60.0, 100.0]), np.full(3, "i"), kind="plateau", stretch=1.0)
    assert curve[2] - curve[1] > 5.0 * (curve[1] - curve[0])


def test_periodic_repeats_with_its_period_and_amplitude() -> None:
    mjd = np.linspace(0.0, 10.0, 2001)
    curve = periodic(mjd, period=0.7, phase=0.3, skew=0.2)
    assert (curve.min(), curve.max()) == pytest.approx((-1.0, 1.0), abs=1e-3)
    np.testing.assert_allclose(periodic(mjd + 7.0, period=0.7, phase=0.3, skew=0.2), curve, atol=1e-9)
    # It rises during a fifth of the cycle.
    assert np.mean(np.diff(curve) > 0.0) == pytest.approx(0.2, abs=0.02)


def test_damped_random_walk_has_its_variance_and_memory(rng: np.random.Generator) -> None:
    tau = 10.0
    mjd = np.arange(0.0, 40_000.0, 2.0)
    curve = damped_random_walk(rng, mjd, rms=0.3, tau=tau)
    assert curve.std() == pytest.approx(0.3, rel=0.1)
    correlation = np.corrcoef(curve[:-5], curve[5:])[0, 1]
    assert correlation == pytest.approx(np.exp(-1.0), abs=0.08)


def test_flare() -> None:
    np.testing.assert_allclose(
        flare(np.array([-3.0, 0.0, 20.0]), start=0.0, rise=3.0, decay=10.0), np.exp([-1.0, 0.0, -2.0])
    )
