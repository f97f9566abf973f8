# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from lsst.images import Box, get_legacy_difference_image_mask_planes
from lsst.transient.bogus.standalone.mask_planes import (
    MASK_PLANES,
    any_mask,
    empty_mask,
    mask_array,
    mask_schema,
    set_planes,
)

BOX = Box.from_shape((4, 6), start=(10, 20))


def test_planes_have_the_names_and_meaning_of_the_stack() -> None:
    schema = mask_schema()
    assert list(schema.names) == list(MASK_PLANES)
    stack = {p.name: p.description for p in get_legacy_difference_image_mask_planes().values()}
    for name in set(MASK_PLANES) - {"INJECTED", "INJECTED_CORE"}:
        assert schema.descriptions[name] == stack[name]


def test_set_and_read() -> None:
    mask = empty_mask(BOX)
    assert mask.bbox == BOX
    assert not mask.array.any()
    bad = np.zeros((4, 6), dtype=bool)
    bad[1, 2] = True
    set_planes(mask, {"BAD": bad, "INJECTED_CORE": bad[:, ::-1]})
    # The two planes are in different bytes of the mask.
    assert np.argwhere(mask_array(mask, "BAD")).tolist() == [[1, 2]]
    assert np.argwhere(any_mask(mask, ["BAD", "INJECTED_CORE", "NOT_THERE"])).tolist() == [[1, 2], [1, 3]]
    set_planes(mask, {"BAD": np.zeros((4, 6), dtype=bool)})
    assert mask_array(mask, "BAD").sum() == 1


def test_absent_planes_are_empty() -> None:
    mask = empty_mask(BOX)
    assert mask_array(mask, "NOT_THERE").shape == (4, 6)
    assert not any_mask(mask, []).any()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="Unknown mask plane 'NOT_THERE'"):
        set_planes(empty_mask(BOX), {"NOT_THERE": np.zeros((4, 6), dtype=bool)})
    with pytest.raises(ValueError, match=r"shape \(6, 4\)"):
        set_planes(empty_mask(BOX), {"BAD": np.zeros((6, 4), dtype=bool)})
