# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of random numbers by named keys."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from lsst.transient.bogus.seeds import derive_seed, generator


def test_same_keys_same_numbers_in_any_process() -> None:
    code = (
        "from lsst.transient.bogus.seeds import *; print(derive_seed('hosts', 1, 2), generator('a').random())"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seed, value = result.stdout.split()
    assert int(seed) == derive_seed("hosts", 1, 2)
    assert float(value) == generator("a").random()


@pytest.mark.parametrize(
    ("first", "second"),
    [(("a", 1), ("a", 2)), (("a", 12), ("a", 1, 2)), (("ab",), ("a", "b")), (("1",), (1,)), ((1, 2), (2, 1))],
)
def test_other_keys_other_seeds(first: tuple[str | int, ...], second: tuple[str | int, ...]) -> None:
    assert derive_seed(*first) != derive_seed(*second)


def test_numpy_integers_are_integers() -> None:
    assert derive_seed("a", np.int64(5)) == derive_seed("a", 5)


def test_seeds_fit_in_63_bits() -> None:
    seeds = [derive_seed("n", i) for i in range(2000)]
    assert 0 <= min(seeds) < max(seeds) < 2**63
    assert len(set(seeds)) == 2000


def test_streams_of_neighbouring_keys_are_independent() -> None:
    draws = np.array([generator("hosts", 0, visit, 1).random(50) for visit in range(60)])
    assert stats.kstest(draws.ravel(), stats.uniform.cdf).pvalue > 1e-3
    assert stats.kstest(draws[:, 0], stats.uniform.cdf).pvalue > 1e-3
    assert stats.pearsonr(draws[:-1].ravel(), draws[1:].ravel()).pvalue > 1e-3
