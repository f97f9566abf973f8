# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Butler repositories of the pip world: an SQLite registry beside the files."""

from __future__ import annotations

__all__ = ("open_repository",)

from pathlib import Path

import sqlalchemy.exc
import yaml

from lsst.daf.butler import Butler, Config
from lsst.daf.butler.registry.interfaces import IncompatibleVersionError

from ..errors import InputDataError

_FORMATTER = "lsst.images.formatters.GenericFormatter"
_TILES = {"algorithm": "GZIP_2", "tile_shape": [64, 8192]}
# Compressed row by row, the default, images take twice as long to read.
_LOSSLESS = {"image": _TILES, "mask": _TILES, "variance": _TILES}


def open_repository(path: Path, *, create: bool = False) -> Butler:
    """Open a repository for writing.

    Parameters
    ----------
    path
        Root of the repository.
    create
        Whether to make a new repository if the folder does not exist or is empty.

    Returns
    -------
    butler : `lsst.daf.butler.Butler`
        Writeable butler; the caller closes it.

    Raises
    ------
    InputDataError
        Raised if the folder is not a repository, or one whose schema this
        version of the middleware cannot read, or if a new one cannot have its name.
    """
    is_new = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    if is_new and create:
        if path.suffix:
            # The middleware takes such a name for that of a configuration file.
            raise InputDataError(f"A new repository cannot be named {path.name}: its name has a dot in it.")
        config = Config()
        config["datastore", "formatters", "write_recipes", _FORMATTER] = {"default": _LOSSLESS}
        Butler.makeRepo(str(path), config=config)
    if not path.joinpath("butler.yaml").is_file():
        raise InputDataError(f"{path} is not a Butler repository: it has no file butler.yaml.")
    try:
        return Butler.from_config(str(path), writeable=True)
    except IncompatibleVersionError as error:
        raise InputDataError(
            f"The repository {path} cannot be opened with this version of the middleware: {error}"
        ) from error
    except (sqlalchemy.exc.SQLAlchemyError, yaml.YAMLError) as error:
        raise InputDataError(f"The repository {path} is damaged: {error}") from error
