# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutouts of a repository that holds files of the stack, ingested as ``ExposureF``; see test_stack_sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsst.daf.butler import Butler, DatasetRef, DatasetType, FileDataset
from lsst.daf.butler.tests import addDataIdValue
from lsst.pipe.base.simple_pipeline_executor import SimplePipelineExecutor
from lsst.sphgeom import Angle, Circle, LonLat, UnitVector3d
from lsst.transient.bogus.tasks.cutout import CutoutConfig, CutoutTask

from ..test_stack_sample import SAMPLE, VISITS, cutouts, read

# The science packages warn of things that are not ours.
pytestmark = [
    pytest.mark.stack,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not SAMPLE.is_dir(), reason=f"no sample of stack files in {SAMPLE}"),
]
pytest.importorskip("lsst.obs.base", reason="needs the science packages of lsst_distrib")

DIMENSIONS = ("instrument", "visit", "detector")
FILES = {
    "difference_image": "injected_difference_image",
    "injected_visit_image": "injected_visit_image",
    "template_detector": "template",
}


def make_repository(root: Path, visit: int) -> None:
    """Make a repository of one visit whose images are the sample's files, where they are."""
    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), writeable=True, run="run") as butler:
        _fill(butler, visit)


def _fill(butler: Butler, visit: int) -> None:
    data_id = {"instrument": "Cam", "visit": visit, "detector": 50}
    addDataIdValue(butler, "instrument", "Cam")
    addDataIdValue(butler, "physical_filter", "HSC-R2", instrument="Cam", band="r")
    addDataIdValue(butler, "detector", data_id["detector"], instrument="Cam")
    addDataIdValue(butler, "day_obs", 20250101, instrument="Cam")
    addDataIdValue(butler, "visit", visit, instrument="Cam", physical_filter="HSC-R2", day_obs=20250101)
    sources = read("injected_dia_source", visit)
    centre = UnitVector3d(LonLat.fromDegrees(np.mean(sources["ra"]), np.mean(sources["dec"])))
    region = Circle(centre, Angle.fromDegrees(0.1))
    butler.registry.insertDimensionData("visit_detector_region", {**data_id, "region": region})
    for name, file in FILES.items():
        dataset_type = DatasetType(name, DIMENSIONS, "ExposureF", universe=butler.dimensions)
        butler.registry.registerDatasetType(dataset_type)
        ref = DatasetRef(dataset_type, butler.registry.expandDataId(data_id), run="run")
        path = SAMPLE / f"{file}_{visit}_050.fits"
        butler.ingest(FileDataset(path=str(path), refs=[ref]), transfer="direct")
    table = DatasetType("dia_source_detector", DIMENSIONS, "ArrowAstropy", universe=butler.dimensions)
    butler.registry.registerDatasetType(table)
    butler.put(sources, table, data_id)


@pytest.mark.parametrize("visit", VISITS)
def test_cutouts_through_the_butler_equal_those_of_the_files(visit: int, tmp_path: Path) -> None:
    make_repository(tmp_path / "repo", visit)
    butler = SimplePipelineExecutor.prep_butler(str(tmp_path / "repo"), ["run"], output="out")
    with butler:
        executor = SimplePipelineExecutor.from_task_class(CutoutTask, CutoutConfig(), "cutout", butler=butler)
        executor.run(register_dataset_types=True)
        ours = butler.get("transient_cutouts", instrument="Cam", visit=visit, detector=50)
    expected = cutouts(visit)
    assert ours.colnames == expected.colnames
    for name in expected.colnames:
        np.testing.assert_array_equal(ours[name], expected[name], err_msg=name)
