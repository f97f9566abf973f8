# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every mode of injection in a graph of its own, on the tiny simulated survey."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from lsst.daf.butler import Butler, DatasetType, Timespan
from lsst.pipe.base import LabelSpecifier, Pipeline
from lsst.pipe.base.simple_pipeline_executor import SimplePipelineExecutor
from lsst.sphgeom import Angle, Circle, LonLat, UnitVector3d
from lsst.transient.bogus.events import LightCurve
from lsst.transient.bogus.handles import table_parameters
from lsst.transient.bogus.paths import ensure_package_dir_env
from lsst.transient.bogus.sphere import separation_arcsec

VISITS = "SimCam/defaults"
WHERE = "instrument = 'SimCam' AND detector = 0"
PIPELINE = ensure_package_dir_env() / "pipelines" / "standalone" / "transient_bogus.yaml"
SKYMAP, TRACT = "one_tract", 3
MEASURED, OBJECTS, LATER = "measured", "coadd", "later"
HOURS = 0.5


def execute(
    root: Path,
    output: str,
    labels: set[str],
    config: Mapping[str, Any],
    runs: Sequence[str] = (MEASURED, OBJECTS),
) -> None:
    """Run some tasks of the standalone pipeline on what was measured before."""
    pipeline = Pipeline.from_uri(str(PIPELINE)).subsetFromLabels(LabelSpecifier(labels=labels))
    for name, value in config.items():
        pipeline.addConfigOverride("hostCatalog", name, value)
    with Butler.from_config(str(root)) as butler:
        inputs = [VISITS, *(run for run in runs if run in butler.collections.query("*"))]
    butler = SimplePipelineExecutor.prep_butler(
        str(root), inputs, output=f"chain/{output}", output_run=output
    )
    with butler:
        executor = SimplePipelineExecutor.from_pipeline(pipeline, where=WHERE, butler=butler)
        executor.run(register_dataset_types=True)


