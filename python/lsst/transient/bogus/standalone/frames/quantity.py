# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where one quantity of a frame is found: in header keywords, in the file name, or fixed."""

from __future__ import annotations

__all__ = ("NAME", "Quantity")

import dataclasses
import datetime
import re
from collections.abc import Mapping
from typing import Any

from astropy.time import Time

from ...errors import InputDataError

NAME = "FILENAME"
"""Keyword that stands for the name of the file without its folder."""

_KEYS = ("keyword", "value", "pattern", "format", "scale", "offset", "default")


@dataclasses.dataclass(frozen=True)
class Quantity:
    """Where one quantity is found, and how to turn what is there into a number.

    Parameters
    ----------
    keywords
        Header keywords, the first present is taken.  ``A+B`` joins the values of
        two keywords, such as a date and a time of day; ``FILENAME`` is the file's name.
    value
        The quantity itself, for all files; keywords are then ignored.
    pattern
        Regular expression whose first group (or whole match) is taken from the text.
    format
        `strptime` format of a time that is not ISO 8601.
    scale
        Factor to multiply a number by.
    offset
        Number to add, after multiplying.
    default
        The quantity where no keyword is present; no scale or offset is applied.
    """

    keywords: tuple[str, ...] = ()
    value: str | float | None = None
    pattern: str | None = None
    format: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    default: str | float | None = None

    @classmethod
    def from_yaml(cls, spec: Any) -> Quantity:
        """Make a quantity of what a header map says.

        Parameters
        ----------
        spec
            A keyword, a list of keywords, a number, or a mapping with the keys
            ``keyword``, ``value``, ``pattern``, ``format``, ``scale``, ``offset``
            and ``default``.

        Returns
        -------
        quantity : `Quantity`
            The quantity.

        Raises
        ------
        InputDataError
            Raised if the specification cannot be understood.
        """
        if not isinstance(spec, Mapping):
            spec = {"value": spec} if _is_number(spec) else {"keyword": spec}
        if unknown := sorted(set(spec) - set(_KEYS)):
            raise InputDataError(f"unknown key {', '.join(unknown)}; known keys are {', '.join(_KEYS)}")
        keywords = spec.get("keyword") or ()
        keywords = (keywords,) if isinstance(keywords, str) else tuple(keywords)
        if not all(isinstance(keyword, str) for keyword in keywords):
            raise InputDataError(f"keywords must be text, not {keywords}")
        if not keywords and spec.get("value") is None and spec.get("default") is None:
            raise InputDataError("give a keyword, a value or a default")
        for key in ("scale", "offset"):
            if not _is_number(spec.get(key, 0.0)):
                raise InputDataError(f"{key} must be a number, not {spec[key]!r}")
        try:
            re.compile(spec.get("pattern") or "")
        except (re.error, TypeError) as error:
            raise InputDataError(f"pattern {spec['pattern']!r} is no regular expression: {error}") from error
        return cls(keywords, **{key: spec[key] for key in _KEYS if key != "keyword" and key in spec})

    def text(self, header: Mapping[str, Any], name: str) -> str:
        """Return the quantity as text.

        Parameters
        ----------
        header
            Header of the frame.
        name
            Name of the file.

        Returns
        -------
        text : `str`
            The text without surrounding blanks.

        Raises
        ------
        InputDataError
            Raised if no keyword is present, or the pattern does not match.
        """
        found, is_fixed = self._find(header, name)
        text = str(found).strip()
        if self.pattern is None or is_fixed:
            return text
        match = re.search(self.pattern, text)
        if match is None:
            raise InputDataError(f"{text!r} does not match the pattern {self.pattern!r}")
        return match.group((match.lastindex and 1) or 0)

    def number(self, header: Mapping[str, Any], name: str) -> float:
        """Return the quantity as a number.

        Parameters
        ----------
        header
            Header of the frame.
        name
            Name of the file.

        Returns
        -------
        number : `float`
            The number, scaled and offset.

        Raises
        ------
        InputDataError
            Raised if no keyword is present or it holds no number.
        """
        text = self.text(header, name)
        try:
            number = float(text)
        except ValueError as error:
            raise InputDataError(f"{text!r} is not a number") from error
        _, is_fixed = self._find(header, name)
        return number if is_fixed else number * self.scale + self.offset

    def time(self, header: Mapping[str, Any], name: str, *, scale: str) -> Time:
        """Return the quantity as a time.

        Parameters
        ----------
        header
            Header of the frame.
        name
            Name of the file.
        scale
            Time scale of the value, such as ``utc``.

        Returns
        -------
        time : `astropy.time.Time`
            The time.

        Raises
        ------
        InputDataError
            Raised if no keyword is present or it holds no time.

        Notes
        -----
        A number is a Julian date, or a modified one if it is below 2 000 000.
        """
        text = self.text(header, name)
        try:
            if self.format is not None:
                # The time scale is given apart; a zone would only hide it.
                moment = datetime.datetime.strptime(text, self.format)
                return Time(moment.replace(tzinfo=None), scale=scale)
            if _is_number(text):
                number = float(text)
                return Time(number, format="mjd" if number < 2e6 else "jd", scale=scale)
            return Time(text.removesuffix("Z").replace("/", "-"), scale=scale)
        except ValueError as error:
            raise InputDataError(f"{text!r} is not a time") from error

    def _find(self, header: Mapping[str, Any], name: str) -> tuple[Any, bool]:
        """Return what is there, and whether it is a constant of the header map."""
        if self.value is not None:
            return self.value, True
        for keyword in self.keywords:
            values = [name if part == NAME else header.get(part) for part in keyword.split("+")]
            present = [str(value) for value in values if value is not None and str(value).strip()]
            if len(present) == len(values):
                # A date that has its time of day needs no other keyword.
                return (present[0] if "T" in present[0] else "T".join(present)), False
        if self.default is None:
            raise InputDataError(f"no keyword {' or '.join(self.keywords)} in the header")
        return self.default, True


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
