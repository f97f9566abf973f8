# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and offsets of injections on a simulated survey: are they those of its supernovae?

python benchmarks/host_realism.py demo/repo transient_bogus
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np
from astropy.table import Table
from scipy import stats
from scipy.spatial import KDTree

from lsst.daf.butler import Butler
from lsst.transient.bogus.hosts import ellipses_from_moments
from lsst.transient.bogus.injection_laws import draw_offsets
from lsst.transient.bogus.sphere import arcsec_to_chord, unit_vectors
from lsst.transient.bogus.standalone.simulate import Survey, load_config, plan_survey
from lsst.transient.bogus.tasks.host_catalog_config import GalaxyHostCatalogConfig
from lsst.transient.bogus.tasks.host_selection import can_host, pick_columns, select_flags

REACH = 0.8
"""Largest distance of a source from the galaxy or star that it is, in arcsec."""
LAWS = ("signed_normal", "elliptical_normal", "light")


@dataclasses.dataclass(frozen=True)
class Truth:
    """What there is on the sky: the nearest galaxy and star of any position."""

    survey: Survey
    galaxies: KDTree
    stars: KDTree

    @classmethod
    def of(cls, survey: Survey) -> Truth:
        """Make the trees of a survey."""
        trees = (KDTree(unit_vectors(o.ra, o.dec)) for o in (survey.galaxies, survey.stars))
        return cls(survey, *trees)

    def galaxy_of(self, sources: Table) -> np.ndarray:
        """Return the number of the galaxy that each source is, -1 if it is none."""
        where = unit_vectors(sources["ra"], sources["dec"])
        (near, number), (other, _) = self.galaxies.query(where), self.stars.query(where)
        return np.where((near < arcsec_to_chord(REACH)) & (near < other), number, -1)


def hosts_of(sources: Table, config: GalaxyHostCatalogConfig) -> np.ndarray:
    """Tell which sources a configuration takes for hosts."""
    columns = pick_columns(sources, {q: config.columns[q] for q in config.source_quantities()}, "sources")
    moments = (columns["ixx"], columns["iyy"], columns["ixy"])
    return can_host(columns, moments, config) & select_flags(sources, config.badFlags, config.goodFlags)[0]


def purity(tables: list[Table], truth: Truth) -> None:
    """Print how many hosts are galaxies, for several selections."""
    write(("minSnr", "minSizeRatio", "hosts", "galaxies", "share"))
    galaxies = [truth.galaxy_of(t) for t in tables]
    for snr in (5.0, 10.0):
        for ratio in (0.0, 1.1, 1.2):
            config = GalaxyHostCatalogConfig(minSnr=snr, minSizeRatio=ratio)
            chosen = [hosts_of(t, config) for t in tables]
            n = sum(int(c.sum()) for c in chosen)
            good = sum(int(np.sum(c & (g >= 0))) for c, g in zip(chosen, galaxies, strict=True))
            write((snr, ratio, n / len(tables), good / len(tables), good / max(n, 1)))


def offsets(tables: list[Table], truth: Truth, rng: np.random.Generator, repeats: int = 20) -> None:
    """Print offsets of each law beside those of the survey's supernovae, for the same hosts."""
    config = GalaxyHostCatalogConfig(minSnr=5.0)
    scale, galaxies = truth.survey.config.pixel_scale, truth.survey.galaxies
    axes, numbers = [], []
    for table in tables:
        number = truth.galaxy_of(table)
        rows = hosts_of(table, config) & (number >= 0)
        axes.append(ellipses_from_moments(table["ixx"][rows], table["iyy"][rows], table["ixy"][rows]))
        numbers.append(number[rows])
    a, b = (
        np.tile(scale * np.concatenate([getattr(e, n) for e in axes]), repeats)
        for n in ("semi_major", "semi_minor")
    )
    host = np.tile(np.concatenate(numbers), repeats)
    drawn = {law: np.hypot(*draw_offsets(law, a, b, sersic_index=1.0, rng=rng)) for law in LAWS}
    # The simulation puts supernovae along an exponential disc of the true size and shape, whose moment along
    # an axis is three squared scale lengths.
    length, along = galaxies.half_light_radius[host] / 1.678, np.sqrt(galaxies.axis_ratio[host])
    disc = np.sqrt(3.0) * length / along, np.sqrt(3.0) * length * along
    true = np.hypot(*draw_offsets("light", *disc, sersic_index=1.0, rng=rng))
    write(("law", "25 % [as]", "50 % [as]", "75 % [as]", "KS"))
    for law, values in {"supernovae": true, **drawn}.items():
        distance = stats.ks_2samp(values, true).statistic
        write((law, *np.percentile(values, (25, 50, 75)), distance))


def write(values: tuple[float | str, ...]) -> None:
    """Write a line of a table."""
    sys.stdout.write(" ".join(f"{v:>18}" if isinstance(v, str) else f"{v:>18.3g}" for v in values) + "\n")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repo")
    parser.add_argument("collection")
    parser.add_argument("--preset", default="demo", help="preset that the survey was simulated with")
    parser.add_argument("--config", type=Path, help="file that it was simulated with")
    arguments = parser.parse_args()
    truth = Truth.of(plan_survey(load_config(arguments.config, preset=arguments.preset)))
    with Butler.from_config(arguments.repo, collections=arguments.collection) as butler:
        tables = [butler.get(ref) for ref in sorted(butler.query_datasets("source_detector", limit=None))]
    sys.stdout.write(f"{len(tables)} detectors and visits; hosts and galaxies for each\n")
    purity(tables, truth)
    offsets(tables, truth, np.random.default_rng(1))


if __name__ == "__main__":
    main()
