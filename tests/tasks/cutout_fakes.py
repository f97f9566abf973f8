# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images whose pixels tell where they are, and the DIA sources and cutouts of them."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.table import Table

from lsst.images import Box, Image, Mask, MaskedImage, MaskPlane, MaskSchema
from lsst.pipe.base import InMemoryDatasetHandle
from lsst.transient.bogus.columns import CUTOUTS, DIA_SOURCE
from lsst.transient.bogus.tasks.cutout import CutoutConfig, CutoutTask

PLANES = ("BAD", "SATURATED", "NO_DATA", "INJECTED")
# Every image has a box of its own, as the template of the stack has.
BOXES = {
    "difference": Box.factory[2310:2400, 1024:1124],
    "science": Box.factory[2310:2400, 1024:1124],
    "template": Box.factory[2290:2420, 1004:1144],
    "matched_template": Box.factory[2310:2400, 1024:1124],
}
NO_FLAG_BITS = {"centerBadBits": [], "saturatedBit": ""}
OFFSETS = {"difference": 0.0, "science": 1e6, "template": 2e6, "matched_template": 3e6}


def coded_image(channel: str, unit: u.UnitBase = u.nJy) -> MaskedImage:
    """Return an image whose pixels tell channel and parent coordinates."""
    box = BOXES[channel]
    y, x = np.mgrid[box.y.start : box.y.stop, box.x.start : box.x.stop]
    pixels = (OFFSETS[channel] + 200.0 * (y - 2290) + (x - 1004)).astype(np.float32)
    mask = Mask(0, schema=MaskSchema([MaskPlane(name, name) for name in PLANES]), bbox=box)
    return MaskedImage(
        Image(pixels, bbox=box, unit=unit),
        mask=mask,
        variance=Image(pixels + 0.5, bbox=box, unit=unit**2),
    )


def dia_sources(x: list[float], y: list[float]) -> Table:
    n = len(x)
    data = {c.name: np.full(n, c.fill) for c in DIA_SOURCE.columns if not c.optional}
    return DIA_SOURCE.build(data | {"diaSourceId": 1000 - np.arange(n), "x": np.array(x), "y": np.array(y)})


def handles(images: dict[str, MaskedImage]) -> dict[str, InMemoryDatasetHandle]:
    return {
        f"{channel}_{kind}": InMemoryDatasetHandle(getattr(image, kind))
        for channel, image in images.items()
        for kind in ("image", "variance", "mask")
    }


def run(
    x: list[float], y: list[float], images: dict[str, MaskedImage] | None = None, **settings: object
) -> Table:
    config = CutoutConfig()
    config.update(**settings)
    config.validate()
    images = images or {channel: coded_image(channel) for channel in config.channels}
    table = CutoutTask(config=config).run(dia_sources=dia_sources(x, y), **handles(images)).cutouts
    CUTOUTS.check(table)
    assert table["diaSourceId"].tolist() == (1000 - np.arange(len(x))).tolist()
    return table
