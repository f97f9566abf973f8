# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections and configuration of the task that cuts stamps."""

from __future__ import annotations

__all__ = ("UNITS", "CutoutConfig", "CutoutConnections")

from lsst.pex.config import ChoiceField, DictField, Field, FieldValidationError, ListField, RangeField
from lsst.pipe.base import PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base import connectionTypes as cT

from ..columns import CUTOUTS

_VD = ("instrument", "visit", "detector")
_CHANNELS = ("difference", "science", "template", "matched_template")
_STORAGE_CLASSES = {"image": "ImageV2", "variance": "ImageV2", "mask": "MaskV2"}
UNITS = {"image": "nJy", "variance": "nJy2"}
"""Units that planes are converted to."""


def _plane(channel: str, kind: str) -> cT.Input:
    """Declare the connection of one plane of one channel."""
    return cT.Input(
        doc=f"The {kind} plane of the {channel.replace('_', ' ')} image.",
        name=f"{{{channel}}}.{kind}",
        storageClass=_STORAGE_CLASSES[kind],
        dimensions=_VD,
        deferLoad=True,
    )


class CutoutConnections(
    PipelineTaskConnections,
    dimensions=_VD,
    defaultTemplates={
        "difference": "difference_image",
        "science": "injected_visit_image",
        "template": "template_detector",
        "matched_template": "template_matched_detector",
    },
):
    """Connections of `CutoutTask`: the DIA sources and the planes that the channels need.

    The templates name the images, so that ``connections.science: visit_image`` renames
    all three planes at once.
    """

    dia_sources = cT.Input(
        doc="DIA sources, standardised.",
        name="dia_source_detector",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    difference_image = _plane("difference", "image")
    difference_variance = _plane("difference", "variance")
    difference_mask = _plane("difference", "mask")
    science_image = _plane("science", "image")
    science_variance = _plane("science", "variance")
    science_mask = _plane("science", "mask")
    template_image = _plane("template", "image")
    template_variance = _plane("template", "variance")
    template_mask = _plane("template", "mask")
    matched_template_image = _plane("matched_template", "image")
    matched_template_variance = _plane("matched_template", "variance")
    matched_template_mask = _plane("matched_template", "mask")
    cutouts = cT.Output(
        doc=CUTOUTS.doc,
        name="transient_cutouts",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )

    def __init__(self, *, config: CutoutConfig) -> None:
        for channel in _CHANNELS:
            for kind in _STORAGE_CLASSES:
                if channel not in config.channels or kind not in config.plane_kinds():
                    delattr(self, f"{channel}_{kind}")


def _is_subset_of_channels(channels: list[str]) -> bool:
    return len(channels) > 0 and len(set(channels)) == len(channels) and set(channels) <= set(_CHANNELS)


class CutoutConfig(PipelineTaskConfig, pipelineConnections=CutoutConnections):
    """Configuration of `CutoutTask`."""

    size = RangeField(
        dtype=int,
        doc="Side of a stamp in pixels. The centre is pixel size // 2 of either axis: an even stamp reaches "
        "one pixel further to the low side. Small stamps lose the host, large ones cost space (size²).",
        default=30,
        min=3,
        max=512,
        inclusiveMax=True,
    )
    channels = ListField[str](
        doc="Images that become the channels of a stamp, in this order, each at most once: difference, "
        "science, template, matched_template.",
        default=["difference", "science", "template"],
        listCheck=_is_subset_of_channels,
    )
    glintColumn = Field[str](
        doc="Column that says whether a DIA source is one of a row of flashes of a satellite or of debris; "
        "without it, none is. Such stamps are flagged, and get no score.",
        default="glint_trail",
    )
    doVariance = Field[bool](
        doc="Whether to cut the variances too. Needed by models that normalise to signal-to-noise.",
        default=True,
    )
    doMask = Field[bool](
        doc="Whether to cut the masks too. If not, the flags that need masks are never set.",
        default=True,
    )
    maskBits = DictField[str, str](
        doc="Bits of the stamps' masks, from the lowest: name, and the mask planes that set it, separated "
        "by spaces. At most eight. Planes that a file does not have are ignored and logged. Planes of the "
        "injection itself are refused: they hold the label. Ignored if doMask is False.",
        default={
            "BAD": "BAD",
            "SATURATED": "SATURATED SAT_TEMPLATE",
            "COSMIC_RAY": "COSMIC_RAY",
            "INTERPOLATED": "INTERPOLATED",
            "EDGE": "DETECTION_EDGE NO_DATA",
            "SUSPECT": "SUSPECT",
            "STREAK": "STREAK",
            "HIGH_VARIANCE": "HIGH_VARIANCE",
        },
    )
    centerBadBits = ListField[str](
        doc="Bits of maskBits that set the flag CENTER_MASKED where they are in the central 3x3 pixels.",
        default=["BAD", "COSMIC_RAY", "EDGE"],
    )
    saturatedBit = Field[str](
        doc="Bit of maskBits that sets the flag SATURATED where it is anywhere in the stamp; empty for none.",
        default="SATURATED",
    )
    storage = ChoiceField[str](
        doc="How image, variance and mask are stored; nothing is rounded either way.",
        allowed={
            "tensor": "As they are: columns of shape (N, channel, size, size), whatever reads the table.",
            "words": "As rows of 64-bit words, which are written and read several times faster. Tasks and "
            "scripts of this package do not see a difference; others read the table with "
            "lsst.transient.bogus.handles.read_table. For training sets of a million stamps.",
        },
        default="tensor",
    )
    boxCost = RangeField(
        dtype=int,
        doc="Number of pixels that can be read of a whole plane in the time that one box takes. All planes "
        "but the first are read in boxes where this number for each source is less than the plane has; with "
        "the default that is below 28 sources on 4096x4096 pixels. 0 reads boxes always (if the file knows "
        "them), a number above that of a plane's pixels never does.",
        default=600_000,
        min=0,
    )
    xColumn = Field[str](doc="Column of the DIA source table with the pixel column.", default="x")
    yColumn = Field[str](doc="Column of the DIA source table with the pixel row.", default="y")

    def plane_kinds(self) -> tuple[str, ...]:
        """Return the kinds of planes to cut.

        Returns
        -------
        kinds : `tuple` [`str`, ...]
            Some of image, variance and mask.
        """
        switched = {"image": True, "variance": self.doVariance, "mask": self.doMask}
        return tuple(kind for kind, wanted in switched.items() if wanted)

    def mask_planes(self) -> dict[str, list[str]]:
        """Return the mask planes of each bit.

        Returns
        -------
        planes : `dict` [`str`, `list` [`str`]]
            Names of planes by name of bit, from the lowest bit.
        """
        return {name: planes.split() for name, planes in self.maskBits.items()}

    def bits_of(self, *names: str) -> int:
        """Return the value of bits of the stamps' masks.

        Parameters
        ----------
        *names
            Names in ``maskBits``.

        Returns
        -------
        bits : `int`
            All of them together.
        """
        order = list(self.maskBits)
        return sum(1 << order.index(name) for name in names)

    def validate(self) -> None:
        super().validate()
        if not self.doMask:
            return
        if len(self.maskBits) > 8:
            raise FieldValidationError(
                CutoutConfig.maskBits, self, f"{len(self.maskBits)} bits; at most 8 fit."
            )
        injected = [p for planes in self.mask_planes().values() for p in planes if p.startswith("INJECTED")]
        if injected:
            raise FieldValidationError(CutoutConfig.maskBits, self, f"{injected} would give the label away.")
        for field, names in (
            (CutoutConfig.centerBadBits, list(self.centerBadBits)),
            (CutoutConfig.saturatedBit, [self.saturatedBit] if self.saturatedBit else []),
        ):
            unknown = [name for name in names if name not in self.maskBits]
            if unknown:
                raise FieldValidationError(field, self, f"{unknown} not in maskBits {list(self.maskBits)}.")
