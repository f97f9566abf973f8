# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injection of catalogues that are drawn in the same graph."""

from __future__ import annotations

__all__ = ("TransientVisitInjectConfig", "TransientVisitInjectConnections", "TransientVisitInjectTask")

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from astropy.table import Table

from lsst.pex.config import Field, FieldValidationError, RangeField
from lsst.pipe.base import Struct
from lsst.pipe.base import connectionTypes as cT
from lsst.source.injection import VisitInjectConfig, VisitInjectConnections, VisitInjectTask

from ..columns import INJECTION_CATALOG
from ..errors import InjectionFluxError
from ..injected_flux import box_sums, with_photon_noise
from ..seeds import generator

_VD = ("instrument", "visit", "detector")


class TransientVisitInjectConnections(  # type: ignore[call-arg]
    VisitInjectConnections,  # type: ignore[misc]
    dimensions=_VD,
):
    """Connections of `TransientVisitInjectTask`.

    The stock task reads catalogues by htm7 and band as a prerequisite, so that they
    can never be made in the graph that injects them.
    """

    injection_catalogs = cT.Input(
        doc="Sources to inject into this visit and detector.",
        name="transient_injection_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )
    input_exposure = cT.Input(
        doc="Calibrated visit image to inject sources into.",
        name="visit_image",
        storageClass="ExposureF",
        dimensions=_VD,
    )
    output_exposure = cT.Output(
        doc="Visit image with the sources injected.",
        name="{injected_prefix}visit_image",
        storageClass="ExposureF",
        dimensions=_VD,
    )
    output_catalog = cT.Output(
        doc="The injection catalogue with the outcome of each injection.",
        name="{injected_prefix}visit_image_catalog",
        storageClass="ArrowAstropy",
        dimensions=_VD,
    )


class TransientVisitInjectConfig(  # type: ignore[call-arg]
    VisitInjectConfig,  # type: ignore[misc]
    pipelineConnections=TransientVisitInjectConnections,
):
    """Configuration of `TransientVisitInjectTask`: the stock task's, photon noise and a check of the flux."""

    doPhotonNoise = Field[bool](
        doc="Vary the injected flux as photon noise would? It takes the place of the stock task's add_noise, "
        "which is right only where the variance of the image grows by one for each unit of flux: in an image "
        "in nJy that is the case by chance alone.",
        default=True,
    )
    photonNoiseSeed = Field[int](
        doc="Seed of the photon noise, which also depends on the injection_id. Ignored unless doPhotonNoise.",
        default=0,
    )
    fluxCheckRadius = RangeField(
        dtype=int,
        doc="The flux of each injection is checked in a box that reaches this many pixels to either side. A "
        "box much smaller than the PSF misses flux, a large one holds neighbours.",
        default=10,
        min=0,
    )
    minFluxRatio = RangeField(
        dtype=float,
        doc="Least median ratio of the flux found in the image to that of the catalogue; less fails the "
        "quantum. 0 switches the check off.",
        default=0.5,
        min=0.0,
        max=1.0,
    )

    def setDefaults(self) -> None:
        super().setDefaults()
        # A detector without injections still has detections to learn from.
        self.process_all_data_ids = True
        self.add_noise = False

    def validate(self) -> None:
        super().validate()
        if self.doPhotonNoise and (self.add_noise or not self.inject_variance):
            raise FieldValidationError(
                TransientVisitInjectConfig.doPhotonNoise, self, "It needs inject_variance, and no add_noise."
            )


class TransientVisitInjectTask(VisitInjectTask):  # type: ignore[misc]
    """Inject the sources that were drawn for this visit and detector.

    All of the injection is the stock task's but the photon noise.  Its catalogue comes
    from the same graph, and the injected flux is looked for in the image afterwards.
    """

    ConfigClass = TransientVisitInjectConfig
    _DefaultName: ClassVar[str] = "injectVisit"

    def run(
        self,
        injection_catalogs: Table | Sequence[Table],
        input_exposure: Any,
        psf: Any,
        photo_calib: Any,
        wcs: Any,
    ) -> Struct:
        """Inject sources into a visit image.

        Parameters
        ----------
        injection_catalogs
            Catalogue of this visit and detector, or a list of catalogues.
        input_exposure
            `lsst.afw.image.ExposureF` to inject into; changed in place.
        psf
            PSF to inject with, `lsst.afw.detection.Psf`.
        photo_calib
            Calibration from magnitudes to the image, `lsst.afw.image.PhotoCalib`.
        wcs
            `lsst.afw.geom.SkyWcs` that gives the pixel of each source.

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            Result struct with ``output_exposure`` and ``output_catalog``.

        Raises
        ------
        lsst.transient.bogus.errors.InjectionFluxError
            Raised if the flux is not in the image.
        """
        catalogs = [injection_catalogs] if isinstance(injection_catalogs, Table) else list(injection_catalogs)
        for catalog in catalogs:
            INJECTION_CATALOG.check(catalog, ("injection_id", "ra", "dec", "mag", "source_type"))
        before = input_exposure.image.array.copy()
        variance = input_exposure.variance.array.copy()
        result = super().run(catalogs, input_exposure, psf, photo_calib, wcs)
        if self.config.doPhotonNoise:
            self._add_photon_noise(result.output_exposure, before, variance, result.output_catalog)
        self._check_flux(result.output_exposure, before, result.output_catalog, photo_calib, wcs)
        return result

    def _add_photon_noise(
        self, exposure: Any, before: np.ndarray, variance: np.ndarray, catalog: Table
    ) -> None:
        """Vary the flux that was injected, and its variance with it."""
        with np.errstate(invalid="ignore"):
            flux = np.nan_to_num(exposure.image.array.astype(float) - before)
            extra = np.nan_to_num(exposure.variance.array.astype(float) - variance)
        slope = float(extra.sum() / flux.sum()) if flux.sum() > 0 else 0.0
        self.metadata["variance_slope"] = slope
        if slope <= 0.0:
            return
        rng = generator("inject", self.config.photonNoiseSeed, int(np.min(catalog["injection_id"])))
        noisy, noisy_variance = with_photon_noise(flux, slope, rng)
        where = flux != 0.0
        exposure.image.array[where] = (before + noisy)[where]
        exposure.variance.array[where] = (variance + noisy_variance)[where]

    def _check_flux(
        self, exposure: Any, before: np.ndarray, catalog: Table, photo_calib: Any, wcs: Any
    ) -> None:
        """Record how much of the flux is in the image, and fail if it is not there."""
        sources = catalog[np.asarray(catalog["injection_flag"]) == 0]
        self.metadata["n_injections"] = len(catalog)
        self.metadata["n_injected"] = len(sources)
        if len(sources) == 0:
            return
        x, y = wcs.skyToPixelArray(
            np.asarray(sources["ra"], dtype=float), np.asarray(sources["dec"], dtype=float), degrees=True
        )
        corner = exposure.getBBox().getBegin()
        with np.errstate(invalid="ignore"):
            added = exposure.image.array - before
        found = box_sums(added, x, y, x0=corner.getX(), y0=corner.getY(), radius=self.config.fluxCheckRadius)
        expected = [photo_calib.magnitudeToInstFlux(float(mag)) for mag in sources["mag"]]
        ratios = found / np.asarray(expected)
        ratios = ratios[np.isfinite(ratios)]
        if len(ratios) == 0:
            return
        median = float(np.median(ratios))
        self.metadata["median_flux_ratio"] = median
        self.log.info(
            "Injected %d of %d sources; a median of %.3g of their flux is within %d pixels.",
            len(sources),
            len(catalog),
            median,
            self.config.fluxCheckRadius,
        )
        if median < self.config.minFluxRatio:
            raise InjectionFluxError(
                f"A median of {median:.3g} of the flux of {len(ratios)} injections is in the image; at least "
                f"{self.config.minFluxRatio} is wanted. With add_noise the task needs a variance that grows "
                "with the image.",
                median_flux_ratio=median,
                n_checked=len(ratios),
                min_flux_ratio=self.config.minFluxRatio,
            )
