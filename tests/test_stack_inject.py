# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What TransientVisitInjectTask adds to the stock task, with a stand-in for that."""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from lsst.pex.config import FieldValidationError
from lsst.pipe.base import Struct
from lsst.transient.bogus.errors import InjectionFluxError, TableSchemaError

from .stack.names import read_table
from .stack.stand_ins import OURS, has_stack, stand_ins

pytestmark = pytest.mark.skipif(
    has_stack(), reason="the science stack is set up: tests/stack has the real thing"
)
X0, Y0 = 1000, 2000
ZERO_POINT = 31.4


class Exposure:
    """Image with an origin; on the sky, a pixel is a degree."""

    def __init__(self) -> None:
        self.image = types.SimpleNamespace(array=np.full((80, 120), 7.0, dtype=np.float32))
        self.variance = types.SimpleNamespace(array=np.full((80, 120), 50.0, dtype=np.float32))

    def getBBox(self) -> Any:
        corner = types.SimpleNamespace(getX=lambda: X0, getY=lambda: Y0)
        return types.SimpleNamespace(getBegin=lambda: corner)


CALIBRATION = types.SimpleNamespace(magnitudeToInstFlux=lambda mag: 10 ** (0.4 * (ZERO_POINT - mag)))
WCS = types.SimpleNamespace(skyToPixelArray=lambda ra, dec, degrees: (ra + X0, dec + Y0))


@pytest.fixture
def module(tmp_path: Path) -> Iterator[types.ModuleType]:
    with stand_ins(read_table(), "LSSTCam/DRP.yaml", tmp_path):
        yield importlib.import_module(OURS)


def make_catalog(n: int = 4) -> Table:
    return Table(
        {
            "injection_id": np.arange(n),
            "ra": np.linspace(20.0, 90.0, n),
            "dec": np.linspace(60.0, 20.0, n),
            "mag": np.linspace(20.0, 24.0, n),
            "source_type": np.full(n, "Star"),
        }
    )


def stock_run(scale: float, slope: float) -> Any:
    """Return a stand-in for the run method of the stock task that injects single pixels without noise."""

    def run(self, injection_catalogs, input_exposure, psf, photo_calib, wcs):
        assert isinstance(injection_catalogs, list)
        (catalog,) = injection_catalogs
        catalog = catalog.copy()
        catalog["injection_flag"] = 0
        for row in catalog:
            flux = photo_calib.magnitudeToInstFlux(row["mag"])
            input_exposure.image.array[int(row["dec"]), int(row["ra"])] += scale * flux
            input_exposure.variance.array[int(row["dec"]), int(row["ra"])] += slope * scale * flux
        return Struct(output_exposure=input_exposure, output_catalog=catalog)

    return run


def inject(
    module: types.ModuleType, catalog: Any, scale: float = 1.0, slope: float = 0.0, **config: Any
) -> tuple[Any, Struct]:
    module.VisitInjectTask.run = stock_run(scale, slope)
    task = module.TransientVisitInjectTask(config=module.TransientVisitInjectConfig(**config))
    return task, task.run(catalog, Exposure(), None, CALIBRATION, WCS)


@pytest.mark.parametrize("as_list", [False, True])
def test_flux_that_is_there_is_recorded(module: types.ModuleType, as_list: bool) -> None:
    catalog = make_catalog()
    task, result = inject(module, [catalog] if as_list else catalog)
    assert task.metadata["median_flux_ratio"] == pytest.approx(1.0, abs=1e-4)
    assert task.metadata["n_injected"] == 4
    assert len(result.output_catalog) == 4


def test_flux_that_is_missing_fails_the_quantum(module: types.ModuleType) -> None:
    with pytest.raises(InjectionFluxError, match=r"0\.25 of the flux of 4 injections") as caught:
        inject(module, make_catalog(), scale=0.25)
    assert caught.value.metadata["median_flux_ratio"] == pytest.approx(0.25, abs=1e-3)
    task, _ = inject(module, make_catalog(), scale=0.25, minFluxRatio=0.0)
    assert task.metadata["n_injected"] == 4


@pytest.mark.parametrize("slope", [0.2, 3.0])
def test_noise_is_that_of_photons_in_any_unit(module: types.ModuleType, slope: float) -> None:
    """The variance of the noise is what the variance plane says, whatever a photon is worth."""
    catalog = make_catalog(6000)
    catalog["ra"], catalog["dec"] = np.arange(6000) % 100 + 0.5, np.arange(6000) // 100 + 0.5
    catalog["mag"] = 25.0
    flux = 10 ** (0.4 * (ZERO_POINT - 25.0))
    task, result = inject(module, catalog, slope=slope)
    assert task.metadata["variance_slope"] == pytest.approx(slope, rel=1e-3)
    added = result.output_exposure.image.array[:60, :100] - 7.0
    assert added.mean() == pytest.approx(flux, rel=0.02)
    assert added.var() == pytest.approx(slope * flux, rel=0.08)
    # The variance is estimated from the noisy flux, as in a real image.
    np.testing.assert_allclose(
        result.output_exposure.variance.array[:60, :100] - 50.0, slope * added, rtol=1e-3, atol=1e-3
    )
    assert np.all(result.output_exposure.image.array[60:] == 7.0)
    _, again = inject(module, catalog, slope=slope)
    np.testing.assert_array_equal(again.output_exposure.image.array, result.output_exposure.image.array)
    _, smooth = inject(module, catalog, slope=slope, doPhotonNoise=False)
    np.testing.assert_allclose(smooth.output_exposure.image.array[:60, :100] - 7.0, flux, rtol=1e-4)


@pytest.mark.parametrize("settings", [{"add_noise": True}, {"inject_variance": False}])
def test_photon_noise_is_not_added_twice_or_without_variance(
    module: types.ModuleType, settings: dict[str, bool]
) -> None:
    config = module.TransientVisitInjectConfig(**settings)
    with pytest.raises(FieldValidationError, match="doPhotonNoise"):
        config.validate()
    config.doPhotonNoise = False
    config.validate()


def test_a_detector_without_injections_is_passed_on(module: types.ModuleType) -> None:
    task, result = inject(module, make_catalog(0))
    assert task.config.process_all_data_ids
    assert len(result.output_catalog) == 0
    assert "median_flux_ratio" not in task.metadata


def test_a_catalogue_without_magnitudes_is_refused(module: types.ModuleType) -> None:
    catalog = make_catalog()
    catalog.remove_column("mag")
    with pytest.raises(TableSchemaError, match="no column 'mag'"):
        inject(module, catalog)


def test_nothing_is_a_prerequisite(module: types.ModuleType) -> None:
    connections = module.TransientVisitInjectConfig().ConnectionsClass
    assert set(connections.inputs) == {"injection_catalogs", "input_exposure"}
    assert not connections.prerequisiteInputs
    assert set(connections.allConnections["injection_catalogs"].dimensions) == {
        "instrument",
        "visit",
        "detector",
    }
    assert not connections.allConnections["injection_catalogs"].multiple
