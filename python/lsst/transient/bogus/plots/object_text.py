# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What figures and pages say about an object."""

from __future__ import annotations

__all__ = ("evidence_text", "host_text")

from collections.abc import Mapping
from typing import Any

from astropy.table import Row


def host_text(summary: Row | Mapping[str, Any]) -> str:
    """Say which galaxy an object lies in.

    Parameters
    ----------
    summary
        Row of ``transient_objects``.

    Returns
    -------
    text : `str`
        Magnitude of the host, offset in arcsec and in radii of the host.
    """
    if not summary["host_id"]:
        return "no host known"
    return (
        f"host {summary['host_mag']:.1f} mag, {summary['host_offset']:.1f}″ away, "
        f"{summary['host_normalized_offset']:.1f} of its radii"
    )


def evidence_text(summary: Row | Mapping[str, Any]) -> str:
    """Say what the probability of an object rests on.

    Parameters
    ----------
    summary
        Row of ``transient_objects``.

    Returns
    -------
    text : `str`
        Log likelihood ratio of scores and light curve.
    """
    return (
        f"log likelihood ratio {summary['log_likelihood_ratio']:.1f}: "
        f"scores {summary['score_log_ratio']:.1f}, light curve {summary['curve_log_ratio']:.1f}"
    )
