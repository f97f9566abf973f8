# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that cuts stamps around DIA sources."""

from __future__ import annotations

__all__ = ("CutoutConfig", "CutoutConnections", "CutoutTask")

import dataclasses
from typing import Any, ClassVar

import numpy as np
from astropy.table import Table

from lsst.pex.config import DictField, Field, FieldValidationError, ListField, RangeField
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base import connectionTypes as cT

from ..columns import CUTOUTS, DIA_SOURCE
from ..pixels import condense, image_plane, mask_bytes, mask_plane, mask_table
from ..stamps import (
    CutoutFlag,
    StampGrid,
    flag_bits,
    gather_stamps,
    has_masked_center,
    is_all_missing,
    stamp_grid,
)

_VD = ("instrument", "visit", "detector")
_CHANNELS = ("difference", "science", "template", "matched_template")
_STORAGE_CLASSES = {"image": "ImageV2", "variance": "ImageV2", "mask": "MaskV2"}
_UNITS = {"image": "nJy", "variance": "nJy2"}


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


@dataclasses.dataclass
class _Stamps:
    """The arrays of all stamps, filled plane by plane."""

    image: np.ndarray
    variance: np.ndarray | None
    mask: np.ndarray | None
    is_partly_off: np.ndarray
    units: dict[str, list[str]]


