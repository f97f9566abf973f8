# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Description of a detector of which only the pixels are known."""

from __future__ import annotations

__all__ = ("make_detector",)

from typing import Any

from lsst.images import Box
from lsst.images.cameras import (
    CameraFrameSetSerializationModel,
    Detector,
    DetectorAttributes,
    DetectorType,
    Orientation,
)

# Nominal values for cameras whose geometry is known through the WCS alone.
_PIXEL_SIZE_MM = 0.01
_RADIAN_PER_MM = 1e-4

_CAMERA_AST = """Begin FrameSet
Nframe = 3
Currnt = 1
Lnk2 = 1
Lnk3 = 1
Frm1 =
Begin Frame
Ident = "FOCAL_PLANE"
IsA Object
Naxes = 2
Domain = "FOCAL_PLANE"
Ax1 =
Begin Axis
Unit = "mm"
End Axis
Ax2 =
Begin Axis
Unit = "mm"
End Axis
End Frame
Frm2 =
Begin Frame
Ident = "FIELD_ANGLE"
IsA Object
Naxes = 2
Ax1 =
Begin Axis
Unit = "rad"
End Axis
Ax2 =
Begin Axis
Unit = "rad"
End Axis
End Frame
Frm3 =
Begin Frame
Ident = "DETECTOR_{detector}"
IsA Object
Naxes = 2
Ax1 =
Begin Axis
Unit = "pix"
Top = {x1}
Bottom = {x0}
End Axis
Ax2 =
Begin Axis
Unit = "pix"
Top = {y1}
Bottom = {y0}
End Axis
End Frame
Map2 =
Begin ZoomMap
Nin = 2
IsA Mapping
Zoom = {radian_per_mm!r}
End ZoomMap
Map3 =
Begin ZoomMap
Nin = 2
IsA Mapping
Zoom = {pixel_per_mm!r}
End ZoomMap
End FrameSet
"""


def make_detector(*, instrument: str, detector: int, box: Box, name: str | None = None) -> Detector:
    """Describe a detector of which nothing is known but its box.

    Parameters
    ----------
    instrument
        Butler name of the instrument.
    detector
        Detector number.
    box
        Bounding box of its pixels.
    name
        Full name; ``det<number>`` by default.

    Returns
    -------
    detector : `lsst.images.cameras.Detector`
        Detector without amplifiers.  Its focal-plane position is nominal: sky
        positions come from the image's own projection.
    """
    ast = _CAMERA_AST.format(
        detector=detector,
        x0=box.x.start,
        x1=box.x.stop,
        y0=box.y.start,
        y1=box.y.stop,
        radian_per_mm=_RADIAN_PER_MM,
        pixel_per_mm=1.0 / _PIXEL_SIZE_MM,
    )
    # The archive is used for arrays alone, of which a frame set has none.
    no_archive: Any = None
    frames = CameraFrameSetSerializationModel(instrument=instrument, ast=ast).deserialize(no_archive)
    name = name or f"det{detector}"
    attributes = DetectorAttributes(
        name=name,
        id=detector,
        type=DetectorType.SCIENCE,
        serial=name,
        bbox=box,
        orientation=Orientation(
            focal_plane_x=0.0,
            focal_plane_y=0.0,
            focal_plane_z=0.0,
            pixel_reference_x=0.0,
            pixel_reference_y=0.0,
        ),
        pixel_size=_PIXEL_SIZE_MM,
        physical_type="unknown",
    )
    return Detector(attributes, [], frames)
