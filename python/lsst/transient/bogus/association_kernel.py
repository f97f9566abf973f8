# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiled loop behind `association`: objects in a hash grid, one visit after the other."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

__all__ = ("match_visits",)

import numba
import numpy as np

_BIAS = np.int64(1 << 20)
_HASH = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(38)
# Everything of a key but the lowest two bits of each coordinate.
_BLOCK = ~np.int64(3 | 3 << 21 | 3 << 42)


@numba.njit(cache=True, inline="always")
def _cell_key(i, j, k):
    # Coordinates are at least -1 and cells at least 2e-6 wide: 21 bits each.
    return ((i + _BIAS) << 42) | ((j + _BIAS) << 21) | (k + _BIAS)


@numba.njit(cache=True, inline="always")
def _bucket(key, mask):
    # Cells of a block of 4 x 4 x 4 have neighbouring buckets: what is near in the sky is near in memory.
    within = (key & 3) | ((key >> 19) & 12) | ((key >> 38) & 48)
    block = np.uint64(key & _BLOCK) * _HASH
    return ((np.int64(block >> _SHIFT) << 6) | within) & mask


@numba.njit(cache=True)
def _link(o, key, head, following, previous):
    b = _bucket(key[o], len(head) - 1)
    previous[o] = -1
    following[o] = head[b]
    if head[b] >= 0:
        previous[head[b]] = o
    head[b] = o


@numba.njit(cache=True)
def _unlink(o, key, head, following, previous):
    if previous[o] >= 0:
        following[previous[o]] = following[o]
    else:
        head[_bucket(key[o], len(head) - 1)] = following[o]
    if following[o] >= 0:
        previous[following[o]] = previous[o]


@numba.njit(cache=True)
def _key_of(x, y, z, cell):
    return _cell_key(np.int64(np.floor(x / cell)), np.int64(np.floor(y / cell)), np.int64(np.floor(z / cell)))


@numba.njit(cache=True)
def _near(vectors, row, radius, cell, mean, key, head, following, found, distance):
    x, y, z = vectors[row, 0], vectors[row, 1], vectors[row, 2]
    # The cells that the ball meets: at most 2 x 2 x 2.
    n = 0
    i0, i1 = np.int64(np.floor((x - radius) / cell)), np.int64(np.floor((x + radius) / cell))
    j0, j1 = np.int64(np.floor((y - radius) / cell)), np.int64(np.floor((y + radius) / cell))
    k0, k1 = np.int64(np.floor((z - radius) / cell)), np.int64(np.floor((z + radius) / cell))
    for i in range(i0, i1 + 1):
        for j in range(j0, j1 + 1):
            for k in range(k0, k1 + 1):
                wanted = _cell_key(i, j, k)
                o = head[_bucket(wanted, len(head) - 1)]
                while o >= 0:
                    if key[o] == wanted:
                        d2 = (x - mean[o, 0]) ** 2 + (y - mean[o, 1]) ** 2 + (z - mean[o, 2]) ** 2
                        if d2 <= radius * radius:
                            if n < len(found):
                                found[n] = o
                                distance[n] = d2
                            n += 1
                    o = following[o]
    return n


@numba.njit(cache=True)
def _pairs(vectors, lo, hi, radius, cell, mean, key, head, following):
    # Every (detection, object) pair of one visit within the radius.
    detection = np.empty(hi - lo, np.int64)
    partner = np.empty(hi - lo, np.int64)
    distance = np.empty(hi - lo, np.float64)
    found = np.empty(16, np.int64)
    squared = np.empty(16, np.float64)
    n = 0
    for i in range(lo, hi):
        m = _near(vectors, i, radius, cell, mean, key, head, following, found, squared)
        while m > len(found):
            found = np.empty(2 * m, np.int64)
            squared = np.empty(2 * m, np.float64)
            m = _near(vectors, i, radius, cell, mean, key, head, following, found, squared)
        while n + m > len(detection):
            detection = np.concatenate((detection, np.empty_like(detection)))
            partner = np.concatenate((partner, np.empty_like(partner)))
            distance = np.concatenate((distance, np.empty_like(distance)))
        detection[n : n + m] = i
        partner[n : n + m] = found[:m]
        distance[n : n + m] = squared[:m]
        n += m
    return detection[:n], partner[:n], distance[:n]


