# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The light curve of a known variable in processed frames, and what became of the constant stars.

    python benchmarks/variable_star.py REPO COLLECTION --ra 273.8698 --dec -25.2882

The light curve is that of the object nearest to the position: nightly means of its detections and
forced fluxes, the fluxes of each template's level.  How monotonic it is, is told by Spearman's
coefficient and by the scatter about the best monotonic curve; how smooth, by the scatter about a
cubic.  Constant stars are sources found in at least half of the visits; candidates on one of them,
other than the variable, are counted.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from astropy.table import Table, vstack
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import spearmanr

from lsst.daf.butler import Butler
from lsst.transient.bogus.association import associate, mean_positions
from lsst.transient.bogus.handles import table_parameters
from lsst.transient.bogus.matching import pairs_within
from lsst.transient.bogus.sphere import separation_arcsec

RADIUS = 1.0
MIN_POINTS_OF_CUBIC = 6


def read(butler: Butler, name: str, columns: list[str] | None = None) -> Table:
    """Return all datasets of a type as one table."""
    refs = butler.query_datasets(name, find_first=True, limit=None)
    return vstack(
        [butler.get(r, parameters=table_parameters(columns)) for r in refs], metadata_conflicts="silent"
    )


def nightly(curve: Table) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return time, mean flux, its error and the scatter within the night of one band."""
    _, owner = np.unique(np.asarray(curve["night"]), return_inverse=True)
    flux, weight = (
        np.asarray(curve["psfFlux"], dtype=float),
        np.asarray(curve["psfFluxErr"], dtype=float) ** -2.0,
    )
    total = np.bincount(owner, weights=weight)
    mean = np.bincount(owner, weights=weight * flux) / total
    time = np.bincount(owner, weights=weight * np.asarray(curve["midpointMjdTai"])) / total
    n = np.bincount(owner)
    squares = np.bincount(owner, weights=(flux - mean[owner]) ** 2)
    scatter = np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)
    # A night's frames share what is wrong with its calibration, but not their noise.
    return time, mean, np.fmax(total**-0.5, scatter / np.sqrt(n)), scatter


def about_monotonic(flux: NDArray, error: NDArray) -> NDArray:
    """Return the residuals from the best rising or falling curve."""
    fits = [isotonic_regression(flux, weights=error**-2.0, increasing=way).x for way in (True, False)]
    return min((flux - fit for fit in fits), key=lambda r: float(np.sum((r / error) ** 2)))


def about_cubic(time: NDArray, flux: NDArray, error: NDArray) -> NDArray:
    """Return the residuals from a cubic."""
    scaled = (time - time.mean()) / max(float(np.ptp(time)), 1e-9)
    return flux - np.polyval(np.polyfit(scaled, flux, 3, w=1.0 / error), scaled)


def describe(curve: Table) -> list[str]:
    """Return lines about the light curve of one object, band by band."""
    lines = []
    usable = (
        (np.asarray(curve["psfFluxErr"]) > 0)
        & np.isfinite(curve["psfFlux"])
        & ~np.asarray(curve["is_injected"])
    )
    for band in np.unique(np.asarray(curve["band"], dtype=str)):
        rows = curve[usable & (np.asarray(curve["band"], dtype=str) == band)]
        time, flux, error, scatter = nightly(rows)
        forced = int(np.count_nonzero(rows["is_forced"]))
        lines.append(
            f"band {band}: {len(rows)} epochs ({forced} forced) in {len(time)} nights, "
            f"MJD {time.min():.1f} to {time.max():.1f}, nightly flux {flux.max():.0f} to {flux.min():.0f} nJy"
        )
        if len(time) < MIN_POINTS_OF_CUBIC:
            lines.append("  too few nights for a smooth curve")
            continue
        reach = float(np.ptp(flux))
        rho = spearmanr(time, flux)
        lines.append(f"  Spearman's coefficient with time {rho.statistic:+.3f} (p = {rho.pvalue:.1e})")
        for name, residual in (
            ("monotonic curve", about_monotonic(flux, error)),
            ("cubic", about_cubic(time, flux, error)),
        ):
            lines.append(
                f"  scatter about the best {name}: {residual.std():.0f} nJy, "
                f"{100 * residual.std() / reach:.1f} % of the range, "
                f"{np.sqrt(np.mean((residual / error) ** 2)):.2f} errors"
            )
        lines.append(
            f"  median scatter within a night {np.nanmedian(scatter):.0f} nJy, median error "
            f"{np.median(rows['psfFluxErr']):.0f} nJy"
        )
    return lines


def constant_stars(butler: Butler) -> tuple[NDArray, NDArray, int]:
    """Return positions of the sources that are in at least half of the visits, and the number of visits."""
    columns = ["sourceId", "visit", "ra", "dec"]
    sources = read(butler, "source_detector", columns)
    visit = np.asarray(sources["visit"])
    index = associate(sources["ra"], sources["dec"], visit * 1.0, visit, radius_arcsec=RADIUS)
    ra, dec, n = mean_positions(sources["ra"], sources["dec"], index)
    n_visits = len(np.unique(visit))
    often = n >= 0.5 * n_visits
    return ra[often], dec[often], n_visits


def main() -> None:
    """Print what became of the variable and of the constant stars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repo")
    parser.add_argument("collection")
    parser.add_argument("--ra", type=float, required=True, help="of the variable, in degrees")
    parser.add_argument("--dec", type=float, required=True, help="of the variable, in degrees")
    arguments = parser.parse_args()
    butler = Butler.from_config(arguments.repo, collections=arguments.collection.split(","))
    objects, curves = read(butler, "transient_objects"), read(butler, "transient_light_curves")
    objects = objects[np.asarray(objects["n_injected"]) == 0]
    distance = separation_arcsec(objects["ra"], objects["dec"], arguments.ra, arguments.dec)
    near = np.flatnonzero(distance < RADIUS)
    near = near[np.argsort(-np.asarray(objects["n_detections"])[near], kind="stable")]
    ra, dec, n_visits = constant_stars(butler)
    write = sys.stdout.write
    write(
        f"{len(objects)} objects without injections in {n_visits} visits; "
        f"{len(near)} within {RADIUS} arcsec\n"
    )
    for i in near[:1]:
        row = objects[i]
        write(
            f"object {row['diaObjectId']}: {row['n_detections']} detections in {row['n_nights']} nights, "
            f"{row['n_nights_supporting']} support it, probability {row['probability']:.4f} (scores "
            f"{row['score_log_ratio']:+.1f}, light curve {row['curve_log_ratio']:+.1f}, positions "
            f"{row['position_log_ratio']:+.1f}), {'' if row['is_confirmed'] else 'not '}confirmed\n"
        )
        write("\n".join(describe(curves[curves["diaObjectId"] == row["diaObjectId"]])) + "\n")
    confirmed = np.asarray(objects["is_confirmed"], dtype=bool)
    others = np.flatnonzero(confirmed & (distance >= RADIUS))
    on_star, star, _ = pairs_within(
        objects["ra"][others], objects["dec"][others], ra, dec, radius_arcsec=RADIUS
    )
    write(
        f"{len(others)} other confirmed candidates, {len(np.unique(on_star))} of them on "
        f"one of the {len(ra)} stars that are in at least half of the visits ({len(np.unique(star))} stars)\n"
    )


if __name__ == "__main__":
    main()
