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

Stars are sources found in at least half of the visits; candidates on one of them, other than the
variable, are listed.  Whether a star is constant is told by its fluxes on the visits themselves, which
know nothing of templates and differences: each visit is brought to the median of all stars, and the
highest peak of the Lomb-Scargle periodogram (periods of an hour to five days) is given with its
false-alarm probability (Baluev 2008), which must be below one in a million for each star to be a
variable.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys

import numpy as np
from astropy.table import Table, vstack
from astropy.timeseries import LombScargle
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
FREQUENCIES = (0.2, 24.0)  # 1/d
MAX_FALSE_ALARM = 1e-6  # of one star
FLOOR = 0.02  # mag: error of the photometry of bright stars


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


@dataclasses.dataclass(frozen=True)
class Stars:
    """Sources that are in at least half of the visits.

    Parameters
    ----------
    ra, dec
        Positions in degrees, shape (M,).
    time
        MJD of each visit, shape (V,).
    magnitude, error
        Of each star in each visit, about the star's and the visit's medians; NaN where there is none,
        shape (M, V).
    """

    ra: NDArray
    dec: NDArray
    time: NDArray
    magnitude: NDArray
    error: NDArray

    @classmethod
    def read(cls, butler: Butler, curves: Table) -> Stars:
        """Read the sources of the visits as they are; light curves tell the times."""
        sources = read(butler, "source_detector", ["sourceId", "visit", "ra", "dec", "psfFlux", "psfFluxErr"])
        times = dict(zip(curves["visit"].tolist(), curves["midpointMjdTai"].tolist(), strict=True))
        visits, place = np.unique(np.asarray(sources["visit"]), return_inverse=True)
        star = associate(
            sources["ra"], sources["dec"], place * 1.0, np.asarray(sources["visit"]), radius_arcsec=RADIUS
        )
        ra, dec, n = mean_positions(sources["ra"], sources["dec"], star)
        flux = np.full((2, len(n), len(visits)), np.nan)
        known = star >= 0
        for values, name in zip(flux, ("psfFlux", "psfFluxErr"), strict=True):
            values[star[known], place[known]] = sources[name][known]
        often = n >= 0.5 * len(visits)
        value, error = np.where(flux[0] > 0, flux, np.nan)[:, often]
        magnitude = -2.5 * np.log10(value)
        for _ in range(3):
            magnitude -= np.nanmedian(magnitude, axis=1, keepdims=True)
            magnitude -= np.nanmedian(magnitude, axis=0)
        time = np.array([times.get(visit, np.nan) for visit in visits.tolist()])
        return cls(ra[often], dec[often], time, magnitude, np.hypot(error / value * 2.5 / np.log(10), FLOOR))

    def period(self, star: int) -> tuple[float, float]:
        """Return the best period of a star in days, and its false-alarm probability."""
        use = np.isfinite(self.magnitude[star]) & np.isfinite(self.time)
        periodogram = LombScargle(self.time[use], self.magnitude[star, use], self.error[star, use])
        frequency, power = periodogram.autopower(
            minimum_frequency=FREQUENCIES[0], maximum_frequency=FREQUENCIES[1], samples_per_peak=10
        )
        best = int(power.argmax())
        return 1.0 / frequency[best], float(periodogram.false_alarm_probability(power[best]))


def describe_candidates(objects: Table, stars: Stars) -> list[str]:
    """Return lines about candidates on stars, and how many of these stars do not vary by themselves."""
    on_star, star, _ = pairs_within(objects["ra"], objects["dec"], stars.ra, stars.dec, radius_arcsec=RADIUS)
    periods, chances = np.array([stars.period(k) for k in range(len(stars.ra))]).T
    constant = chances > MAX_FALSE_ALARM
    lines = [
        f"{len(stars.ra)} stars are in at least half of the visits, {constant.sum()} of them constant there "
        f"(false-alarm probability of a period above {MAX_FALSE_ALARM:g})"
    ]
    for i, k in zip(on_star, star, strict=True):
        rank = 1 + int((chances < chances[k]).sum())
        lines.append(
            f"candidate {objects['diaObjectId'][i]} ({objects['ra'][i]:.5f} {objects['dec'][i]:+.5f}) is on "
            f"a star with a period of {periods[k]:.4f} d in the visits themselves, false-alarm probability "
            f"{chances[k]:.1e}: the {rank}. smallest of all stars"
        )
    lines.append(
        f"{len(objects)} other confirmed candidates, {len(np.unique(on_star))} of them on a star, "
        f"{len(np.unique(on_star[constant[star]]))} on a constant one"
    )
    return lines


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
    stars = Stars.read(butler, curves)
    write = sys.stdout.write
    write(
        f"{len(objects)} objects without injections in {len(stars.time)} visits; "
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
    write("\n".join(describe_candidates(objects[confirmed & (distance >= RADIUS)], stars)) + "\n")


if __name__ == "__main__":
    main()
