# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions of stamps, batch by batch, on threads of a CPU or on a GPU."""

from __future__ import annotations

__all__ = ("divide", "evaluate")

import itertools
from collections.abc import Callable

import numpy as np
import torch

from .device import pinned, side_stream
from .model import Model
from .normalise import crop_size, prepare
from .precision import repeatable_products
from .stamps import Stamps
from .threads import in_order

_ON_GPU = 1024  # stamps in a batch: enough for every layer to fill a large GPU
_ON_CPU = (32, 128)  # least and most stamps in a batch
_IN_CACHE = 640  # stamps times networks of which what layers make stays in a processor's cache
_MIN_BATCHES = 4  # for each thread: a new one, or pinned memory, takes some milliseconds to begin
_LANES = 16  # float32 values that a CPU treats together; those left over may be rounded differently


@torch.no_grad()
def evaluate(
    model: Model,
    stamps: Stamps,
    function: Callable[[torch.Tensor], torch.Tensor],
    device: torch.device | None,
    batch_size: int,
    axis: int,
    precision: str = "float32",
    *,
    side_by_side: bool = True,
) -> torch.Tensor:
    """Apply a function of prepared stamps batch by batch.

    Parameters
    ----------
    model
        Model, whose normalisation prepares the stamps; it is moved to the device.
    stamps
        N stamps that fit the model.
    function
        Of prepared stamps, float32, shape (B, C + 1, s, s); its answer has B along ``axis``.
    device
        Where to compute; the CPU by default.
    batch_size
        Most stamps in a batch; 0 for what suits the device.
    axis
        Dimension of the stamps in the answers.
    precision
        Of convolutions on a GPU; see `~lsst.transient.bogus.nn.precision.repeatable_products`.
    side_by_side
        Whether threads may work on several batches at a time.

    Returns
    -------
    answers : `torch.Tensor`
        Answers to all stamps on the CPU, with N along ``axis``.

    Notes
    -----
    On a CPU each thread has batches of its own, where there are many, rather than a share of each
    layer; for a GPU threads bring batches to where it reads them.  What a batch is does not depend on
    the number of threads, nor does the answer.
    """
    spec = model.spec
    device = device or torch.device("cpu")
    if model.to(device).network.training:
        model.network.eval()
    if not len(stamps):  # the shape of an answer to nothing
        size = crop_size(spec.stamp_size, spec.normalisation.crop)
        answer = function(torch.zeros(1, len(spec.channels) + 1, size, size, device=device)).cpu()
        return answer.narrow(axis, 0, 0)

    n_threads, on_gpu = torch.get_num_threads(), device.type == "cuda"
    cached = np.clip(_IN_CACHE // max(1, spec.n_networks) // _LANES * _LANES, *_ON_CPU)
    batches = divide(len(stamps), batch_size or (_ON_GPU if on_gpu else int(cached)))
    many = side_by_side and n_threads > 1 and len(batches) >= _MIN_BATCHES * n_threads

    @torch.no_grad()
    def answer_to(part: Stamps) -> torch.Tensor:
        with side_stream(device):
            return function(prepare(part, spec.normalisation, device=device).float())

    parts = (stamps[rows] for rows in batches)
    with repeatable_products(device, precision):
        if many and on_gpu:
            answers = [answer_to(part) for part in in_order(lambda part: part.map(pinned), parts)]
        else:
            answers = list(in_order(answer_to, parts) if many else map(answer_to, parts))
    if on_gpu:
        torch.cuda.synchronize(device)
    return torch.cat(answers, dim=axis).cpu()


def divide(n: int, largest: int) -> list[slice]:
    """Divide rows into the fewest batches, of about the same size.

    Parameters
    ----------
    n
        Rows.
    largest
        Most rows in a batch.

    Returns
    -------
    batches : `list` [`slice`]
        Rows of each batch; where ``largest`` is a multiple of 16 all but the last have such a number.
    """
    step = _LANES if largest % _LANES == 0 else 1
    n_steps = -(-n // step)
    count = -(-n_steps // (largest // step))
    edges = [min(n, n_steps * i // count * step) for i in range(count + 1)]
    return [slice(start, stop) for start, stop in itertools.pairwise(edges)]
