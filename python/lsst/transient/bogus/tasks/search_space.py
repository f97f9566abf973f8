# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of the training configuration that are searched, and their values."""

from __future__ import annotations

__all__ = ("DEFAULT_SPACE", "Choice", "configured", "load_config", "parse_space")

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from lsst.pex.config import FieldValidationError

from ..errors import InputDataError
from .train_config import TrainTransientBogusConfig

_PARTS = ("network", "regime", "augmentation")
_TOP = (
    "averaging",
    "balance",
    "batchSize",
    "epochs",
    "learningRate",
    "members",
    "negativeSignWeight",
    "peers",
    "positiveWeight",
    "weightDecay",
)

DEFAULT_SPACE: Mapping[str, Any] = {
    "learningRate": {"low": 1e-3, "high": 2e-2, "log": True},
    "weightDecay": {"low": 1e-4, "high": 1e-1, "log": True},
    "averaging": [0.0, 0.9, 0.95, 0.98],
    "batchSize": [64, 128, 256],
    "network.dropout": {"low": 0.0, "high": 0.5},
    "network.units": [32, 64, 128],
    "augmentation.noise": {"low": 0.0, "high": 0.3},
    "augmentation.shift": [0, 1, 2],
    "regime.delayEpochs": {"low": 1, "high": 6},
}
"""What is searched if nothing else is asked for."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """Values that a field may take: those of a list, or a range.

    Parameters
    ----------
    field
        Name of the field, ``network.units`` for one of a part.
    values
        JSON of each value; empty for a range.
    low
        Smallest value of a range.
    high
        Largest value.
    log
        Whether the range is searched in the logarithm.
    """

    field: str
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    def suggest(self, trial: Any) -> Any:
        """Return the value that a trial tries.

        Parameters
        ----------
        trial
            Trial (`optuna.trial.Trial`).

        Returns
        -------
        value : `object`
            JSON type.
        """
        if self.values:
            return json.loads(trial.suggest_categorical(self.field, list(self.values)))
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.field, self.low, self.high, log=self.log)
        return trial.suggest_float(self.field, self.low, self.high, log=self.log)

    def ends(self) -> list[Any]:
        """Return the values that a configuration must accept.

        Returns
        -------
        values : `list`
            All values of a list, or both ends of a range.
        """
        return [json.loads(v) for v in self.values] or [self.low, self.high]


def configured(config: TrainTransientBogusConfig, values: Mapping[str, Any]) -> TrainTransientBogusConfig:
    """Return a copy of a configuration with other values.

    Parameters
    ----------
    config
        Configuration.
    values
        Value of each field by name.

    Returns
    -------
    config : `TrainTransientBogusConfig`
        Changed copy.

    Raises
    ------
    FieldValidationError
        Raised if a field does not take a value, or the values do not go together.
    """
    changed = cast(TrainTransientBogusConfig, config.copy())
    for name, value in values.items():
        *parts, field = name.split(".")
        setattr(functools.reduce(getattr, parts, changed), field, value)
    changed.validate()
    return changed


def load_config(file: Path | None, values: Sequence[str]) -> TrainTransientBogusConfig:
    """Return the configuration that a search starts from.

    Parameters
    ----------
    file
        Config override file, if any.
    values
        ``field=value`` for each field that has another value; JSON, or a word.

    Returns
    -------
    config : `TrainTransientBogusConfig`
        Valid configuration.

    Raises
    ------
    InputDataError
        Raised if there is no such field or it does not take the value.
    """
    config = TrainTransientBogusConfig()
    given = {}
    for text in values:
        name, _, value = text.partition("=")
        try:
            given[name] = json.loads(value)
        except ValueError:
            given[name] = value
    try:
        if file is not None:
            config.load(str(file))
        return configured(config, given)
    except (FieldValidationError, AttributeError, TypeError, ValueError) as error:
        raise InputDataError(f"The configuration is wrong: {' '.join(str(error).split())}") from error


def parse_space(space: Mapping[str, Any], config: TrainTransientBogusConfig) -> tuple[Choice, ...]:
    """Read what is to be searched.

    Parameters
    ----------
    space
        For each field, by name, a list of values, or a mapping with ``low``, ``high``
        and perhaps ``log``; whole numbers at both ends give whole numbers.
    config
        Configuration that the values are put into.

    Returns
    -------
    choices : `tuple` [`Choice`]
        One for each field, in the order of ``space``.

    Raises
    ------
    InputDataError
        Raised if a field cannot be searched or does not take a value; names all.
    """
    choices, faults = [], []
    for name, values in space.items():
        try:
            choice = _choice(name, values)
            for value in choice.ends():
                configured(config, {name: value})
            choices.append(choice)
        except (InputDataError, FieldValidationError, AttributeError, TypeError, ValueError) as error:
            faults.append(f"{name}: {' '.join(str(error).split())}")
    if not space:
        faults.append("no field is given")
    if faults:
        raise InputDataError("The search space is wrong: " + "; ".join(faults))
    return tuple(choices)


def _choice(name: str, values: Any) -> Choice:
    """Read the values of one field."""
    part, _, field = name.partition(".")
    if part not in _PARTS if field else name not in _TOP:
        raise InputDataError(f"only {', '.join(_TOP)} and fields of {', '.join(_PARTS)} can be searched")
    if isinstance(values, list) and values:
        return Choice(name, tuple(json.dumps(value) for value in values))
    if not isinstance(values, Mapping) or set(values) - {"log"} != {"low", "high"}:
        raise InputDataError("give a list of values, or low, high and perhaps log")
    low, high, log = values["low"], values["high"], bool(values.get("log", False))
    if not low < high or (log and low <= 0):
        raise InputDataError(f"low {low} must be below high {high}, and above 0 for a logarithm")
    return Choice(name, (), low, high, log)
