# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of objects and of light curves, made from epochs that know their object."""

from __future__ import annotations

__all__ = ("match_epochs", "object_tables")

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from .association import associate
from .columns import LIGHT_CURVES, OBJECTS
from .evidence import ConfirmationRule, EvidenceModel
from .light_curves import nights, object_statistics
from .nearest_hosts import no_hosts

_TIES = ("detector", "diaSourceId", "visit", "midpointMjdTai")


def match_epochs(detections: Mapping[str, np.ndarray], *, radius_arcsec: float) -> npt.NDArray[np.int64]:
    """Match detections into objects, each injected detection an object of its own.

    Parameters
    ----------
    detections
        Columns ``ra``, ``dec``, ``midpointMjdTai``, ``visit`` and
        ``is_injected``, each of shape (N,).
    radius_arcsec
        Largest separation of a detection from the mean position of an object.

    Returns
    -------
    owner : `numpy.ndarray`
        Object of each detection, int64, shape (N,); -1 for none.

    Notes
    -----
    Injections lie beside galaxies, as supernovae do, and are drawn anew for each
    visit.  Were they matched with the rest, one of them would sooner or later
    fall on every transient, and no object with an injection can be confirmed.
    """
    injected = np.asarray(detections["is_injected"], dtype=bool)
    sky = [np.asarray(detections[name]) for name in ("ra", "dec", "midpointMjdTai", "visit")]
    owner = np.full(len(injected), -1, np.int64)
    owner[~injected] = associate(*(column[~injected] for column in sky), radius_arcsec=radius_arcsec)
    single = np.flatnonzero(injected & np.all(np.isfinite(np.stack(sky[:3])), axis=0))
    owner[single] = owner.max(initial=-1) + 1 + np.arange(len(single))
    return owner


def object_tables(
    epochs: Mapping[str, np.ndarray],
    owner: npt.NDArray[np.int64],
    *,
    names: npt.NDArray[np.int64],
    owned: npt.NDArray[np.bool_],
    evidence: EvidenceModel,
    rule: ConfirmationRule,
    night_offset: float = 0.0,
    hosts: Mapping[str, np.ndarray] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> tuple[Table, Table]:
    """Make ``transient_objects`` and ``transient_light_curves``.

    Parameters
    ----------
    epochs
        Columns of detections and forced photometry as
        `~lsst.transient.bogus.epochs.gather_detections` and
        `~lsst.transient.bogus.epochs.join_forced` give them, each of shape (N,).
    owner
        Object of each epoch, shape (N,); -1 for none.
    names
        ``diaObjectId`` of each object, shape (M,).
    owned
        Objects that are wanted, bool, shape (M,).
    evidence
        How scores are combined.
    rule
        What is confirmed.
    night_offset
        East longitude of the site in days.
    hosts
        Host columns of all objects, as `~lsst.transient.bogus.nearest_hosts.nearest_hosts`
        gives them, each of shape (M,); unknown if `None`.
    meta
        Further metadata (JSON types only) of both tables.

    Returns
    -------
    objects : `astropy.table.Table`
        A row per wanted object, in order of ``diaObjectId``.
    light_curves : `astropy.table.Table`
        A row per epoch of these objects, in order of object and time.
    """
    wanted = np.flatnonzero(owned)
    wanted = wanted[np.argsort(names[wanted], kind="stable")]
    place = np.full(len(names) + 1, -1, np.int64)
    place[wanted] = np.arange(len(wanted))
    # The last place stands for owner -1.
    target = place[owner]
    rows = np.flatnonzero(target >= 0)
    rows = rows[np.lexsort((*(epochs[name][rows] for name in _TIES), target[rows]))]
    target = target[rows]
    chosen = {name: column[rows] for name, column in epochs.items()}
    chosen["night"] = nights(chosen["midpointMjdTai"], offset=night_offset)
    columns = object_statistics(chosen, target, n_objects=len(wanted), evidence=evidence, rule=rule)
    both = {"CONFIRMATION_RULE": str(rule), "EVIDENCE_MODEL": str(evidence), **(meta or {})}
    columns |= {name: column[wanted] for name, column in (hosts or no_hosts(len(names))).items()}
    columns |= _truth(chosen, target, len(wanted))
    objects = OBJECTS.build(
        {"diaObjectId": names[wanted], **columns, "is_confirmed": rule.holds(columns)}, meta=both
    )
    declared = {name: chosen[name] for name in LIGHT_CURVES.names if name in chosen}
    return objects, LIGHT_CURVES.build({"diaObjectId": names[wanted][target], **declared}, meta=both)


def _truth(epochs: Mapping[str, np.ndarray], owner: npt.NDArray[np.int64], n: int) -> dict[str, np.ndarray]:
    """Return the injection that each object is: the first of its detections that is one."""
    rows = np.flatnonzero(epochs["truth_injection_id"] != 0)
    rows = rows[np.unique(owner[rows], return_index=True)[1]]
    columns = {
        "truth_injection_id": np.zeros(n, np.int64),
        "truth_mag": np.full(n, np.nan),
        "truth_separation": np.full(n, np.nan),
    }
    for name, column in columns.items():
        column[owner[rows]] = epochs[name][rows]
    return columns
