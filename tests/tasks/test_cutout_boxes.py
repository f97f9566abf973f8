# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of when `CutoutTask` reads boxes of a plane, and of what it reads then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from lsst.images import Image, Mask
from lsst.transient.bogus.columns import CUTOUTS
from lsst.transient.bogus.tasks.cutout import CutoutConfig, CutoutTask

from .cutout_fakes import BOXES, coded_image, dia_sources, handles


class BoxHandle:
    """A handle of a file that is read in boxes, or of a legacy one that does not know them."""

    def __init__(self, plane: Image | Mask, *, knows_boxes: bool) -> None:
        self.plane, self.knows_boxes, self.reads = plane, knows_boxes, []

    def get(self, *, parameters: dict[str, Any] | None = None) -> Image | Mask:
        box = (parameters or {}).get("bbox")
        self.reads.append(box)
        return self.plane if box is None or not self.knows_boxes else self.plane[box]


@pytest.mark.parametrize("knows_boxes", [True, False])
@pytest.mark.parametrize(("y", "n_boxes"), [(2350.0, 2), (2310.0, 1)])
def test_few_stamps_are_read_in_boxes(knows_boxes: bool, y: float, n_boxes: int) -> None:
    images = {channel: coded_image(channel) for channel in ("difference", "science", "template")}
    rng = np.random.default_rng(1)
    for channel, image in images.items():
        shape = (BOXES[channel].y.size, BOXES[channel].x.size)
        image.mask.set("BAD", rng.random(shape) < 0.2)
    sources = dia_sources([1080.0, np.nan, 1070.0], [2350.0, 2350.0, y])

    def cut(box_cost: int) -> tuple[Table, dict[str, BoxHandle]]:
        task = CutoutTask(config=CutoutConfig(boxCost=box_cost))
        planes = {
            name: BoxHandle(handle.get(), knows_boxes=knows_boxes) for name, handle in handles(images).items()
        }
        return task.run(dia_sources=sources, **planes).cutouts, planes

    (boxes, planes), (whole, _) = cut(0), cut(10**9)
    for name in CUTOUTS.names:
        np.testing.assert_array_equal(boxes[name], whole[name])
    assert boxes["mask"].any()
    assert planes["difference_image"].reads == [None]
    # A stamp that is partly off a plane has no box: the plane is read whole.
    inside = [len([b for b in planes[f"{c}_mask"].reads if b is not None]) for c in ("science", "template")]
    assert inside == ([2, 2] if knows_boxes else [1, 1])
    is_whole = [None in planes[f"{channel}_variance"].reads for channel in ("science", "template")]
    assert is_whole == [not knows_boxes or n_boxes == 1, not knows_boxes]


@pytest.mark.parametrize(("n", "in_boxes"), [(4, True), (5, False)])
def test_boxes_only_where_they_cost_less(n: int, in_boxes: bool) -> None:
    image = coded_image("difference")  # 9000 pixels
    planes = {k: BoxHandle(getattr(image, k), knows_boxes=True) for k in ("image", "variance", "mask")}
    task = CutoutTask(config=CutoutConfig(channels=["difference"], boxCost=2000))
    sources = dia_sources(np.linspace(1060, 1080, n).tolist(), [2350.0] * n)
    task.run(dia_sources=sources, **{f"difference_{kind}": handle for kind, handle in planes.items()})
    assert (planes["variance"].reads == [None]) != in_boxes
    assert len(planes["variance"].reads) == (n if in_boxes else 1)
