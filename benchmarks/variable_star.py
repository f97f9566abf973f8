# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The light curve of a known variable in processed frames, and what became of the constant stars.

    python benchmarks/variable_star.py REPO COLLECTION --ra 273.8698 --dec -25.2882 [--first MJD --last MJD]

The light curve is that of the object nearest to the position between two times.  The templates of
visits are not the same and hold the variable at different levels: the flux is that of the detection on
the difference plus that on its template.  How monotonic it is, is told by Spearman's coefficient and by
the scatter about the best monotonic curve; how smooth, by the scatter about a line through the
neighbours of each epoch.
Constant stars are sources found in at least half of the visits; candidates on one of them, other than
the variable, are counted.
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
MIN_EPOCHS = 4


def read(butler: Butler, name: str, columns: list[str] | None = None) -> Table:
    """Return all datasets of a type as one table."""
    refs = butler.query_datasets(name, find_first=True, limit=None)
    return vstack(
        [butler.get(r, parameters=table_parameters(columns)) for r in refs], metadata_conflicts="silent"
    )


def about_monotonic(flux: NDArray, error: NDArray) -> NDArray:
    """Return the residuals from the best rising or falling curve."""
    fits = [isotonic_regression(flux, weights=error**-2.0, increasing=way).x for way in (True, False)]
    return min((flux - fit for fit in fits), key=lambda r: float(np.sum((r / error) ** 2)))


def about_neighbours(time: NDArray, flux: NDArray) -> NDArray:
    """Return the residuals of all but the ends from the line through the epochs before and after.

    They are scaled to the noise of a single epoch, were all errors the same.
    """
    share = (time[1:-1] - time[:-2]) / (time[2:] - time[:-2])
    between = (1 - share) * flux[:-2] + share * flux[2:]
    return (flux[1:-1] - between) / np.sqrt(1 + share**2 + (1 - share) ** 2)


def total_flux(butler: Butler, curve: Table) -> Table:
    """Return the detections of a light curve with the flux on the template added."""
    sources = read(butler, "dia_source_detector", ["diaSourceId", "templateFlux"])
    level = dict(zip(sources["diaSourceId"].tolist(), sources["templateFlux"].tolist(), strict=True))
    detected = curve[~np.asarray(curve["is_forced"], dtype=bool)]
    detected["psfFlux"] += np.array([level[name] for name in detected["diaSourceId"].tolist()])
    detected.sort("midpointMjdTai")
    return detected


def describe(curve: Table, first: float, last: float) -> list[str]:
    """Return lines about the light curve of one object, band by band."""
    lines = []
    bands = np.asarray(curve["band"], dtype=str)
    inside = (
        (curve["midpointMjdTai"] >= first) & (curve["midpointMjdTai"] <= last) & np.isfinite(curve["psfFlux"])
    )
    for band in np.unique(bands):
        rows = curve[inside & (bands == band)]
        time, flux, error = (
            np.asarray(rows[name], dtype=float) for name in ("midpointMjdTai", "psfFlux", "psfFluxErr")
        )
        if len(time) < MIN_EPOCHS:
            lines.append(f"band {band}: {len(time)} detections are too few for a curve")
            continue
        lines.append(
            f"band {band}: {len(rows)} detections in {len(np.unique(rows['night']))} nights, "
            f"MJD {time.min():.1f} to {time.max():.1f}, "
            f"flux {flux.max():.3g} to {flux.min():.3g} nJy, median error {np.median(error):.2g} nJy"
        )
        rho = spearmanr(time, flux)
        lines.append(f"  Spearman's coefficient with time {rho.statistic:+.3f} (p = {rho.pvalue:.1e})")
        for name, residual in (
            ("the best monotonic curve", about_monotonic(flux, error)),
            ("a line through the neighbours", about_neighbours(time, flux)),
        ):
            scatter, robust = residual.std(), 1.4826 * np.median(np.abs(residual))
            lines.append(
                f"  scatter about {name}: {scatter:.2g} nJy (robust {robust:.2g}), "
                f"{100 * scatter / np.ptp(flux):.1f} % of the range, "
                f"{100 * scatter / flux.mean():.1f} % of the mean"
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
    parser.add_argument("--first", type=float, default=-np.inf, help="first MJD of the light curve")
    parser.add_argument("--last", type=float, default=np.inf, help="last MJD of the light curve")
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
        curve = total_flux(butler, curves[curves["diaObjectId"] == row["diaObjectId"]])
        write(
            f"object {row['diaObjectId']}: {row['n_detections']} detections in {row['n_nights']} nights, "
            f"{row['n_nights_supporting']} support it, probability {row['probability']:.4f} (scores "
            f"{row['score_log_ratio']:+.1f}, light curve {row['curve_log_ratio']:+.1f}, positions "
            f"{row['position_log_ratio']:+.1f}), {'' if row['is_confirmed'] else 'not '}confirmed\n"
        )
        write("\n".join(describe(curve, arguments.first, arguments.last)) + "\n")
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
