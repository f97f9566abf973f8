# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""TransientVisitInjectTask on a synthetic exposure of the real stack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from lsst.pipe.base.testUtils import lintConnections, makeQuantum, runTestQuantum
from lsst.transient.bogus.columns import INJECTED_CATALOG, INJECTION_CATALOG
from lsst.transient.bogus.errors import InjectionFluxError

REASON = "needs the science packages of lsst_distrib"
# The science packages warn of things that are not ours.
pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore")]
for package in ("lsst.afw.image", "lsst.afw.geom", "lsst.afw.detection"):
    pytest.importorskip(package, reason=REASON)
pytest.importorskip("lsst.source.injection", reason=REASON)

from lsst.transient.bogus.stack.inject import (  # noqa: E402
    TransientVisitInjectConfig,
    TransientVisitInjectConnections,
    TransientVisitInjectTask,
)

from .exposures import DATA_ID, HEIGHT, VISIT, WIDTH, X0, Y0, make_exposure, make_repository  # noqa: E402

# Far from each other and from the edges, at sub-pixel phases of their own.
X = X0 + np.array([60.0, 180.3, 300.5, 420.7, 120.25])
Y = Y0 + np.array([80.5, 500.0, 300.75, 150.1, 320.3])
MAG = np.array([19.0, 20.0, 21.0, 22.0, 20.5])


def make_catalog(x: np.ndarray = X, y: np.ndarray = Y, mag: np.ndarray = MAG) -> Table:
    ra, dec = make_exposure().wcs.pixelToSkyArray(x, y, degrees=True)
    n = len(x)
    given = {"ra": ra, "dec": dec, "x": x, "y": y, "mag": mag, "injection_id": np.arange(n) + 1}
    text = {"source_type": np.full(n, "Star"), "band": np.full(n, "r")}
    rest = {c.name: np.zeros(n, dtype=c.dtype) for c in INJECTION_CATALOG.columns if c.dtype != "str"}
    return INJECTION_CATALOG.build({**rest, "visit": np.full(n, VISIT), **given, **text})


def inject(catalog: Table, slope: float = 1.0, **config: object):
    exposure = make_exposure()
    exposure.variance.array[:] *= slope
    task = TransientVisitInjectTask(config=TransientVisitInjectConfig(**config))
    result = task.run(catalog, exposure, exposure.getPsf(), exposure.getPhotoCalib(), exposure.getWcs())
    added = result.output_exposure.image.array - make_exposure().image.array
    return task, result, added


def test_flux_and_position_are_recovered() -> None:
    task, result, added = inject(make_catalog(), doPhotonNoise=False, inject_variance=False)
    for x, y, mag in zip(X - X0, Y - Y0, MAG, strict=True):
        rows, columns = np.mgrid[int(y) - 20 : int(y) + 21, int(x) - 20 : int(x) + 21]
        box = added[rows, columns]
        assert box.sum() == pytest.approx(10 ** (0.4 * (31.4 - mag)), rel=0.01)
        assert np.average(columns, weights=box) == pytest.approx(x, abs=0.05)
        assert np.average(rows, weights=box) == pytest.approx(y, abs=0.05)
    assert task.metadata["median_flux_ratio"] == pytest.approx(1.0, abs=0.01)
    assert np.all(result.output_catalog["injection_flag"] == 0)
    INJECTED_CATALOG.check(result.output_catalog)


def test_variance_and_mask_follow() -> None:
    _, result, added = inject(make_catalog())
    mask = result.output_exposure.mask
    injected = (mask.array & mask.getPlaneBitMask("INJECTED")) != 0
    assert injected[np.rint(Y - Y0).astype(int), np.rint(X - X0).astype(int)].all()
    assert np.all(added[~injected] == 0)
    grown = result.output_exposure.variance.array - make_exposure().variance.array
    assert grown[injected].sum() > 0


@pytest.mark.parametrize("slope", [0.25, 1.0])
def test_noise_is_that_of_photons_in_any_unit(slope: float) -> None:
    _, _, noisy = inject(make_catalog(), slope=slope)
    _, _, smooth = inject(make_catalog(), slope=slope, doPhotonNoise=False)
    where = smooth > 20.0
    noise = (noisy - smooth)[where]
    # The stock task infers the slope from the image; its own noise would be off by the slope squared.
    assert np.mean(noise**2 / (slope * smooth[where])) == pytest.approx(1.0, abs=0.15)


def test_a_source_without_magnitude_is_flagged_and_kept() -> None:
    magnitudes = MAG.copy()
    magnitudes[2] = np.nan
    _, result, _ = inject(make_catalog(mag=magnitudes))
    assert (np.asarray(result.output_catalog["injection_flag"]) != 0).tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]


def test_a_detector_without_injections_is_passed_on() -> None:
    _, result, added = inject(make_catalog()[:0])
    assert len(result.output_catalog) == 0
    assert not added.any()
    assert "INJECTED" in result.output_exposure.mask.getMaskPlaneDict()
    INJECTED_CATALOG.check(result.output_catalog)


def test_flux_that_is_missing_fails_the_quantum(monkeypatch: pytest.MonkeyPatch) -> None:
    from lsst.source.injection import VisitInjectTask

    stock = VisitInjectTask.run

    def run(self, catalogs, exposure, *args):
        before = exposure.image.array.copy()
        result = stock(self, catalogs, exposure, *args)
        result.output_exposure.image.array[:] = before
        return result

    monkeypatch.setattr(VisitInjectTask, "run", run)
    with pytest.raises(InjectionFluxError):
        inject(make_catalog())


def test_the_task_runs_in_a_repository(tmp_path: Path) -> None:
    lintConnections(TransientVisitInjectConnections)
    butler = make_repository(
        tmp_path / "repo",
        visit_image="ExposureF",
        transient_injection_catalog="ArrowAstropy",
        injected_visit_image="ExposureF",
        injected_visit_image_catalog="ArrowAstropy",
    )
    with butler:
        butler.put(make_exposure(), "visit_image", DATA_ID)
        butler.put(make_catalog(), "transient_injection_catalog", DATA_ID)
        task = TransientVisitInjectTask(config=TransientVisitInjectConfig())
        data_id = butler.registry.expandDataId(DATA_ID)  # file names hold the day of the visit
        names = dict.fromkeys(
            ("injection_catalogs", "input_exposure", "output_exposure", "output_catalog"), data_id
        )
        runTestQuantum(task, butler, makeQuantum(task, butler, data_id, names), mockRun=False)
        assert len(butler.get("injected_visit_image_catalog", DATA_ID)) == len(X)
        exposure = butler.get("injected_visit_image", DATA_ID)
    assert exposure.getDimensions().getX() == WIDTH
    assert exposure.getDimensions().getY() == HEIGHT
    assert exposure.visitInfo.hasSimulatedContent
