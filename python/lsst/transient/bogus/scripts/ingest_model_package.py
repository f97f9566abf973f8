# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a model package into a repository, where the stack's ``RBTransiNetTask`` takes it from."""

from __future__ import annotations

__all__ = ("ingest_model_package",)

from pathlib import Path

import click

from lsst.daf.butler import Butler, CollectionTypeError
from lsst.daf.butler.registry import ConflictingDefinitionError


@click.command()
@click.argument("repo")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", help="Name of the package; that of the folder by default.")
def ingest_model_package(repo: str, folder: Path, name: str | None) -> None:
    """Put the model package in FOLDER into REPO.

    It becomes the pretrainedModelPackage of RUN pretrained_models/NAME.  Needs the science stack.
    """
    from ..stack.model_package import ingest_package

    with Butler.from_config(repo, writeable=True) as butler:
        try:
            run = ingest_package(butler, folder, name or folder.resolve().name)
        except ImportError as error:
            raise click.ClickException(
                f"This needs lsst.meas.transiNet of the science stack, set up: {error}"
            ) from error
        except ConflictingDefinitionError as error:
            raise click.ClickException(
                "There is a package of this name already; give another --name."
            ) from error
        except (FileNotFoundError, CollectionTypeError) as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"Put {run} among the inputs of a pipeline with modelPackageStorageMode: butler.")
