# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading of host tables by configured column names, and selection of hosts."""

from __future__ import annotations

__all__ = ("can_host", "pick_columns", "select_flags")

from collections.abc import Iterable, Mapping

import numpy as np
from astropy.table import Table

from ..errors import TableSchemaError
from ..hosts import ellipses_from_moments
from .host_catalog_config import PSF_QUANTITIES, GalaxyHostCatalogConfig


def pick_columns(table: Table, names: Mapping[str, str], where: str) -> dict[str, np.ndarray]:
    """Return the configured columns of a table.

    Parameters
    ----------
    table
        Sources or objects.
    names
        Column of each quantity.
    where
        Text that names the table, for messages.

    Returns
    -------
    columns : `dict` [`str`, `numpy.ndarray`]
        Values of each quantity: ``id`` int64, all others float.

    Raises
    ------
    lsst.transient.bogus.errors.TableSchemaError
        Raised if the table has not all columns.
    """
    missing = [name for name in names.values() if name not in table.colnames]
    if missing:
        raise TableSchemaError(f"The {where} has no columns {missing}.")
    types = {quantity: np.int64 if quantity == "id" else np.float64 for quantity in names}
    return {quantity: np.asarray(table[name], dtype=types[quantity]) for quantity, name in names.items()}


def can_host(
    columns: Mapping[str, np.ndarray],
    moments: tuple[np.ndarray, np.ndarray, np.ndarray],
    config: GalaxyHostCatalogConfig,
) -> np.ndarray:
    """Tell which sources have the measurements of a host.

    Parameters
    ----------
    columns
        Values of each quantity, shape (N,); those of the PSF only if it is compared with.
    moments
        Second moments in square pixels of the detector, shape (N,) each.
    config
        Limits.

    Returns
    -------
    selected : `numpy.ndarray`
        Shape (N,), bool.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        selected = columns["point_flux"] / columns["point_flux_error"] >= config.minSnr
        if not (config.mode == "independent" and config.offsetLaw == "none"):
            axes = ellipses_from_moments(*moments)
            selected &= axes.semi_major <= config.maxSemiMajor
            if "psf_ixx" in columns:
                psf = ellipses_from_moments(*(columns[name] for name in PSF_QUANTITIES))
                selected &= axes.semi_minor >= config.minSizeRatio * psf.semi_minor
        if config.doSelectExtended:
            selected &= columns["extendedness"] >= config.minExtendedness
            selected &= columns["extendedness"] <= config.maxExtendedness
    return selected & np.isfinite(columns["ra"] + columns["dec"]) & (columns["flux"] > 0)


def select_flags(table: Table, bad: Iterable[str], good: Iterable[str]) -> tuple[np.ndarray, list[str]]:
    """Tell which sources pass flags.

    Parameters
    ----------
    table
        Sources or objects, N rows.
    bad
        Flags that must not be set.
    good
        Flags that must be set.

    Returns
    -------
    selected : `numpy.ndarray`
        Shape (N,), bool.
    absent : `list` [`str`]
        Flags that the table does not have; they select nothing.
    """
    selected = np.ones(len(table), dtype=bool)
    wanted = dict.fromkeys(bad, False) | dict.fromkeys(good, True)
    for name, value in wanted.items():
        if name in table.colnames:
            selected &= np.asarray(table[name], dtype=bool) == value
    return selected, [name for name in wanted if name not in table.colnames]
