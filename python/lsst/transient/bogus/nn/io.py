# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as an Arrow table and back."""

from __future__ import annotations

__all__ = (
    "FORMAT_VERSION",
    "from_table",
    "latest_model",
    "model_version",
    "read_spec",
    "stored_version",
    "to_table",
)

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pyarrow
import torch

from ..errors import ModelFormatError
from .model import Model
from .spec import ModelSpec
from .tensors import from_arrow, read_meta, to_arrow

FORMAT_VERSION = 1
"""Version of the form written by this code; greater ones cannot be read."""

_FORMAT = "transient_bogus_model"
_TILES = "training_tiles"

_latest: dict[str, tuple[pyarrow.Table, Model]] = {}
"""The last model that `latest_model` read, by version: one at most."""


def to_table(model: Model) -> pyarrow.Table:
    """Store a model.

    Parameters
    ----------
    model
        Model.

    Returns
    -------
    table : `pyarrow.Table`
        A row per tensor; specification and version in the schema metadata.
    """
    tensors = _tensors(model)
    meta = {"format": _FORMAT, "format_version": FORMAT_VERSION, "spec": model.spec.to_json()}
    return to_arrow(tensors, meta | {"version": _digest(tensors, model.spec)})


def from_table(table: pyarrow.Table) -> Model:
    """Read a stored model.

    Parameters
    ----------
    table
        What `to_table` made.

    Returns
    -------
    model : `Model`
        The same model.

    Raises
    ------
    ModelFormatError
        Raised if the table is not a model, is damaged, or was written by a later
        version of the code.
    """
    tensors, meta = from_arrow(table)
    spec = _checked_spec(meta)
    if meta.get("version") != _digest(tensors, spec):
        raise ModelFormatError("The stored model is damaged: its content does not have its version's hash.")
    tiles = tensors.pop(_TILES, None)
    try:
        model = Model.blank(spec, None if tiles is None else tiles.numpy())
        model.network.load_state_dict(tensors)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelFormatError(f"The stored model does not fit its specification: {error}") from error
    return model


def latest_model(table: pyarrow.Table) -> tuple[Model, str]:
    """Read a stored model, unless it is the one that this process read last.

    Parameters
    ----------
    table
        What `to_table` made.

    Returns
    -------
    model : `Model`
        The same model, shared with earlier callers: not to be trained.
    version : `str`
        Its version.

    Raises
    ------
    ModelFormatError
        Raised as by `from_table`.

    Notes
    -----
    A process scores one detector after another with one model.  It is the same if the tables
    are, byte for byte, which is checked in a twentieth of the time that reading takes.
    """
    version = stored_version(table)
    if version not in _latest or not _latest[version][0].equals(table, check_metadata=True):
        model = from_table(table)
        _latest.clear()
        _latest[version] = (table, model)
    return _latest[version][1], version


def model_version(model: Model) -> str:
    """Return the version of a model: a hash of its content.

    Parameters
    ----------
    model
        Model.

    Returns
    -------
    version : `str`
        Twelve hexadecimal digits.
    """
    return _digest(_tensors(model), model.spec)


def read_spec(table: pyarrow.Table) -> tuple[ModelSpec, str]:
    """Read what a model is, without its tensors.

    Parameters
    ----------
    table
        What `to_table` made.

    Returns
    -------
    spec : `ModelSpec`
        The specification.
    version : `str`
        The version.

    Raises
    ------
    ModelFormatError
        Raised as by `from_table`.
    """
    meta = _read_meta(table)
    return _checked_spec(meta), str(meta.get("version", ""))


def stored_version(table: pyarrow.Table) -> str:
    """Return the version of a stored model without reading its tensors.

    Parameters
    ----------
    table
        What `to_table` made.

    Returns
    -------
    version : `str`
        The version.

    Raises
    ------
    ModelFormatError
        Raised as by `from_table`.
    """
    return str(_read_meta(table).get("version", ""))


def _tensors(model: Model) -> dict[str, torch.Tensor]:
    """Return everything of a model that is stored as a row."""
    tiles = torch.from_numpy(np.ascontiguousarray(model.training_tiles, dtype=np.int64))
    return {**model.network.state_dict(), _TILES: tiles}


def _read_meta(table: pyarrow.Table) -> dict[str, Any]:
    """Read the metadata if the table is one of ours and not from the future."""
    meta = read_meta(table)
    _check_format(meta)
    return meta


def _checked_spec(meta: dict[str, Any]) -> ModelSpec:
    """Read the specification if the table is one of ours and not from the future."""
    _check_format(meta)
    return ModelSpec.from_json(str(meta.get("spec", "")))


def _check_format(meta: dict[str, Any]) -> None:
    if meta.get("format") != _FORMAT or not isinstance(meta.get("format_version"), int):
        raise ModelFormatError(f"The table is not a stored model: its format is {meta.get('format')!r}.")
    if meta["format_version"] > FORMAT_VERSION:
        raise ModelFormatError(
            f"The stored model has format version {meta['format_version']}; this code reads up to "
            f"{FORMAT_VERSION}.  Update transient_bogus."
        )


def _digest(tensors: dict[str, torch.Tensor], spec: ModelSpec) -> str:
    """Hash names, shapes and bytes of all tensors and the specification but for its provenance.

    The same networks have the same version, wherever they were trained.
    """
    plain = dataclasses.replace(spec, provenance={})
    digest = hashlib.blake2b(plain.to_json().encode(), digest_size=6)
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name].detach().cpu().numpy())
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