@pytest.fixture(scope="module")
def root(simulated_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a repository with the measured sources of all visits of a detector, and coadd objects."""
    root = tmp_path_factory.mktemp("modes") / "repository"
    shutil.copytree(simulated_repository, root)
    execute(root, MEASURED, {"measureSources"}, {})
    with Butler.from_config(str(root), writeable=True) as butler:
        put_objects(butler)
    return root


def put_objects(butler: Butler) -> None:
    """Make the round galaxies of one visit the objects of a tract that covers the survey."""
    ref = butler.query_datasets("source_detector", collections=MEASURED)[0]
    sources = butler.get(ref)
    n = len(sources)
    table = Table({"objectId": 10**6 + np.arange(n), "coord_ra": sources["ra"], "coord_dec": sources["dec"]})
    for name, value in (("shape_xx", 0.25), ("shape_yy", 0.25), ("shape_xy", 0.0), ("refExtendedness", 1.0)):
        table[name] = np.full(n, value)
    for name, value in (("r_cModelFlux", 5000.0), ("r_psfFlux", 3000.0), ("r_psfFluxErr", 30.0)):
        table[name] = np.full(n, value)
    for name, value in (("shape_flag", False), ("r_cModel_flag", False), ("detect_isPrimary", True)):
        table[name] = np.full(n, value)
    centre = UnitVector3d(LonLat.fromDegrees(float(np.mean(sources["ra"])), float(np.mean(sources["dec"]))))
    registry = butler.registry
    registry.insertDimensionData(
        "skymap", {"name": SKYMAP, "hash": b"1", "tract_max": 9, "patch_nx_max": 1, "patch_ny_max": 1}
    )
    region = Circle(centre, Angle.fromDegrees(0.5))
    registry.insertDimensionData("tract", {"skymap": SKYMAP, "id": TRACT, "region": region})
    registry.registerDatasetType(
        DatasetType("object", ("skymap", "tract"), "ArrowAstropy", universe=butler.dimensions)
    )
    butler.collections.register(OBJECTS)
    butler.put(table, "object", skymap=SKYMAP, tract=TRACT, run=OBJECTS)


def inject(
    root: Path, output: str, runs: Sequence[str] = (MEASURED, OBJECTS), **config: Any
) -> dict[int, Table]:
    """Draw and inject, check that the flux is in the images, and return the catalogues by visit."""
    execute(root, output, {"hostCatalog", "injectVisit"}, config, runs)
    catalogues = {}
    with Butler.from_config(str(root), collections=[output, *runs, VISITS]) as butler:
        for ref in butler.query_datasets("injected_visit_image_catalog", collections=output):
            catalogue = butler.get(ref, parameters=table_parameters())
            assert catalogue.meta["INJECTION_FLAG_BITS"]["NO_OVERLAP"] == catalogue.meta["NO_OVERLAP"] == 3
            check_flux(butler, ref.dataId, catalogue)
            catalogues[int(ref.dataId["visit"])] = catalogue
    return catalogues


def check_flux(butler: Butler, data_id: Any, catalogue: Table) -> None:
    """Check that all flux that was added to an image is that of the catalogue, to its photon noise."""
    after, before = (
        butler.get(f"{name}.image", data_id).array for name in ("injected_visit_image", "visit_image")
    )
    slope = butler.get("injectVisit_metadata", data_id)["injectVisit"]["variance_slope"]
    height, width = before.shape
    x, y = np.asarray(catalogue["x"]), np.asarray(catalogue["y"])
    reach = 12.0
    whole = (np.minimum(x, y) > reach) & (x < width - reach) & (y < height - reach)
    whole &= np.asarray(catalogue["injection_flag"]) == 0
    flux = 10 ** (0.4 * (31.4 - np.asarray(catalogue["mag"])))
    # Sources that lie partly off the image add less than all of their flux.
    added = np.sum(after - before, dtype=float)
    noise = 6.0 * np.sqrt(max(slope, 0.0) * flux.sum()) + 0.02 * flux.sum()
    assert flux[whole].sum() - noise < added < flux.sum() + noise


def sky(catalogue: Table, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(catalogue["ra"][rows]), np.asarray(catalogue["dec"][rows])


def epoch(root: Path, visit: int) -> float:
    """Return the middle of the exposure of a visit (TAI MJD)."""
    with Butler.from_config(str(root), collections=VISITS) as butler:
        (record,) = butler.query_dimension_records("visit", instrument="SimCam", visit=visit)
    return float((record.timespan.begin.tai.mjd + record.timespan.end.tai.mjd) / 2)


def test_independent(root: Path) -> None:
    catalogues = inject(root, "independent", hostFraction=0.5, hostlessFraction=0.5)
    ids = np.concatenate([c["injection_id"] for c in catalogues.values()])
    assert len(catalogues) == 4
    assert len(np.unique(ids)) == len(ids) > 10
    for one, other in itertools.combinations(catalogues.values(), 2):
        assert not np.isin(one["ra"], other["ra"]).any()


def test_coherent_events_follow_one_light_curve_in_all_visits(root: Path) -> None:
    config = {"events.rate": 1.0, "events.maxMagnitude": 23.0, "events.faintest": 26.0}
    catalogues = inject(root, "coherent", mode="coherent", doObjectHosts=True, **config)
    seed, curve = 0, LightCurve(peak=(20.0, 23.0))
    n_common = 0
    for (visit, one), (other_visit, other) in itertools.combinations(catalogues.items(), 2):
        _, i, j = np.intersect1d(one["event_id"], other["event_id"], return_indices=True)
        n_common += len(i)
        if len(i) == 0:
            continue
        assert separation_arcsec(*sky(one, i), *sky(other, j)).max() < 5e-3
        np.testing.assert_array_equal(one["host_id"][i], other["host_id"][j])
        anchors = np.asarray(one["event_id"])[i] & ((1 << 40) - 1)
        for epoch_visit, mags in ((visit, one["mag"][i]), (other_visit, other["mag"][j])):
            expected, _ = curve.magnitudes(anchors, epoch(root, epoch_visit), "r", seed=seed)
            np.testing.assert_allclose(mags, expected, atol=0.01)
    assert n_common > 10


def test_variable_stars_lie_on_stars(root: Path) -> None:
    config = {"minExtendedness": 0.0, "maxExtendedness": 0.5, "offsetLaw": "none"}
    catalogues = inject(root, "variable", hostFraction=1.0, hostlessFraction=0.0, **config)
    with Butler.from_config(str(root), collections=MEASURED) as butler:
        for visit, catalogue in catalogues.items():
            stars = butler.get("source_detector", instrument="SimCam", visit=visit, detector=0)
            _, i, j = np.intersect1d(catalogue["host_id"], stars["sourceId"], return_indices=True)
            assert len(i) == len(catalogue) > 5
            assert np.all(stars["extendedness"][j] <= 0.5)
            # The catalogue was drawn from the positions of the sources, the injection from the image's WCS.
            np.testing.assert_allclose(catalogue["x"][i], stars["x"][j], atol=0.02)
            np.testing.assert_allclose(catalogue["y"][i], stars["y"][j], atol=0.02)


def put_later_visit(butler: Butler, earlier: int) -> int:
    """Take the image and the sources of a visit for those of another one in the same night."""
    registry, later = butler.registry, earlier + 1
    for element in ("visit", "visit_detector_region"):
        for record in butler.query_dimension_records(element, instrument="SimCam", visit=earlier, detector=0):
            values = record.toDict() | {"id" if element == "visit" else "visit": later}
            if element == "visit":
                begin, end = (t + HOURS * u.hour for t in (record.timespan.begin, record.timespan.end))
                values |= {"name": f"{later}", "timespan": Timespan(begin, end)}
            registry.insertDimensionData(element, values)
    butler.collections.register(LATER)
    data_id = {"instrument": "SimCam", "detector": 0}
    for name in ("visit_image", "source_detector"):
        dataset = butler.get(name, data_id, visit=earlier, collections=[VISITS, MEASURED])
        butler.put(dataset, name, data_id, visit=later, run=LATER)
    return later


def test_moving_objects_move_within_a_night(root: Path) -> None:
    with Butler.from_config(str(root), writeable=True) as butler:
        visits = {ref.dataId["visit"] for ref in butler.query_datasets("visit_image", collections=VISITS)}
        first, next_night = sorted(visits)[:2]
        second = put_later_visit(butler, first)
    config = {"events.moverRate": 0.02, "events.minSpeed": 4.0, "events.maxSpeed": 10.0}
    catalogues = inject(root, "moving", (MEASURED, LATER), mode="moving", **config)
    one, other = catalogues[first], catalogues[second]
    _, i, j = np.intersect1d(one["event_id"], other["event_id"], return_indices=True)
    assert len(i) > 5
    moved = separation_arcsec(*sky(one, i), *sky(other, j))
    assert np.all((moved > 4.0 * HOURS - 0.01) & (moved < 10.0 * HOURS + 0.01))
    assert np.ptp(moved) > 1.0
    np.testing.assert_array_equal(one["mag"][i], other["mag"][j])
    assert not np.isin(catalogues[next_night]["event_id"], one["event_id"]).any()


def test_hosts_from_coadd_objects(root: Path) -> None:
    catalogues = inject(root, "objects", doObjectHosts=True, hostFraction=0.5, hostlessFraction=0.0)
    for catalogue in catalogues.values():
        assert len(catalogue) > 5
        assert np.all(catalogue["host_id"] >= 10**6)
        np.testing.assert_allclose(catalogue["host_semi_major"], 0.5, rtol=1e-3)


def test_figures_are_written(root: Path) -> None:
    labels = {"hostCatalog", "injectVisit", "injectionFigure", "surveyInjectionFigure"}
    execute(root, "figures", labels, {"hostFraction": 0.5})
    with Butler.from_config(str(root), collections="figures") as butler:
        for name, n in (("transient_injection_figure", 4), ("transient_survey_injection_figure", 1)):
            refs = butler.query_datasets(name)
            assert len(refs) == n
            assert all(butler.getURI(ref).read(4) == b"\x89PNG" for ref in refs)
