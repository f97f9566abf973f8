# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a model package that the stack's ``RBTransiNetTask`` runs."""

from __future__ import annotations

__all__ = ("export_model_package",)

from pathlib import Path

import click

from lsst.daf.butler import Butler

from ..errors import ModelFormatError
from .models import find_model, read_model


@click.command()
@click.argument("repo")
@click.argument("collections")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--instrument", help="Instrument of the model; needed if there are several.")
@click.option("--description", default="", help="A sentence for the metadata of the package.")
def export_model_package(
    repo: str, collections: str, folder: Path, instrument: str | None, description: str
) -> None:
    """Write the model in COLLECTIONS of REPO to FOLDER as a package of lsst.meas.transiNet.

    COLLECTIONS is a comma-separated list; the first that has a model decides.  FOLDER is made;
    its name is that of the package.
    """
    from ..nn.io import latest_model
    from ..nn.package import write_package

    with Butler.from_config(repo) as butler:
        try:
            model, version = latest_model(read_model(butler, find_model(butler, collections, instrument)))
            meta = write_package(model, folder, description=description, version=version)
        except (LookupError, ModelFormatError, FileExistsError) as error:
            raise click.ClickException(str(error)) from error
    click.echo(
        f"Model {meta['transient_bogus']['model_version']} written to {folder} as version "
        f"{meta['version']}; set cutoutSize of RBTransiNetTask to {meta['cutout_size']}."
    )
    if model.spec.normalisation.kind == "snr":
        click.echo(
            "The model normalises by the variance, which RBTransiNetTask does not give: the package "
            "estimates the noise from each stamp, and its scores differ from those of the scoring task.",
            err=True,
        )
