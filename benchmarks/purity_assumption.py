# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the label-free estimates fail where real detections do not score like injections.

    python benchmarks/purity_assumption.py --surveys 200

The surveys are drawn as in ``purity_mixtures.py``: 3000 unlabelled detections, 5 % of them
real, and 300 injections.  A fraction of the real detections scores like bogus, as if the
networks had never seen their kind; or real detections are fainter than injections, with and
without the estimate knowing how bright they are; or some bogus scores like injections.
"""

from __future__ import annotations

import argparse
import sys

from purity_mixtures import HEADER, Case, row


def cases() -> dict[str, Case]:
    """Return the cases by their description."""
    table = {"real ones score like injections": Case()}
    table |= {f"{100 * f:.0f} % of the real score like bogus": Case(alien=f) for f in (0.1, 0.25, 0.5)}
    for fainter in (0.5, 1.0):
        table[f"real fainter by {fainter:g} σ, brightness ignored"] = Case(fainter=fainter)
        table[f"real fainter by {fainter:g} σ, brightness known"] = Case(fainter=fainter, covariate=True)
    table |= {f"bogus like injections, {100 * f:g} % of all": Case(lookalike=f) for f in (0.005, 0.01, 0.025)}
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--surveys", type=int, default=200)
    n = parser.parse_args().surveys
    sys.stdout.write(HEADER)
    for name, case in cases().items():
        sys.stdout.write(f"{name:44s} {row(case, n)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
