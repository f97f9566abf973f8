# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the page on networks without a Butler run, one after another."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import numpy as np
import torch

from .nn.fakes import make_fakes

PAGE = Path(__file__).resolve().parents[1] / "doc" / "user-guide" / "library.rst"


def examples():
    """Return the Python code blocks of the page."""
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", PAGE.read_text(), re.MULTILINE)
    return [textwrap.dedent(block) for block in blocks]


def test_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fakes = make_fakes(160, contamination=0.1)
    names = {
        "image": fakes.stamps.image,
        "variance": fakes.stamps.variance,
        "mask": np.zeros(fakes.stamps.image.shape, np.uint8),
        "labels": fakes.labels,
        "groups": np.arange(160) // 2,
    }
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for block in examples():
            # The examples are those of the page, in the repository.
            exec(compile(block, str(PAGE), "exec"), names)
    finally:
        torch.set_num_threads(before)
    assert len(examples()) >= 4
    assert set(names["folds"]) == {0, 1, 2}
    assert np.array_equal(names["folds"][::2], names["folds"][1::2])
    stored = names["nn"].predict(names["model"], names["stamps"])
    assert np.array_equal(stored, names["probability"])
    assert names["is_real"][fakes.truth].mean() > names["is_real"][~fakes.truth].mean()
    assert list((tmp_path / "checkpoints").iterdir()) == []
