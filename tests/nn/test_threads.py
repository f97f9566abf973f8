# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on several threads: order, memory, and the same numbers as on one."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from lsst.transient.bogus.nn import Model, ModelSpec, Stamps
from lsst.transient.bogus.nn.device import torch_threads
from lsst.transient.bogus.nn.inference import features, judge
from lsst.transient.bogus.nn.spec import Network
from lsst.transient.bogus.nn.threads import in_order


@pytest.mark.parametrize("n_threads", [1, 3])
def test_order_and_memory(n_threads):
    drawn, finished, here = [], [], threading.get_ident()

    def items():
        for item in range(20):
            assert threading.get_ident() == here
            drawn.append(item)
            assert len(drawn) - len(finished) <= 2 * n_threads
            yield item

    def slow(item):
        time.sleep(0.002 * (item % 3))
        assert torch.get_num_threads() == 1
        return item**2

    with torch_threads(n_threads):
        for result in in_order(slow, items()):
            finished += [result]
        assert torch.get_num_threads() == n_threads
    assert finished == [item**2 for item in range(20)]


def test_an_error_is_raised():
    with torch_threads(2), pytest.raises(ZeroDivisionError):
        list(in_order(lambda item: 1 // item, range(3)))


@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("n", [40, 700])
def test_scores_do_not_depend_on_threads_nor_on_batches(n, some):
    torch.manual_seed(0)
    spec = ModelSpec(
        15,
        ("difference", "science", "template"),
        network=Network(filters=(8, 8), units=4),
        network_fold=(-1, -1, -1),
    )
    model = Model.blank(spec)
    stamps = Stamps(np.random.default_rng(1).normal(size=(n, 3, 15, 15)).astype(np.float32))
    use = np.arange(3)[:, None] == np.arange(n) % 3 if some else None
    answers = []
    for n_threads, batch_size in ((1, 128), (2, 128), (2, 32), (3, 64), (2, 16)):
        with torch_threads(n_threads):
            found = judge(model, stamps, use=use, batch_size=batch_size)
            latent = features(model, stamps, batch_size=batch_size)
        answers.append((found.probability, found.distance, latent))
    for other in answers[1:]:
        for one, another in zip(answers[0], other, strict=True):
            np.testing.assert_array_equal(one, another)