@numba.njit(cache=True)
def _contested(detection, partner, suitors):
    # Pairs, grouped by detection, whose detection or object is in another pair too.  The
    # counts of suitors are 0 before and after.
    n = len(detection)
    for p in range(n):
        suitors[partner[p]] += 1
    contested = np.empty(n, np.bool_)
    for p in range(n):
        several = (p > 0 and detection[p - 1] == detection[p]) or (
            p + 1 < n and detection[p + 1] == detection[p]
        )
        contested[p] = several or suitors[partner[p]] > 1
    for p in range(n):
        suitors[partner[p]] = 0
    return contested


@numba.njit(cache=True)
def _move(vectors, i, o, n, mean):
    # The object moves to the mean of its n detections, of which i is the last.
    x = mean[o, 0] + (vectors[i, 0] - mean[o, 0]) / n
    y = mean[o, 1] + (vectors[i, 1] - mean[o, 1]) / n
    z = mean[o, 2] + (vectors[i, 2] - mean[o, 2]) / n
    norm = np.sqrt(x * x + y * y + z * z)
    mean[o, 0], mean[o, 1], mean[o, 2] = x / norm, y / norm, z / norm


@numba.njit(cache=True)
def match_visits(vectors, starts, radius, cell, n_buckets):
    """Match detections to objects, visit by visit.

    Parameters
    ----------
    vectors
        Unit vectors of the detections, float64, shape (N, 3), grouped by visit
        in time order.
    starts
        First row of each visit and N, int64, shape (V + 1,).
    radius
        Chord of the largest accepted separation.
    cell
        Side of a cell of the grid, at least two radii.
    n_buckets
        Number of hash buckets, a power of two below 2**26.

    Returns
    -------
    index : `numpy.ndarray`
        Object of each detection, int64, shape (N,), in order of creation.
    """
    n_rows = len(vectors)
    index = np.full(n_rows, -1, np.int64)
    mean = np.empty((n_rows, 3), np.float64)
    count = np.empty(n_rows, np.int32)
    last_visit = np.empty(n_rows, np.int32)
    key = np.empty(n_rows, np.int64)
    following = np.empty(n_rows, np.int32)
    previous = np.empty(n_rows, np.int32)
    head = np.full(n_buckets, -1, np.int32)
    suitors = np.zeros(n_rows, np.int32)
    n_objects = 0
    for visit in range(len(starts) - 1):
        lo, hi = starts[visit], starts[visit + 1]
        detection, partner, distance = _pairs(vectors, lo, hi, radius, cell, mean, key, head, following)
        contested = _contested(detection, partner, suitors)
        for step in range(2):
            # Pairs that nobody contests need no order.
            if step == 0:
                turn = np.flatnonzero(~contested)
            else:
                turn = np.flatnonzero(contested)
                turn = turn[np.argsort(distance[turn], kind="mergesort")]
            for p in turn:
                i, o = detection[p], partner[p]
                if index[i] >= 0 or last_visit[o] == visit:
                    continue
                index[i] = o
                last_visit[o] = visit
                count[o] += 1
                _move(vectors, i, o, count[o], mean)
                moved = _key_of(mean[o, 0], mean[o, 1], mean[o, 2], cell)
                if moved != key[o]:
                    _unlink(o, key, head, following, previous)
                    key[o] = moved
                    _link(o, key, head, following, previous)
        for i in range(lo, hi):
            if index[i] < 0:
                o = n_objects
                n_objects += 1
                index[i] = o
                mean[o, 0], mean[o, 1], mean[o, 2] = vectors[i, 0], vectors[i, 1], vectors[i, 2]
                count[o] = 1
                last_visit[o] = visit
                key[o] = _key_of(mean[o, 0], mean[o, 1], mean[o, 2], cell)
                _link(o, key, head, following, previous)
    return index
