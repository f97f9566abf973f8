# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the functions that compose kernels."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.standalone.kernel_basis import polar_basis, radial_knots


def test_sums() -> None:
    basis = polar_basis(radial_knots(4.0, 9), 9, max_harmonic=4)
    assert basis.shape[1:] == (19, 19)
    assert basis[0].sum() == pytest.approx(1.0)
    assert basis[1:].sum(axis=(1, 2)) == pytest.approx(0.0, abs=1e-12)
    assert np.linalg.matrix_rank(basis.reshape(len(basis), -1)) == len(basis)


def test_identity_and_shift_are_in_the_basis() -> None:
    basis = polar_basis(radial_knots(4.0, 7), 7, max_harmonic=2).reshape(-1, 225)
    identity, rows = np.zeros((15, 15)), np.indices((15, 15))
    identity[7, 7] = 1.0
    blurred = np.exp(-0.5 * ((rows[1] - 7.3) ** 2 + (rows[0] - 6.8) ** 2) / 1.5**2)
    for target, tolerance in ((identity, 1e-9), (blurred / blurred.sum(), 0.07)):
        solution = np.linalg.lstsq(basis.T, target.ravel())[0]
        residual = solution @ basis - target.ravel()
        assert np.linalg.norm(residual) < tolerance * np.linalg.norm(target)


def test_knots_follow_the_seeing() -> None:
    sharp, wide = radial_knots(3.0, 12), radial_knots(8.0, 12)
    assert sharp[:4].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert wide[:3].tolist() == [0.0, 2.0, 4.0]
    assert sharp.max() < 12
