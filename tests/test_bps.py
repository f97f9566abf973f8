# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the submit files say to BPS and Parsl what they mean to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lsst.ctrl.bps import BpsConfig
from lsst.ctrl.bps.transform import gather_job_environment
from lsst.utils import doImport

ROOT = Path(__file__).resolve().parents[1]
SUBMIT_FILES = sorted(ROOT.glob("bps/parsl_*.yaml"))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what the submit files ask of the user's shell."""
    monkeypatch.setenv("TRANSIENT_BOGUS_DIR", str(ROOT))
    monkeypatch.setenv("BUTLER_CONFIG", "repository")


@pytest.fixture(params=SUBMIT_FILES, ids=lambda path: path.stem)
def config(request: pytest.FixtureRequest, environment: None) -> BpsConfig:
    """Load a submit file as `bps submit` does."""
    return BpsConfig(request.param)


def test_submit_file_names_what_exists(config: BpsConfig) -> None:
    site = config["computeSite"]
    assert issubclass(doImport(config[f".site.{site}.class"]), doImport("lsst.ctrl.bps.parsl.SiteConfig"))
    assert config["wmsServiceClass"] == "lsst.ctrl.bps.parsl.ParslService"
    assert doImport(config["wmsServiceClass"])
    assert Path(config["pipelineYaml"]).is_file()
    assert config[".payload.butlerConfig"] == "repository"


def test_final_job_fits_its_site(config: BpsConfig) -> None:
    site = BpsConfig(config[f".site.{config['computeSite']}"])
    cores = next(int(site[key]) for key in ("cores", "cores_per_node") if key in site)
    assert 1 <= int(config[".finalJob.requestCpus"]) <= cores


def test_environment_of_the_jobs_can_be_gathered(config: BpsConfig) -> None:
    """The key `environment` of a site, a truth value to Parsl, is a mapping to BPS, which fails on it."""
    site = config["computeSite"]
    search = {"curvals": {"curr_site": site}, "searchobj": config[".site"][site]}
    assert isinstance(gather_job_environment(config, search), dict)


def test_members_of_a_zip_are_read_side_by_side(tmp_path: Path) -> None:
    """As quantum graphs are read, in an interpreter that starts with the folder in its path."""
    code = """
import zipfile
with zipfile.ZipFile("graph.zip", "w") as archive:
    for name in "ab":
        archive.writestr(name, bytes(range(100)) * 1000)
with zipfile.ZipFile("graph.zip") as archive, archive.open("a") as a, archive.open("b") as b:
    for position in (7, 60001, 90050):
        for member in (a, b):
            member.seek(position)
            assert member.read(3) == bytes((position + i) % 100 for i in range(3))
"""
    path = {"PYTHONPATH": str(ROOT / "bps" / "zip_seek")}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ | path, check=True)


def test_later_file_wins_over_the_included_one() -> None:
    (slurm,) = [path for path in SUBMIT_FILES if path.stem == "parsl_slurm"]
    config = BpsConfig(slurm)
    assert (config["computeSite"], config["campaign"]) == ("slurm", "slurm")
    assert doImport(config["clusterAlgorithm"])


def test_clusters_name_tasks_of_the_pipelines() -> None:
    labels = {
        label
        for path in ROOT.glob("pipelines/**/*.yaml")
        for label in yaml.safe_load(path.read_text()).get("tasks", {})
    }
    clusters = BpsConfig(ROOT / "bps" / "clustering.yaml")[".cluster"]
    named = [label.strip() for name in clusters for label in clusters[name]["pipetasks"].split(",")]
    assert sorted(set(named) - labels) == []
    assert len(named) == len(set(named)), "a task is in two clusters"
