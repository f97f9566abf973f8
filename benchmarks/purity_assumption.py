# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the label-free estimates fail where real detections do not score like injections.

    python benchmarks/purity_assumption.py --surveys 200

Scores are drawn, nothing is trained: 16 visits whose quality shifts the scores of what is
real, 3000 unlabelled detections of which 5 % are real, 800 injections.  A fraction of the
real detections scores like bogus, as if the networks had never seen their kind; or real
detections are fainter than injections, with and without strata of significance.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import numpy as np

from lsst.transient.bogus.purity import LabelFreeRates, label_free_rates

N_VISITS, N_UNLABELLED, N_INJECTED, ALPHA, THRESHOLD = 16, 3000, 800, 0.05, 0.5


def draw(seed: int, *, alien: float, fainter: float, n_strata: int) -> tuple[LabelFreeRates, float, float]:
    """Draw a survey; return its estimates, its true contamination and its true purity.

    Parameters
    ----------
    seed
        Seed.
    alien
        Fraction of the real detections that scores like bogus.
    fainter
        By how much the mean log significance of real detections is below that of injections.
    n_strata
        Strata of significance that the estimate uses.
    """
    rng = np.random.default_rng(seed)
    quality = rng.normal(0.0, 0.35, N_VISITS)
    visits = [rng.integers(0, N_VISITS, n) for n in (N_UNLABELLED, N_INJECTED)]
    real = rng.random(N_UNLABELLED) < ALPHA
    brightness = [rng.normal(0.0, 1.0, n) for n in (N_UNLABELLED, N_INJECTED)]
    brightness[0][real] -= fainter
    bogus_like = ~real | (rng.random(N_UNLABELLED) < alien)
    logits = [
        2.0 + 1.2 * (b + rng.normal(0.0, 0.7, len(b))) + quality[v]
        for b, v in zip(brightness, visits, strict=True)
    ]
    logits[0] = np.where(bogus_like, rng.normal(-3.0, 1.5, N_UNLABELLED), logits[0])
    unlabelled, injected = (1.0 / (1.0 + np.exp(-z)) for z in logits)
    edges = np.quantile(brightness[1], np.linspace(0, 1, n_strata + 1)[1:-1])
    strata = [np.searchsorted(edges, b) for b in brightness]
    rates = label_free_rates(
        unlabelled,
        injected,
        THRESHOLD,
        group_unlabelled=visits[0],
        group_injected=visits[1],
        stratum_unlabelled=strata[0],
        stratum_injected=strata[1],
        rng=rng,
        n_resamples=200,
    )
    return rates, float(real.mean()), float(real[unlabelled >= THRESHOLD].mean())


def summarise(n_surveys: int, survey: Callable[[int], tuple[LabelFreeRates, float, float]]) -> str:
    """Return the mean ratios of estimate and truth, and the shares of intervals that hold the truth."""
    rows = []
    for seed in range(n_surveys):
        rates, alpha, purity = survey(seed)
        rows.append(
            (
                rates.alpha.value / alpha,
                rates.alpha.low <= alpha <= rates.alpha.high,
                rates.purity.value / purity,
                rates.purity.low <= purity <= rates.purity.high,
            )
        )
    a, a_covered, p, p_covered = np.mean(rows, axis=0)
    return f"{a:8.2f} {100 * a_covered:7.0f} % {p:8.2f} {100 * p_covered:7.0f} %"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--surveys", type=int, default=200)
    n = parser.parse_args().surveys
    out = sys.stdout
    out.write(f"{'':46s} {'α̂/α':>8s} {'covered':>9s} {'purity':>8s} {'covered':>9s}\n")
    cases = [("like injections", 0.0, 0.0, 1)]
    cases += [(f"{100 * f:.0f} % of the real score like bogus", f, 0.0, 1) for f in (0.1, 0.25, 0.5)]
    for fainter in (0.5, 1.0):
        cases += [(f"real fainter by {fainter:g} σ, {k} strata", 0.0, fainter, k) for k in (1, 3)]
    for name, alien, fainter, n_strata in cases:
        text = summarise(
            n, lambda seed, a=alien, f=fainter, k=n_strata: draw(seed, alien=a, fainter=f, n_strata=k)
        )
        out.write(f"{name:46s} {text}\n")


if __name__ == "__main__":
    main()
