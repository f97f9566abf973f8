# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Are the label-free estimates unbiased, and do their intervals hold the truth?  Scores are drawn.

    python benchmarks/purity_mixtures.py --surveys 300
    python benchmarks/purity_mixtures.py --surveys 20 --largest

A survey is 16 visits whose quality shifts the scores of what is real and whose numbers of
bogus differ by a third.  Real detections and injections are normal in a hidden quantity, 1 wide
and 3.5 from the bogus, which are normal (equally wide, or 1.3 times as wide), normal with a
tenth of hard cases 1.5 nearer, or logistic.  The score is the likelihood ratio in that
quantity, with errors of 0.3 in its logarithm: what a good network learns.  Each row gives, over
the surveys, mean and scatter of estimate / truth, and how often the 68 % interval holds the
truth of the survey, for the contamination and for the purity at the score that 90 % of the
injections reach.  The last rows have scores that are not what is assumed: logits that are bent,
saturated, or half as steep.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys

import numpy as np

from lsst.transient.bogus.purity import label_free_rates

N_VISITS = 16
SEPARATION = 3.5
BOGUS = ("normal", "wide", "hard", "logistic")


@dataclasses.dataclass(frozen=True)
class Case:
    """A kind of survey.

    Parameters
    ----------
    bogus
        Distribution of the bogus, one of `BOGUS`.
    n_unlabelled
        Unlabelled detections.
    n_injected
        Detected injections.
    alpha
        Expected fraction of the unlabelled that is real.
    visit_scatter
        Scatter of the hidden quantity of real detections between visits.
    fainter
        By how much real detections are fainter than injections, in standard deviations.
    covariate
        Whether the estimate knows the brightness.
    alien
        Fraction of the real detections that scores like bogus.
    lookalike
        Bogus that scores like injections, as a fraction of the unlabelled.
    distortion
        What is done to the logit: nothing, ``bent``, ``saturated`` or ``flat``.
    separation
        Distance of real and bogus.
    """

    bogus: str = "normal"
    n_unlabelled: int = 3000
    n_injected: int = 300
    alpha: float = 0.05
    visit_scatter: float = 0.3
    fainter: float = 0.0
    covariate: bool = False
    alien: float = 0.0
    lookalike: float = 0.0
    distortion: str = ""
    separation: float = SEPARATION


