# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random numbers that depend on named keys alone, never on process or order."""

from __future__ import annotations

__all__ = ("derive_seed", "generator")

import hashlib
import json

import numpy as np

type Key = str | int


def derive_seed(*keys: Key) -> int:
    """Hash named keys to a 63-bit seed.

    Parameters
    ----------
    *keys
        What the random numbers are for, e.g. ``("hosts", seed, visit, detector)``.

    Returns
    -------
    seed : `int`
        The same for the same keys in every process, on every platform.
    """
    text = json.dumps([k if isinstance(k, str) else int(k) for k in keys], separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(*keys: Key) -> np.random.Generator:
    """Return a generator seeded by named keys.

    Parameters
    ----------
    *keys
        As for `derive_seed`.

    Returns
    -------
    rng : `numpy.random.Generator`
        Independent of the generators of all other keys.
    """
    return np.random.default_rng(derive_seed(*keys))
