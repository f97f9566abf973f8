# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that cuts stamps around DIA sources."""

from __future__ import annotations

__all__ = ("CutoutConfig", "CutoutConnections", "CutoutTask")

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from astropy.table import Table

from lsst.pipe.base import PipelineTask, Struct

from ..columns import CUTOUTS, DIA_SOURCE
from ..pixels import condense, image_plane, mask_bytes, mask_plane, mask_table, read_boxes
from ..stamps import (
    CutoutFlag,
    StampGrid,
    flag_bits,
    gather_stamps,
    has_masked_center,
    is_all_missing,
    stamp_grid,
)
from ..words import pack_tensors
from .cutout_config import UNITS, CutoutConfig, CutoutConnections


@dataclasses.dataclass
class _Stamps:
    """The arrays of all stamps, filled plane by plane."""

    image: np.ndarray
    variance: np.ndarray | None
    mask: np.ndarray | None
    is_partly_off: np.ndarray
    units: dict[str, list[str]]
    area: int = 0


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
            whole or in boxes, and only one is in memory at a time.

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
        stamps, absent = self._allocate(len(grid)), {}
        for index, channel in enumerate(self.config.channels):
            for kind in ("image", "variance"):
                array = getattr(stamps, kind)
                if array is not None:
                    unit = self._cut_image(
                        planes[f"{channel}_{kind}"], UNITS[kind], grid, array[:, index], stamps
                    )
                    stamps.units[kind].append(unit)
            if stamps.mask is not None:
                absent[channel] = self._cut_mask(
                    planes[f"{channel}_mask"], grid, stamps.mask[:, index], stamps
                )
        self._report_absent(absent)
        is_glint = np.zeros(len(grid), dtype=bool)
        if self.config.glintColumn in dia_sources.colnames:
            is_glint = np.asarray(dia_sources[self.config.glintColumn], dtype=bool)
        flags = self._flags(stamps, grid, is_glint)
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

    def _read(self, handle: Any, grid: StampGrid, stamps: _Stamps) -> Iterator[tuple[slice, Any]]:
        """Read a plane whole or in boxes: yield rows of the grid, and the part that has their stamps."""
        found = np.flatnonzero(grid.is_valid)
        # The first plane is read whole: its size tells whether boxes of the others are worth it.
        if len(found) and len(found) * self.config.boxCost < stamps.area:
            boxes = read_boxes(handle, grid.x0[found], grid.y0[found], grid.size)
            if boxes is not None:
                yield from ((slice(row, row + 1), box) for row, box in zip(found, boxes, strict=True))
                return
        plane = handle.get()
        stamps.area = plane.bbox.area
        yield slice(None), plane

    def _cut_image(self, handle: Any, unit: str, grid: StampGrid, out: np.ndarray, stamps: _Stamps) -> str:
        """Fill the stamps of one image or variance plane, and return its unit."""
        out[~grid.is_valid] = np.nan
        own = ""
        for rows, part in self._read(handle, grid, stamps):
            plane, places = image_plane(part, unit=unit), grid[rows]
            gather_stamps(plane.array, places, x0=plane.x0, y0=plane.y0, out=out[rows], fill=np.nan)
            stamps.is_partly_off[rows] |= ~places.is_inside(plane.array.shape, x0=plane.x0, y0=plane.y0)
            own = plane.unit
        return own

    def _cut_mask(self, handle: Any, grid: StampGrid, out: np.ndarray, stamps: _Stamps) -> frozenset[str]:
        """Fill the stamps of one mask plane, and return the configured planes that it does not have."""
        out[~grid.is_valid] = 0
        absent: frozenset[str] = frozenset()
        for rows, mask in self._read(handle, grid, stamps):
            places, stamp, bits = grid[rows], out[rows], self.config.mask_planes()
            if stamp.size > mask.array[..., 0].size:
                plane, absent = mask_plane(mask, bits)
                gather_stamps(plane.array, places, x0=plane.x0, y0=plane.y0, out=stamp, fill=0)
            else:
                # Fewer pixels in stamps than in the plane: condense after gathering.
                table, absent = mask_table(mask, bits)
                pixels = mask_bytes(mask)
                raw = np.empty((*stamp.shape, pixels.shape[-1]), dtype=np.uint8)
                x0, y0 = mask.bbox.x.start, mask.bbox.y.start
                gather_stamps(pixels, places, x0=x0, y0=y0, out=raw, fill=0)
                stamp[...] = condense(raw, table)
        return absent

    def _report_absent(self, absent: dict[str, frozenset[str]]) -> None:
        """Log the configured mask planes that files do not have, once for all channels."""
        names = {
            name: [c for c, planes in absent.items() if name in planes]
            for name in set().union(*absent.values())
        }
        if names:
            text = "; ".join(f"{name} in {', '.join(names[name])}" for name in sorted(names))
            self.log.info("Mask planes that files do not have, whose bits stay 0: %s.", text)

    def _flags(self, stamps: _Stamps, grid: StampGrid, is_glint: np.ndarray) -> np.ndarray:
        """Work out the flags of all stamps."""
        missing = is_all_missing(stamps.image)
        conditions = {
            CutoutFlag.PARTLY_OFF: stamps.is_partly_off & grid.is_valid,
            CutoutFlag.ALL_MISSING: missing.all(axis=1),
            CutoutFlag.CHANNEL_MISSING: missing.any(axis=1),
            CutoutFlag.NO_CENTROID: ~grid.is_valid,
            CutoutFlag.GLINT_TRAIL: is_glint,
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
            foreign = [unit for unit in stamps.units[kind] if unit != UNITS[kind]]
            if foreign:
                self.log.warning("Planes of kind %s are in %s, not %s.", kind, foreign, UNITS[kind])
                cutouts[kind].unit = None
        if self.config.storage == "words":
            return pack_tensors(cutouts, self.config.plane_kinds())
        return cutouts
