# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model packages in a repository, as ``lsst.meas.transiNet`` keeps them."""

from __future__ import annotations

__all__ = ("DATASET_TYPE", "PARENT_COLLECTION", "ingest_package", "zip_package")

import io
import zipfile
from pathlib import Path

from lsst.daf.butler import Butler, DatasetType

DATASET_TYPE = "pretrainedModelPackage"
PARENT_COLLECTION = "pretrained_models"
_MEMBERS = {"checkpoint": "*.pt", "architecture": "arch*.py", "metadata": "meta*.yaml"}
"""Names in the archive, and the files that they are read from."""


def zip_package(folder: Path) -> bytes:
    """Pack the files of a model package.

    Parameters
    ----------
    folder
        Folder with one architecture, one checkpoint and one metadata file.

    Returns
    -------
    content : `bytes`
        The archive, the same for the same files.

    Raises
    ------
    FileNotFoundError
        Raised if there is not exactly one file of each kind.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, pattern in _MEMBERS.items():
            found = sorted(folder.glob(pattern))
            if len(found) != 1:
                raise FileNotFoundError(f"Expected one file {pattern} in {folder}; found {len(found)}.")
            # An entry by name alone would get the time of day.
            archive.writestr(zipfile.ZipInfo(member), found[0].read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def ingest_package(butler: Butler, folder: Path, name: str) -> str:
    """Put a model package into a repository.

    Parameters
    ----------
    butler
        Writeable repository.
    folder
        Folder of the package.
    name
        Name of the package.

    Returns
    -------
    run : `str`
        The RUN collection it is in.

    Raises
    ------
    FileNotFoundError
        Raised if there is not exactly one file of each kind.
    ImportError
        Raised if the science stack is not set up.
    lsst.daf.butler.registry.ConflictingDefinitionError
        Raised if the RUN holds a package.
    """
    from lsst.meas.transiNet.modelPackages.formatters import NNModelPackagePayload

    payload = NNModelPackagePayload()
    payload.bytes = io.BytesIO(zip_package(folder))
    run = f"{PARENT_COLLECTION}/{name}"
    butler.registry.registerDatasetType(
        DatasetType(DATASET_TYPE, (), "NNModelPackagePayload", universe=butler.dimensions)
    )
    butler.collections.register(run)
    butler.put(payload, DATASET_TYPE, run=run)
    return run
