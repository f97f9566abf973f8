# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the laws of offsets and magnitudes, each against its analytic distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from lsst.transient.bogus.injection_laws import (
    draw_hosted_magnitudes,
    draw_offsets,
    draw_snr_magnitudes,
    faint_flux_error,
    flux_to_magnitude,
    offset_density,
    rotate_offsets,
    scaled_offsets,
)

N = 4000
ALPHA = 1e-3
"""Probability that a right law fails one test; the seeds are fixed."""


def axes() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    a = rng.uniform(1.0, 8.0, N)
    return a, a * rng.uniform(0.2, 1.0, N)


def offsets(law: str, sersic_index: float = 1.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Draw offsets in units of the host's own axes."""
    a, b = axes()
    major, minor = draw_offsets(law, a, b, sersic_index=sersic_index, rng=np.random.default_rng(seed))
    return major / a, minor / b


def test_signed_normal_as_published() -> None:
    a, b = axes()
    major, minor = draw_offsets("signed_normal", a, b, sersic_index=1.0, rng=np.random.default_rng(1))
    radius, angle = np.hypot(major, minor) / a, np.arctan2(minor, major)
    assert stats.kstest(radius, stats.halfnorm.cdf).pvalue > ALPHA
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > ALPHA
    # Direction and radius are independent.
    assert stats.spearmanr(radius, np.abs(angle)).pvalue > ALPHA


def test_elliptical_normal_uses_both_axes() -> None:
    major, minor = offsets("elliptical_normal")
    assert stats.kstest(major, stats.norm.cdf).pvalue > ALPHA
    assert stats.kstest(minor, stats.norm.cdf).pvalue > ALPHA
    assert stats.pearsonr(major, minor).pvalue > ALPHA
    assert stats.kstest(major**2 + minor**2, stats.chi2(2).cdf).pvalue > ALPHA


@pytest.mark.parametrize("index", [0.5, 1.0, 4.0])
def test_light_follows_a_sersic_profile_of_the_hosts_moments(index: float) -> None:
    major, minor = offsets("light", sersic_index=index, seed=2)
    radius, angle = np.hypot(major, minor), np.arctan2(minor, major)
    # Enclosed light within R of I(R) = exp(-(R/h)^(1/n)), by numerical integration, with h
    # such that the moment along an axis is 1.
    t = np.linspace(0.0, 90.0, 200_001)
    weight = np.exp(-t) * t ** (2 * index - 1)
    enclosed = np.cumsum(weight) / weight.sum()
    h = np.sqrt(2.0 * weight.sum() / (weight * t ** (2 * index)).sum())
    assert stats.kstest(radius, lambda r: np.interp(r, h * t**index, enclosed)).pvalue > ALPHA
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > ALPHA


def test_exponential_light_has_the_moments_of_the_host() -> None:
    major, minor = offsets("light", seed=3)
    assert np.var(major) == pytest.approx(1.0, rel=0.12)
    assert np.var(minor) == pytest.approx(1.0, rel=0.12)


def test_gaussian_light_is_the_elliptical_normal() -> None:
    major, _ = offsets("light", sersic_index=0.5, seed=4)
    assert stats.kstest(major, stats.norm.cdf).pvalue > ALPHA


def test_on_the_host() -> None:
    offset = draw_offsets("none", np.ones(3), np.ones(3), sersic_index=1.0, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(offset, np.zeros((2, 3)))


def test_unknown_law() -> None:
    with pytest.raises(ValueError, match="No offset law 'elsewhere'"):
        draw_offsets("elsewhere", np.ones(1), np.ones(1), sersic_index=1.0, rng=np.random.default_rng(0))


def test_rotation_takes_the_major_axis_to_its_angle() -> None:
    angle = np.radians([0.0, 90.0, 30.0, 30.0])
    dx, dy = rotate_offsets(np.array([2.0, 2.0, 2.0, 0.0]), np.array([0.0, 0.0, 0.0, 1.0]), angle)
    root = np.sqrt(3.0)
    np.testing.assert_allclose(dx, [2.0, 0.0, root, -0.5], atol=1e-12)
    np.testing.assert_allclose(dy, [0.0, 2.0, 1.0, root / 2], atol=1e-12)


def test_magnitudes_are_uniform_about_the_host() -> None:
    host = np.random.default_rng(5).uniform(17.0, 24.0, N)
    magnitude = draw_hosted_magnitudes(host, brighter=1.0, fainter=3.0, rng=np.random.default_rng(6))
    assert stats.kstest(magnitude - host, stats.uniform(-1.0, 4.0).cdf).pvalue > ALPHA
    assert stats.spearmanr(magnitude - host, host).pvalue > ALPHA


def test_signal_to_noise_is_uniform() -> None:
    rng = np.random.default_rng(7)
    magnitude = draw_snr_magnitudes(N, flux_error=120.0, lowest=3.0, highest=30.0, rng=rng)
    snr = 10 ** (-0.4 * (magnitude - 31.4)) / 120.0
    assert stats.kstest(snr, stats.uniform(3.0, 27.0).cdf).pvalue > ALPHA


def test_logarithm_of_signal_to_noise_is_uniform() -> None:
    rng = np.random.default_rng(8)
    magnitude = draw_snr_magnitudes(N, flux_error=120.0, lowest=3.0, highest=300.0, rng=rng, logarithmic=True)
    snr = 10 ** (-0.4 * (magnitude - 31.4)) / 120.0
    assert stats.kstest(snr, stats.loguniform(3.0, 300.0).cdf).pvalue > ALPHA


def test_flux_to_magnitude() -> None:
    # 3631 Jy is magnitude 0; 31.4 is the zero point of nJy to a millimagnitude.
    assert flux_to_magnitude(3631e9) == pytest.approx(0.0, abs=1e-3)
    assert np.isnan(flux_to_magnitude(np.array([0.0, -5.0, np.nan]))).all()


@pytest.mark.parametrize(
    ("law", "index"), [("signed_normal", 1.0), ("elliptical_normal", 1.0), ("light", 0.5), ("light", 2.5)]
)
def test_density_is_that_of_the_scaled_draws(law: str, index: float) -> None:
    a, b = axes()
    major, minor = draw_offsets(law, a, b, sersic_index=index, rng=np.random.default_rng(9))
    scaled = scaled_offsets(law, np.hypot(major, minor), np.arctan2(minor, major), a, b)
    radius = np.concatenate([[0.0], np.geomspace(1e-8, 1e3, 20_001)])
    enclosed = integrate.cumulative_trapezoid(
        offset_density(law, radius, sersic_index=index), radius, initial=0.0
    )
    assert enclosed[-1] == pytest.approx(1.0, abs=1e-4)
    assert stats.kstest(scaled, lambda r: np.interp(r, radius, enclosed)).pvalue > ALPHA


def test_other_laws_have_no_density() -> None:
    assert offset_density("none", np.ones(2)) is None
    np.testing.assert_allclose(
        scaled_offsets("none", np.array([2.0]), np.array([1.0]), np.array([4.0]), np.array([1.0])), [0.5]
    )


def test_error_of_a_faint_source_is_without_photon_noise_of_bright_ones() -> None:
    rng = np.random.default_rng(8)
    flux = np.concatenate([rng.uniform(100.0, 300.0, 300), rng.uniform(1e4, 1e5, 700)])
    error = np.sqrt(20.0**2 + 0.5 * flux)
    flux[:3], error[3:6] = np.nan, np.nan
    assert faint_flux_error(flux, error) == pytest.approx(20.0, rel=0.15)
    assert faint_flux_error([5.0], [2.0]) == 2.0
    assert np.isnan(faint_flux_error([], []))
    assert np.isnan(faint_flux_error([1.0, np.nan], [0.0, 2.0]))
