# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model loses as a package of lsst.meas.transiNet, which has neither variance nor mask.

    python benchmarks/model_package.py REPO --collection scored

REPO is a simulated survey that was scored without injections; see held_back.py.  Both are given
the same stamps, and all networks judge.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
import scipy.stats
import torch
from held_back import read_sources

from lsst.daf.butler import Butler
from lsst.transient.bogus import nn
from lsst.transient.bogus.binned import expected_calibration_error
from lsst.transient.bogus.calibration import Calibration
from lsst.transient.bogus.handles import table_parameters
from lsst.transient.bogus.nn.packaged import INPUTS, Packaged
from lsst.transient.bogus.ranking import area_under_roc


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("repo")
    parser.add_argument("--collection", default="scored")
    options = parser.parse_args()
    own, packaged, real = [], [], []
    with Butler.from_config(options.repo, collections=options.collection) as butler:
        refs = butler.query_datasets("transient_bogus_scores", limit=None)
        model = nn.from_table(butler.get("transient_bogus_model", instrument=refs[0].dataId["instrument"]))
        package = Packaged(model.spec).eval()
        package.network.load_state_dict(model.network.state_dict())
        calibration = Calibration.from_dict(model.spec.calibration)
        for ref in refs:
            stamps = nn.Stamps.from_table(
                butler.get("transient_cutouts", ref.dataId, parameters=table_parameters())
            )
            own.append(calibration.apply(nn.predict(model, stamps).mean(axis=0)))
            channels = [stamps.channels.index(name) for name in INPUTS]
            with torch.no_grad():
                packaged.append(package(torch.from_numpy(np.nan_to_num(stamps.image[:, channels]))).numpy())
            real.append(np.asarray(read_sources(butler, ref)["kind"]) != "")
    scores = {"model": np.concatenate(own), "package": np.concatenate(packaged)}
    truth = np.concatenate(real)
    both = np.isfinite(scores["model"]) & np.isfinite(scores["package"])
    result: dict[str, object] = {"n": int(both.sum()), "n_real": int(truth[both].sum())}
    for name, score in scores.items():
        result[name] = {
            "n_unscored": int(np.isnan(score).sum()),
            "auc": round(area_under_roc(truth[both].astype(int), score[both]), 4),
            "ece": round(expected_calibration_error(truth[both], score[both]), 4),
        }
    rank = scipy.stats.spearmanr(scores["model"][both], scores["package"][both]).statistic
    result["rank_correlation"] = round(float(rank), 4)
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
