# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small networks need one thread; more only wait for each other where tests run side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lsst.transient.bogus.nn.device import torch_threads


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    with torch_threads(1):
        yield