class CutoutTask(PipelineTask):
    """Cut stamps around every DIA source of a detector.

    The output has the rows of the DIA source table in their order, whatever is wrong
    with them: what is missing is NaN, and ``cutout_flag`` says why.
    """

    ConfigClass = CutoutConfig
    _DefaultName: ClassVar[str] = "cutout"
    config: CutoutConfig

    def run(self, *, dia_sources: Table, **planes: Any) -> Struct:
        """Cut the stamps.

        Parameters
        ----------
        dia_sources
            DIA sources with their id and position, N rows.
        **planes
            A handle (anything with ``get()``) of each plane that the connections
            list, e.g. ``difference_image``, ``science_mask``.  Each is read once,
            and only one is in memory at a time.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with one component: ``cutouts`` (`astropy.table.Table`),
            N rows, see `lsst.transient.bogus.columns.CUTOUTS`.
        """
        DIA_SOURCE.check(dia_sources, ("diaSourceId",))
        x, y = (
            np.asarray(dia_sources[name], dtype=float) for name in (self.config.xColumn, self.config.yColumn)
        )
        grid = stamp_grid(x, y, self.config.size)
        stamps = self._allocate(len(grid))
        for index, channel in enumerate(self.config.channels):
            for kind in ("image", "variance"):
                array = getattr(stamps, kind)
                if array is not None:
                    unit = self._cut_image(
                        planes[f"{channel}_{kind}"], _UNITS[kind], grid, array[:, index], stamps
                    )
                    stamps.units[kind].append(unit)
            if stamps.mask is not None:
                self._cut_mask(planes[f"{channel}_mask"], channel, grid, stamps.mask[:, index])
        flags = self._flags(stamps, grid)
        return Struct(cutouts=self._table(np.asarray(dia_sources["diaSourceId"]), stamps, flags))

    def _allocate(self, n_rows: int) -> _Stamps:
        """Make the arrays to fill."""
        shape = (n_rows, len(self.config.channels), self.config.size, self.config.size)
        return _Stamps(
            image=np.empty(shape, dtype=np.float32),
            variance=np.empty(shape, dtype=np.float32) if self.config.doVariance else None,
            mask=np.empty(shape, dtype=np.uint8) if self.config.doMask else None,
            is_partly_off=np.zeros(n_rows, dtype=bool),
            units={"image": [], "variance": []},
        )

    def _cut_image(self, handle: Any, unit: str, grid: StampGrid, out: np.ndarray, stamps: _Stamps) -> str:
        """Fill the stamps of one image or variance plane, and return its unit."""
        plane = image_plane(handle.get(), unit=unit)
        gather_stamps(plane.array, grid, x0=plane.x0, y0=plane.y0, out=out, fill=np.nan)
        stamps.is_partly_off |= ~grid.is_inside(plane.array.shape, x0=plane.x0, y0=plane.y0)
        return plane.unit

    def _cut_mask(self, handle: Any, channel: str, grid: StampGrid, out: np.ndarray) -> None:
        """Fill the stamps of one mask plane."""
        mask, bits = handle.get(), self.config.mask_planes()
        if out.size > mask.array[..., 0].size:
            plane, absent = mask_plane(mask, bits)
            gather_stamps(plane.array, grid, x0=plane.x0, y0=plane.y0, out=out, fill=0)
        else:
            # Fewer pixels in stamps than in the plane: condense after gathering.
            table, absent = mask_table(mask, bits)
            pixels = mask_bytes(mask)
            raw = np.empty((*out.shape, pixels.shape[-1]), dtype=np.uint8)
            gather_stamps(pixels, grid, x0=mask.bbox.x.start, y0=mask.bbox.y.start, out=raw, fill=0)
            out[...] = condense(raw, table)
        if absent:
            self.log.info("The %s mask has no planes %s; their bits stay 0.", channel, sorted(absent))

    def _flags(self, stamps: _Stamps, grid: StampGrid) -> np.ndarray:
        """Work out the flags of all stamps."""
        missing = is_all_missing(stamps.image)
        conditions = {
            CutoutFlag.PARTLY_OFF: stamps.is_partly_off & grid.is_valid,
            CutoutFlag.ALL_MISSING: missing.all(axis=1),
            CutoutFlag.CHANNEL_MISSING: missing.any(axis=1),
            CutoutFlag.NO_CENTROID: ~grid.is_valid,
        }
        if stamps.mask is not None:
            bad = self.config.bits_of(*self.config.centerBadBits)
            conditions[CutoutFlag.CENTER_MASKED] = has_masked_center(stamps.mask, bad)
            if self.config.saturatedBit:
                saturated = np.uint8(self.config.bits_of(self.config.saturatedBit))
                conditions[CutoutFlag.SATURATED] = np.any(stamps.mask & saturated, axis=(1, 2, 3))
        flags = np.zeros(len(grid), dtype=np.int32)
        for flag, condition in conditions.items():
            flags[condition] |= int(flag)
            self.metadata[f"n_{str(flag.name).lower()}"] = int(condition.sum())
        self.metadata["n_dia_sources"] = len(grid)
        self.log.info(
            "Cut %d stamps of %d channels; %d with flags, %d of them with nothing to see.",
            len(grid),
            len(self.config.channels),
            np.count_nonzero(flags),
            np.count_nonzero(missing.all(axis=1)),
        )
        return flags

    def _table(self, ids: np.ndarray, stamps: _Stamps, flags: np.ndarray) -> Table:
        """Build the output table."""
        meta = {
            "CHANNELS": list(self.config.channels),
            "SIZE": self.config.size,
            "CENTER": self.config.size // 2,
            "UNITS": stamps.units["image"],
            "MASK_BITS": {name: self.config.bits_of(name) for name in self.config.maskBits}
            if self.config.doMask
            else {},
            "CUTOUT_FLAG_BITS": flag_bits(),
        }
        data = {"diaSourceId": ids, "image": stamps.image, "cutout_flag": flags}
        data |= {"variance": stamps.variance} if stamps.variance is not None else {}
        data |= {"mask": stamps.mask} if stamps.mask is not None else {}
        cutouts = CUTOUTS.build(data, meta=meta)
        for kind in ("image", "variance"):
            foreign = [unit for unit in stamps.units[kind] if unit != _UNITS[kind]]
            if foreign:
                self.log.warning("Planes of kind %s are in %s, not %s.", kind, foreign, _UNITS[kind])
                cutouts[kind].unit = None
        return cutouts
