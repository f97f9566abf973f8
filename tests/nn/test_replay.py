# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replayed work does what calls one by one would do."""

from __future__ import annotations

import pytest
import torch

from lsst.transient.bogus.nn.replay import Replay

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
    ),
]


@pytest.mark.parametrize("device", DEVICES)
def test_every_call_sees_its_arguments_and_draws_anew(device):
    def run(replayed: bool) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator(device).manual_seed(3)
        torch.manual_seed(4)
        total, drawn = torch.zeros(3, device=device), torch.zeros(5, 2, device=device)
        slot = torch.zeros(1, dtype=torch.int64, device=device)

        def work(x: torch.Tensor, scale: torch.Tensor) -> None:
            total.add_(scale * x)
            own = torch.rand(1, generator=generator, device=device)
            drawn.index_copy_(0, slot, torch.cat([own, torch.rand(1, device=device)])[None])
            slot.add_(1)

        call = Replay(work, torch.device(device), [generator]) if replayed else work
        for i in range(5):
            call(torch.arange(3.0, device=device), torch.full((1,), 10.0**i, device=device))
        return total.cpu(), drawn.cpu()

    with torch.random.fork_rng(devices=[0] if device == "cuda" else []):
        (total, drawn), (expected, expected_drawn) = run(True), run(False)
    assert total.tolist() == expected.tolist() == [0.0, 11111.0, 22222.0]
    assert torch.equal(drawn, expected_drawn)
    assert len(drawn.unique()) == drawn.numel()
