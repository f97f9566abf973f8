# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that repeats: recorded once on a GPU, then replayed without Python between its kernels."""

from __future__ import annotations

__all__ = ("Replay",)

from collections.abc import Callable, Sequence

import torch


class Replay:
    """A function of tensors on a device, called many times with tensors of the same shapes.

    Parameters
    ----------
    function
        What to do.  It changes tensors in place and returns nothing; it must not wait for the
        device, and what it draws must come from torch's global generator or those given.
    device
        Where the tensors are.
    generators
        Generators on that device from which the function draws.

    Notes
    -----
    A network of this size leaves a GPU idle while Python decides what is next.  The first call
    on a GPU is an ordinary one, in which libraries settle on algorithms and workspaces; the second
    records a CUDA graph, which it and all later ones replay.  On a CPU every call is an ordinary one.
    """

    def __init__(
        self,
        function: Callable[..., None],
        device: torch.device,
        generators: Sequence[torch.Generator] = (),
    ) -> None:
        self._function = function
        self._generators = generators
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._inputs: tuple[torch.Tensor, ...] = ()
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *inputs: torch.Tensor) -> None:
        """Apply the function.

        Parameters
        ----------
        inputs
            Its arguments.
        """
        if self._stream is None:
            self._function(*inputs)
        elif not self._inputs:
            self._inputs = tuple(tensor.clone() for tensor in inputs)
            self._stream.wait_stream(torch.cuda.current_stream(self._stream.device))
            with torch.cuda.stream(self._stream):
                self._function(*self._inputs)
            torch.cuda.current_stream(self._stream.device).wait_stream(self._stream)
        else:
            for kept, tensor in zip(self._inputs, inputs, strict=True):
                kept.copy_(tensor)
            if self._graph is None:
                self._graph = self._record()
            self._graph.replay()

    def _record(self) -> torch.cuda.CUDAGraph:
        """Record what the function does; nothing is done yet."""
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, stream=self._stream):
            self._function(*self._inputs)
        return graph