def draw_bogus(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the hidden quantity of bogus."""
    match kind:
        case "wide":
            return rng.normal(0.0, 1.3, n)
        case "hard":
            return np.where(rng.random(n) < 0.1, rng.normal(1.5, 1.0, n), rng.normal(-1.0, 1.0, n))
        case "logistic":
            return rng.logistic(-0.5, 0.7, n)
    return rng.normal(0.0, 1.0, n)


def log_bogus(kind: str, z: np.ndarray) -> np.ndarray:
    """Return the log density of the hidden quantity of bogus, but for a constant."""

    def normal(mean: float, sigma: float) -> np.ndarray:
        return np.exp(-0.5 * ((z - mean) / sigma) ** 2) / sigma / np.sqrt(2 * np.pi)

    match kind:
        case "wide":
            return np.log(normal(0.0, 1.3))
        case "hard":
            return np.log(0.1 * normal(1.5, 1.0) + 0.9 * normal(-1.0, 1.0))
        case "logistic":
            u = np.abs((z + 0.5) / 0.7)
            return -u - 2 * np.log1p(np.exp(-u)) - np.log(0.7)
    return np.log(normal(0.0, 1.0))


def distorted(logit: np.ndarray, kind: str) -> np.ndarray:
    """Return logits that are no longer the likelihood ratio."""
    match kind:
        case "bent":
            return np.where(logit > 0, logit, 0.5 * logit) + 0.02 * logit * np.abs(logit)
        case "saturated":
            return 4.0 * np.tanh(logit / 4.0)
        case "flat":
            return 0.5 * logit
    return logit


def measure(case: Case, seed: int) -> tuple[float, bool, float, bool]:
    """Draw a survey; return estimate / truth and whether the interval holds it, for α and purity."""
    rng = np.random.default_rng(seed)
    sizes = (case.n_unlabelled, case.n_injected)
    quality = rng.normal(0.0, case.visit_scatter, N_VISITS)
    share = rng.dirichlet(np.full(N_VISITS, 9.0))
    visits = rng.choice(N_VISITS, sizes[0], p=share), rng.integers(0, N_VISITS, sizes[1])
    real = rng.random(sizes[0]) < case.alpha
    brightness = [rng.normal(0.0, 1.0, n) for n in sizes]
    brightness[0][real] -= case.fainter
    hidden = [
        case.separation + 0.5 * b + rng.normal(0.0, 0.87, len(b)) + quality[v]
        for b, v in zip(brightness, visits, strict=True)
    ]
    like_bogus = ~real | (rng.random(sizes[0]) < case.alien)
    like_bogus &= real | (rng.random(sizes[0]) >= case.lookalike)
    hidden[0] = np.where(like_bogus, draw_bogus(case.bogus, sizes[0], rng), hidden[0])
    width = np.hypot(1.0, case.visit_scatter)
    logits = [
        distorted(
            np.clip(
                -0.5 * ((z - case.separation) / width) ** 2
                - np.log(width)
                - 0.919
                - log_bogus(case.bogus, z),
                -18.0,
                18.0,
            )
            + rng.normal(0.0, 0.3, len(z)),
            case.distortion,
        )
        for z in hidden
    ]
    unlabelled, injected = (1.0 / (1.0 + np.exp(-z)) for z in logits)
    threshold = float(np.quantile(injected, 0.1))
    covariates = [b[:, None] if case.covariate else np.zeros((len(b), 0)) for b in brightness]
    rates = label_free_rates(
        unlabelled,
        injected,
        threshold,
        group_unlabelled=visits[0],
        group_injected=visits[1],
        covariates_unlabelled=covariates[0],
        covariates_injected=covariates[1],
        rng=rng,
        n_resamples=150,
    )
    selected = unlabelled >= threshold
    truths = float(real.mean()), float(real[selected].mean()) if selected.any() else np.nan
    result: list[float | bool] = []
    for estimate, truth in zip((rates.alpha, rates.purity), truths, strict=True):
        result += [estimate.value / truth if truth else np.nan, estimate.low <= truth <= estimate.high]
    return tuple(result)  # type: ignore[return-value]


def row(case: Case, n_surveys: int) -> str:
    """Return a line of the table."""
    results = np.array([measure(case, seed) for seed in range(n_surveys)], dtype=float)
    cells = ""
    for ratio, covered in (results[:, :2].T, results[:, 2:].T):
        cells += f"{np.nanmean(ratio):8.2f} ± {np.nanstd(ratio):4.2f} {100 * covered.mean():6.0f} %"
    return cells


HEADER = f"{'':44s} {'α̂ / α':>15s} {'covered':>8s} {'purity / true':>15s} {'covered':>8s}\n"


def cases(largest: bool) -> dict[str, Case]:
    """Return the cases by their description."""
    if largest:
        return {"100000 unlabelled, 5000 injected, α = 1 %": Case("wide", 100_000, 5000, 0.01)}
    sizes = ((1000, 100, 0.1), (1000, 100, 0.03), (3000, 300, 0.05), (3000, 1000, 0.01), (10_000, 1000, 0.05))
    table = {
        f"{bogus}, {n_u} unlabelled, {n_i} injected, {100 * a:g} %": Case(bogus, n_u, n_i, a)
        for bogus in BOGUS
        for n_u, n_i, a in sizes
    }
    table |= {f"wide, separation {d}": Case("wide", separation=d) for d in (2.5, 3.0, 4.5)}
    table |= {f"wide, scatter of visits {s}": Case("wide", visit_scatter=s) for s in (0.0, 0.6)}
    table |= {f"wide, logit {d}": Case("wide", distortion=d) for d in ("bent", "saturated", "flat")}
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--surveys", type=int, default=300)
    parser.add_argument("--largest", action="store_true", help="Only the largest survey.")
    arguments = parser.parse_args()
    sys.stdout.write(HEADER)
    for name, case in cases(arguments.largest).items():
        sys.stdout.write(f"{name:44s} {row(case, arguments.surveys)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
