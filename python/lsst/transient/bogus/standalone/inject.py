# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that injects synthetic sources into a visit image."""

from __future__ import annotations

__all__ = ("InjectVisitConfig", "InjectVisitConnections", "InjectVisitTask")

from typing import TYPE_CHECKING, Any

import astropy.units as u
import galsim
import numpy as np

from lsst.pex.config import Field, ListField, RangeField
from lsst.pipe.base import (
    InvalidQuantumError,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
)
from lsst.pipe.base.connectionTypes import Input, Output

from ..columns import INJECTED_CATALOG, INJECTION_CATALOG
from ..seeds import generator
from .images import with_planes
from .injection_canvas import Canvas
from .injection_draw import SOURCE_TYPES, InjectionFlag, make_profile, paint, variance_slope
from .mask_planes import any_mask
from .sky_positions import sky_to_pixel

if TYPE_CHECKING:
    from astropy.table import Table

    from lsst.images import SkyProjection, VisitImage
    from lsst.images.psfs import PointSpreadFunction

_AB_ZERO_POINT_NJY = 31.4
_VD = ("instrument", "visit", "detector")


class InjectVisitConnections(PipelineTaskConnections, dimensions=_VD):
    """Connections of `InjectVisitTask`."""

    input_exposure = Input(
        doc="Visit image to inject sources into.",
        name="visit_image",
        storageClass="VisitImage",
        dimensions=_VD,
    )
    injection_catalogs = Input(
        doc="Sources to inject into this visit and detector.",
        name="transient_injection_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    output_exposure = Output(
        doc="Visit image with the sources injected.",
        name="injected_visit_image",
        storageClass="VisitImage",
        dimensions=_VD,
    )
    output_catalog = Output(
        doc="The injection catalogue with the outcome of each injection.",
        name="injected_visit_image_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )


class InjectVisitConfig(PipelineTaskConfig, pipelineConnections=InjectVisitConnections):
    """Configuration of `InjectVisitTask`."""

    addNoise: Field[bool] = Field(
        dtype=bool,
        doc="Vary the injected flux of each pixel as photon noise would?  Without it, injections are "
        "smoother than real sources.",
        default=True,
    )
    injectVariance: Field[bool] = Field(
        dtype=bool,
        doc="Add the variance of the injected flux to the variance plane?",
        default=True,
    )
    varianceSlope = RangeField(
        dtype=float,
        doc="Variance per unit of flux in nJy (the inverse gain).  None infers it from the image's own "
        "variance plane; zero injects neither noise nor variance.",
        default=None,
        optional=True,
        min=0.0,
    )
    seed: Field[int] = Field(
        dtype=int,
        doc="Seed of the photon noise, which also depends on visit, detector and injection_id.  Ignored "
        "unless addNoise.",
        default=0,
    )
    maxDrawSize = RangeField(
        dtype=int,
        doc="Largest side, in pixels, of the stamp of an extended source.  Small values cut its wings off.",
        default=512,
        min=32,
    )
    badMaskPlanes: ListField[str] = ListField(
        dtype=str,
        doc="Mask planes of pixels that do not take part in inferring varianceSlope.  Planes that the image "
        "does not have are ignored.",
        default=["BAD", "COSMIC_RAY", "INTERPOLATED", "NO_DATA", "SATURATED", "SUSPECT"],
    )


class InjectVisitTask(PipelineTask):
    """Inject synthetic sources into a visit image.

    Stands in for ``lsst.source.injection.VisitInjectTask``: the same connections,
    mask planes, noise model and flag bits.  Rows are never dropped.
    """

    ConfigClass = InjectVisitConfig
    _DefaultName = "injectVisit"
    config: InjectVisitConfig

    def run(self, *, input_exposure: VisitImage, injection_catalogs: Table) -> Struct:
        """Inject the sources of a catalogue.

        Parameters
        ----------
        input_exposure
            Calibrated image; it is not changed.
        injection_catalogs
            A table of `~lsst.transient.bogus.columns.INJECTION_CATALOG`.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``output_exposure``, a copy with the sources, and ``output_catalog``, a
            table of `~lsst.transient.bogus.columns.INJECTED_CATALOG` with a row for
            every row of the input.

        Raises
        ------
        lsst.pipe.base.InvalidQuantumError
            Raised if the unit of the image is not a flux density.
        """
        visit, detector = int(input_exposure.obs_info.visit_id or 0), int(input_exposure.detector.id)
        where = f"visit {visit}, detector {detector}"
        INJECTION_CATALOG.check(injection_catalogs, ("injection_id", "ra", "dec", "mag"), where=where)
        if not input_exposure.unit.is_equivalent(u.nJy):
            raise InvalidQuantumError(
                f"Image of {where} has unit {input_exposure.unit}; expected a flux density."
            )
        canvas = Canvas.of(input_exposure)
        slope = self._slope(input_exposure)
        x, y = sky_to_pixel(
            input_exposure.sky_projection, injection_catalogs["ra"], injection_catalogs["dec"]
        )
        flux = self._fluxes(injection_catalogs, float((1.0 * u.nJy).to_value(input_exposure.unit)))
        flags = np.zeros(len(injection_catalogs), dtype=np.int64)
        sizes = np.zeros(len(injection_catalogs), dtype=np.int64)
        for i, row in enumerate(injection_catalogs):
            rng = generator("inject", self.config.seed, visit, detector, int(row["injection_id"]))
            flags[i], sizes[i] = self._inject(canvas, input_exposure, row, x[i], y[i], flux[i], slope, rng)
        output = with_planes(
            input_exposure,
            image=canvas.image,
            variance=canvas.variance,
            mask_bits={"INJECTED": canvas.injected, "INJECTED_CORE": canvas.core},
        )
        n_good = int(np.sum(flags == 0))
        self.log.info(
            "%s: injected %d of %d sources as asked, variance slope %.4g.", where, n_good, len(flags), slope
        )
        self.metadata["n_injections"] = len(flags)
        self.metadata["n_flagged"] = len(flags) - n_good
        self.metadata["variance_slope"] = slope
        return Struct(
            output_exposure=output, output_catalog=_catalogue(injection_catalogs, x, y, flags, sizes)
        )

    def _slope(self, image: VisitImage) -> float:
        """Return the configured or inferred variance per unit of flux."""
        if not (self.config.addNoise or self.config.injectVariance):
            return 0.0
        if self.config.varianceSlope is not None:
            return float(self.config.varianceSlope)
        bad = any_mask(image.mask, self.config.badMaskPlanes)
        slope = variance_slope(image.image.array, image.variance.array, bad)
        if slope == 0.0:
            self.log.warning(
                "The variance plane does not rise with flux: injecting neither noise nor variance."
            )
        return slope

    @staticmethod
    def _fluxes(catalogue: Table, unit_per_njy: float) -> np.ndarray:
        """Return fluxes in the unit of the image, NaN where the magnitude is not finite."""
        mag = np.ma.filled(np.ma.asarray(catalogue["mag"]).astype(float), np.nan)
        flux = np.full(len(mag), np.nan)
        finite = np.isfinite(mag)
        flux[finite] = unit_per_njy * 10.0 ** (0.4 * (_AB_ZERO_POINT_NJY - mag[finite]))
        return flux

    def _inject(
        self,
        canvas: Canvas,
        image: VisitImage,
        row: Any,
        x: float,
        y: float,
        flux: float,
        slope: float,
        rng: np.random.Generator,
    ) -> tuple[int, int]:
        """Inject one source; return its flags and the side of its stamp."""
        local_x, local_y = x - image.bbox.x.start, y - image.bbox.y.start
        flag, profile = self._prepare(row, image.sky_projection, x, y, flux)
        kernel = _kernel(image.psf, x, y)
        if kernel is None:
            flag |= InjectionFlag.PSF_COMPUTE_ERROR
        if flag or kernel is None:
            return int(flag), 0
        try:
            painted = paint(
                kernel,
                local_x,
                local_y,
                flux,
                canvas.shape,
                profile=profile,
                max_size=self.config.maxDrawSize,
            )
        except galsim.GalSimFFTSizeError:
            return int(InjectionFlag.FFT_SIZE_ERROR), 0
        if painted is None:
            return int(InjectionFlag.NO_OVERLAP | InjectionFlag.CENTER_OFF_IMAGE), 0
        noise = rng if self.config.addNoise else None
        canvas.add(painted, slope=slope, rng=noise, with_variance=self.config.injectVariance)
        return int(canvas.mark_centre(local_x, local_y)), painted.draw_size

    @staticmethod
    def _prepare(
        row: Any, projection: SkyProjection[Any], x: float, y: float, flux: float
    ) -> tuple[InjectionFlag, galsim.GSObject | None]:
        """Return what keeps a source from being drawn, and its profile."""
        flag = InjectionFlag(0)
        if not np.isfinite(flux):
            flag |= InjectionFlag.MAG_BAD
        if not (np.isfinite(x) and np.isfinite(y)):
            flag |= InjectionFlag.NO_OVERLAP
        source_type = str(row["source_type"]) if "source_type" in row.colnames else "Star"
        if source_type not in SOURCE_TYPES or not set(SOURCE_TYPES[source_type]) <= set(row.colnames):
            flag |= InjectionFlag.TYPE_UNKNOWN
        if flag or source_type in ("Star", "DeltaFunction"):
            return flag, None
        values = {name: row[name] for name in row.colnames}
        try:
            return flag, make_profile(source_type, values, _jacobian(projection, x, y))
        except galsim.GalSimRangeError:
            return flag | InjectionFlag.SERSIC_EXTREME, None


def _kernel(psf: PointSpreadFunction, x: float, y: float) -> np.ndarray | None:
    """Evaluate the PSF at the nearest position where it is valid; `None` if it cannot be."""
    box = psf.bounds.bbox
    if not (np.isfinite(x) and np.isfinite(y)):
        return None
    try:
        image = psf.compute_kernel_image(
            x=float(np.clip(x, box.x.min, box.x.max)), y=float(np.clip(y, box.y.min, box.y.max))
        )
    except (ArithmeticError, RuntimeError, ValueError):
        return None
    return image.array if np.all(np.isfinite(image.array)) and image.array.sum() > 0 else None


def _jacobian(projection: SkyProjection[Any], x: float, y: float) -> np.ndarray:
    """Return the derivatives of sky offsets in arcseconds by pixel, shape (2, 2)."""
    sky = projection.pixel_to_sky(x=np.array([x, x + 1.0, x]), y=np.array([y, y, y + 1.0]))
    east, north = sky[0].spherical_offsets_to(sky[1:])
    return np.array([east.arcsec, north.arcsec])


def _catalogue(catalogue: Table, x: np.ndarray, y: np.ndarray, flags: np.ndarray, sizes: np.ndarray) -> Table:
    """Write the outcome next to the declared columns of the input."""
    data = {c.name: catalogue[c.name] for c in INJECTION_CATALOG.columns if c.name in catalogue.colnames}
    data.update(x=x, y=y, injection_flag=flags, injection_draw_size=sizes)
    bits = {str(flag.name): int(flag).bit_length() - 1 for flag in InjectionFlag}
    # One by one as the stack's tasks write them, and together for who wants to list them.
    return INJECTED_CATALOG.build(data, meta={**catalogue.meta, **bits, "INJECTION_FLAG_BITS": bits})
