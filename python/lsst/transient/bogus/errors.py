# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors a caller can act on.

Each says what failed, with counts and limits in `metadata`, so that a campaign
can be searched for causes without reading logs.
"""

from __future__ import annotations

__all__ = (
    "AstrometryFitError",
    "InjectionFluxError",
    "InputDataError",
    "InsufficientDataError",
    "ModelFormatError",
    "TableSchemaError",
    "TrainingDivergedError",
)

from typing import Any

from lsst.pipe.base import AlgorithmError

type _Number = int | float | str


class _CountedError(AlgorithmError):
    """An `AlgorithmError` that carries its numbers.

    Parameters
    ----------
    message
        What failed, naming the count and the limit.
    **metadata
        The numbers named in the message.
    """

    def __init__(self, message: str, **metadata: _Number) -> None:
        super().__init__(message)
        self._metadata = metadata

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(self._metadata)


class AstrometryFitError(_CountedError):
    """The map between pixels and sky could not be fitted to a catalogue."""


class InjectionFluxError(_CountedError):
    """The flux that should have been injected is not in the image."""


class InsufficientDataError(_CountedError):
    """There are too few examples for the algorithm to give a meaningful result."""


class TrainingDivergedError(_CountedError):
    """The loss of at least one network stopped being finite."""


class TableSchemaError(ValueError):
    """A table does not have the columns that its schema declares."""


class InputDataError(ValueError):
    """Files given by the user are missing something or wrong; lists every problem at once."""


class ModelFormatError(ValueError):
    """A stored model is corrupt, foreign, or of a version this code cannot read."""
