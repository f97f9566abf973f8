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

import itertools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow
import torch

from ..calibration import Calibration
from ..errors import ModelFormatError
from .model import Model
from .spec import NORMALISATIONS, ModelSpec
from .tensors import content_digest, from_arrow, read_meta, to_arrow

FORMAT_VERSION = 2
"""Version of the form written by this code; greater ones cannot be read."""

_FORMAT = "transient_bogus_model"
_TILES = "training_tiles"
_NSIDES = (0, *(2**order for order in range(30)))  # HEALPix, nested; 0 for no tiles

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
    tensors, spec = _tensors(model), model.spec.to_json()
    meta = {"format": _FORMAT, "format_version": FORMAT_VERSION, "spec": spec}
    return to_arrow(tensors, meta | {"version": _digest(tensors, spec)})


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
        Raised if the table is not a model, is damaged, has weights that are not finite,
        or was written by a later version of the code.

    Notes
    -----
    A model that was written before a field of the specification existed gets the default of
    that field and keeps its version.
    """
    tensors, meta = from_arrow(table)
    spec = _checked_spec(meta)
    if meta["version"] != _digest(tensors, meta["spec"]):
        raise ModelFormatError("The stored model is damaged: its content does not have its version's hash.")
    _check_finite(tensors)
    tiles = tensors.pop(_TILES, None)
    try:
        model = Model.blank(spec, None if tiles is None else tiles.numpy())
        model.network.load_state_dict(tensors)
    except (ArithmeticError, RuntimeError, ValueError, TypeError) as error:
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
    """Return the version that a model gets when it is stored: a hash of its content.

    Parameters
    ----------
    model
        Model.

    Returns
    -------
    version : `str`
        Twelve hexadecimal digits.
    """
    return _digest(_tensors(model), model.spec.to_json())


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
    return _checked_spec(meta), meta["version"]


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
    return str(_read_meta(table)["version"])


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
    spec = ModelSpec.from_json(meta["spec"])
    kind, nside, limit = spec.normalisation.kind, spec.folds.nside, spec.domain_limit
    if kind not in NORMALISATIONS:
        raise ModelFormatError(
            f"The model has the unknown normalisation {kind!r}; known are {', '.join(NORMALISATIONS)}."
        )
    if nside not in _NSIDES:
        raise ModelFormatError(f"The sky tiles of the model have nside {nside}, which is no power of two.")
    if not 0.0 <= limit < math.inf:
        raise ModelFormatError(
            f"The domain limit of the model is {limit}; it must be finite and not negative."
        )
    if spec.calibration:
        _check_calibration(spec.calibration)
    return spec


def _check_format(meta: dict[str, Any]) -> None:
    if meta.get("format") != _FORMAT:
        raise ModelFormatError(f"The table is not a stored model: its format is {meta.get('format')!r}.")
    number = meta.get("format_version")
    if type(number) is not int or number < 1:
        raise ModelFormatError(f"The stored model is damaged: its format version is {number!r}.")
    if number > FORMAT_VERSION:
        raise ModelFormatError(
            f"The stored model has format version {number}; this code reads up to {FORMAT_VERSION}.  "
            "Update transient_bogus."
        )
    for name in ("spec", "version"):
        if not isinstance(meta.get(name), str):
            raise ModelFormatError(f"The stored model is damaged: its {name} is {meta.get(name)!r}.")


def _check_calibration(parameters: Mapping[str, Any]) -> None:
    try:
        calibration = Calibration.from_dict(parameters)
        points = list(zip(calibration.knots, calibration.values, strict=True))
        numbers = itertools.chain(*points, (calibration.ratio, calibration.prior, calibration.end_slope))
        is_usable = bool(points) and all(map(math.isfinite, numbers))
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ModelFormatError(
            f"The calibration of the model has {sorted(parameters)} and cannot be read: {error!r}"
        ) from error
    if not is_usable:
        raise ModelFormatError("The calibration of the model has no knots, or numbers that are not finite.")


def _check_finite(tensors: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        n, n_finite = tensor.numel(), int(np.count_nonzero(np.isfinite(tensor.numpy())))
        if n_finite < n:
            raise ModelFormatError(
                f"Tensor {name!r} of the stored model has {n - n_finite} of {n} values that are not finite."
            )


def _digest(tensors: Mapping[str, torch.Tensor], spec: str) -> str:
    """Hash names, shapes and bytes of all tensors and the specification but for its provenance.

    The same networks have the same version, wherever they were trained.  The specification is
    the JSON that is stored: read and written anew, it would have fields that it did not have.
    """
    plain = json.dumps(json.loads(spec) | {"provenance": {}}, sort_keys=True)
    return content_digest(tensors, plain, size=6)
