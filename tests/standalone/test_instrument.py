# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lsst.daf.butler import Butler
from lsst.daf.butler.registry import ConflictingDefinitionError
from lsst.pipe.base import Instrument
from lsst.transient.bogus.standalone.instrument import FrameCamera, SimulatedCamera


@pytest.fixture
def butler(tmp_path: Path) -> Iterator[Butler]:
    Butler.makeRepo(str(tmp_path / "repo"))
    with Butler.from_config(str(tmp_path / "repo"), writeable=True) as butler:
        yield butler


@pytest.mark.parametrize(("camera", "name"), [(SimulatedCamera, "SimCam"), (FrameCamera, "Frames")])
def test_found_again_by_name(butler: Butler, camera: type[Instrument], name: str) -> None:
    assert camera.getName() == name
    camera().register(butler.registry)
    camera().register(butler.registry)
    assert type(Instrument.fromName(name, butler.registry)) is camera
    with pytest.raises(NotImplementedError, match="has no raw data"):
        camera().getRawFormatter({})


def test_parts(butler: Butler) -> None:
    camera = FrameCamera()
    camera.register_parts(butler.registry, filters={"I_b": "i"}, detectors={3: "det3"})
    (record,) = butler.query_dimension_records("physical_filter", instrument="Frames")
    assert (record.name, record.band) == ("I_b", "i")
    (record,) = butler.query_dimension_records("detector", instrument="Frames")
    assert (record.id, record.full_name, record.purpose) == (3, "det3", "SCIENCE")
    (record,) = butler.query_dimension_records("visit_system", instrument="Frames")
    assert record.name == "one-to-one"


def test_conflicting_parts_write_nothing(butler: Butler) -> None:
    camera = FrameCamera()
    camera.register_parts(butler.registry, filters={"I_b": "i"})
    with pytest.raises(ConflictingDefinitionError):
        camera.register_parts(butler.registry, filters={"new": "g", "I_b": "r"})
    assert len(butler.query_dimension_records("physical_filter", instrument="Frames")) == 1
    camera.register_parts(butler.registry, filters={"I_b": "r"}, update=True)
    (record,) = butler.query_dimension_records("physical_filter", instrument="Frames")
    assert record.band == "r"
