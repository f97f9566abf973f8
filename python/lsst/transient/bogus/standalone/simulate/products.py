# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simulated survey stores: dimension records, images and truth."""

from __future__ import annotations

__all__ = ("exposure_records", "make_image", "truth_table")

import numpy as np
from astropy.table import Table

from lsst.images import VisitImage
from lsst.images.psfs import PointSpreadFunction

from ...columns import SIMULATED_TRUTH
from ..images import make_visit_image
from ..instrument import SimulatedCamera
from ..registration import ExposureRecord, detector_corners
from .config import SurveyConfig
from .exposure import Rendered
from .plan import Survey
from .schedule import Visit, detector_wcs


def exposure_records(survey: Survey) -> list[ExposureRecord]:
    """Describe the visits of a survey for registration.

    Parameters
    ----------
    survey
        Survey.

    Returns
    -------
    records : `list` [`ExposureRecord`]
        One for each visit.
    """
    config = survey.config
    shape = (config.size, config.size)
    return [
        ExposureRecord(
            visit=v.visit,
            physical_filter=f"sim-{v.band}",
            band=v.band,
            day_obs=v.day_obs,
            seq_num=v.seq_num,
            mjd_begin=v.mjd_begin,
            exposure_time=config.exposure_time,
            corners={
                d: detector_corners(detector_wcs(config, v, d), shape) for d in range(config.n_detectors)
            },
            target="simulated",
            ra=v.ra,
            dec=v.dec,
            sky_angle=v.rotation,
            zenith_angle=v.zenith_angle,
            simulated=True,
        )
        for v in survey.visits
    ]


def make_image(
    config: SurveyConfig, visit: Visit, detector: int, rendered: Rendered, psf: PointSpreadFunction
) -> VisitImage:
    """Make the image that is stored.

    Parameters
    ----------
    config
        Settings.
    visit
        Visit.
    detector
        Detector number.
    rendered
        Its pixels.
    psf
        PSF to attach, as measured on the pixels.

    Returns
    -------
    image : `lsst.images.VisitImage`
        Calibrated image with the WCS and PSF that a real pipeline would have.
    """
    return make_visit_image(
        rendered.image,
        rendered.variance,
        rendered.mask_bits,
        wcs=detector_wcs(config, visit, detector),
        psf=psf,
        instrument=SimulatedCamera.name,
        visit=visit.visit,
        detector=detector,
        band=visit.band,
        physical_filter=f"sim-{visit.band}",
        mjd_begin=visit.mjd_begin,
        exposure_time=config.exposure_time,
        day_obs=visit.day_obs,
    )


def truth_table(survey: Survey, visit: Visit, rendered: Rendered) -> Table:
    """Tabulate what changes on a detector.

    Parameters
    ----------
    survey
        Survey.
    visit
        Visit.
    rendered
        Pixels of the detector, with the rows that are on it.

    Returns
    -------
    table : `astropy.table.Table`
        Table of schema `SIMULATED_TRUTH`.
    """
    changing, rows = survey.changing, rendered.truth
    return SIMULATED_TRUTH.build(
        {
            "truth_id": changing.truth_id[rows],
            "kind": changing.kind[rows],
            "ra": changing.ra[rows, visit.index],
            "dec": changing.dec[rows, visit.index],
            "x": rendered.x,
            "y": rendered.y,
            "band": np.full(len(rows), visit.band),
            "midpointMjdTai": np.full(len(rows), visit.mjd_mid),
            "flux": changing.flux[rows, visit.index],
            "reference_flux": changing.reference_flux(survey.visits, visit.index)[rows],
            "flux_sigma": np.full(len(rows), rendered.flux_sigma),
            "host_id": changing.host_id[rows],
        }
    )
