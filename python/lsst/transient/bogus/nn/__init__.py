# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: arrays in, a trained model out.  The only package that imports torch.

Names are resolved on first use, so that importing this package costs nothing.
"""

from __future__ import annotations

__all__ = (
    "Model",
    "ModelSpec",
    "Settings",
    "Stamps",
    "features",
    "from_table",
    "predict",
    "to_table",
    "train",
)

import importlib
import os
from typing import Any

# Threads that wait for each other must sleep.  By default they spin, and where other processes
# want the same cores a training takes ten times as long.  OpenMP reads this when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOMES = {
    "Model": "model",
    "ModelSpec": "spec",
    "Settings": "settings",
    "Stamps": "stamps",
    "features": "inference",
    "from_table": "io",
    "predict": "inference",
    "to_table": "io",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
