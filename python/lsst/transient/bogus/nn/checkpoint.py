# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a training between epochs, in memory and on disk."""

from __future__ import annotations

__all__ = ("checkpoint_file", "load_checkpoint", "save_checkpoint")

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.feather
import torch

from ..errors import ModelFormatError
from ..version import code_version
from .contamination import UnlabelledJudgement
from .history import EpochReport
from .plan import Plan
from .settings import Settings
from .spec import ModelSpec
from .state import TrainingState, cloned_weights
from .tensors import content_digest, from_arrow, read_meta, to_arrow

_LOG = logging.getLogger(__name__)

_CHUNK = 4096  # stamps that are hashed at a time
_SCALARS = ("best_epoch", "best_value", "epoch", "steps", "prior")
_SOFTWARE = ("code_version", "torch_version")
_HARDWARE = ("device", "n_threads")
_DAMAGE = (KeyError, OSError, RuntimeError, TypeError, ValueError, pyarrow.ArrowException)


def checkpoint_file(
    folder: Path, spec: ModelSpec, settings: Settings, plan: Plan, samples: torch.Tensor
) -> Path:
    """Return the file of one training in a folder.

    Parameters
    ----------
    folder
        Folder, which is made if it is missing.
    spec
        What is being trained.
    settings
        How it is trained.
    plan
        Labels, folds and weights of the samples.
    samples
        Prepared stamps, shape (N, C, s, s).

    Returns
    -------
    path : `pathlib.Path`
        File named by a hash of all arguments but the folder: a training finds its
        own checkpoint and no other, and several may share a folder.
    """
    digest = hashlib.blake2b(f"{spec.to_json()} {settings} {plan.digest}".encode(), digest_size=12)
    for part in samples.split(_CHUNK):
        digest.update(np.ascontiguousarray(part.detach().cpu().numpy()))
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"training_{digest.hexdigest()}.arrow"


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write the state, whole or not at all.

    Parameters
    ----------
    path
        File.
    state
        State between two epochs.

    Notes
    -----
    Where it cannot be written, on a full disk say, a warning tells why and the file stays as it was: the
    training is sound, and its next epoch tries again.
    """
    tensors = {f"network.{n}": t for n, t in state.network.state_dict().items()}
    tensors |= {f"averaged.{n}": t for n, t in state.averaged.state_dict().items()}
    tensors |= {f"best.{n}": t for n, t in state.best.items()}
    for index, slots in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{n}": t for n, t in slots.items()}
    if state.judgement is not None:
        tensors["judgement"] = torch.as_tensor(state.judgement.probability)
    meta = {
        "made_with": _made_with(state),
        "scalars": {name: getattr(state, name) for name in _SCALARS},
        "history": [{n: _plain(v) for n, v in dataclasses.asdict(entry).items()} for entry in state.history],
    }
    table = to_arrow(tensors, meta | {"digest": _digest(tensors, meta)})
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            pyarrow.feather.write_feather(table, file, compression="uncompressed")
            file.flush()
            os.fsync(file.fileno())  # or a power cut may leave an empty file under the final name
        os.replace(partial, path)
    except OSError as error:
        _remove(partial)
        _LOG.warning("Epoch %d has no checkpoint %s (%s); training goes on.", state.epoch - 1, path, error)


def load_checkpoint(path: Path, state: TrainingState) -> bool:
    """Continue from a checkpoint, if there is one, and remove what killed writers of it left.

    Parameters
    ----------
    path
        File.
    state
        Freshly started state, changed in place.

    Returns
    -------
    found : `bool`
        Whether the state was loaded.  One of another version of this package or of torch is not.

    Raises
    ------
    ModelFormatError
        Raised if the file is damaged.
    """
    for partial in path.parent.glob(f"{path.name}.*.part"):
        _remove(partial)
    if not path.exists():
        return False
    content, now = path.read_bytes(), _made_with(state)
    try:
        table = pyarrow.feather.read_table(pyarrow.BufferReader(content))
        then = read_meta(table).get("made_with", {})
        if changes := _changes(then, now, _SOFTWARE):
            _LOG.warning("Training starts anew: the checkpoint %s has %s.", path, changes)
            return False
        tensors, meta = from_arrow(table)
        if meta.pop("digest", None) != _digest(tensors, meta):
            raise ModelFormatError("its content does not have its hash")
        _restore(state, tensors, meta)
    except _DAMAGE as error:
        raise ModelFormatError(
            f"The checkpoint {path} is damaged ({error}); remove it to train from the start."
        ) from error
    if changes := _changes(then, now, _HARDWARE):
        _LOG.warning(
            "Training goes on with epoch %d, but the result may differ from that of one without a break: the "
            "checkpoint %s has %s.",
            state.epoch,
            path,
            changes,
        )
    return True


def _restore(state: TrainingState, tensors: dict[str, torch.Tensor], meta: dict[str, Any]) -> None:
    """Put back what was saved."""
    state.averaged.load_state_dict(_part(tensors, "best."))  # which finds out now whether they fit
    state.best = cloned_weights(state.averaged)
    state.averaged.load_state_dict(_part(tensors, "averaged."))
    state.network.load_state_dict(_part(tensors, "network."))
    slots: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in _part(tensors, "optimizer.").items():
        index, slot = name.split(".", 1)
        slots.setdefault(int(index), {})[slot] = tensor
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": slots, "param_groups": groups})
    for name in _SCALARS:
        setattr(state, name, meta["scalars"][name])
    if "judgement" in tensors:
        state.judgement = UnlabelledJudgement(state.prior, tensors["judgement"].numpy())
    for entry in meta["history"]:
        arrays: dict[str, Any] = {n: np.array(v) if isinstance(v, list) else v for n, v in entry.items()}
        state.history.append(EpochReport(**arrays))


def _made_with(state: TrainingState) -> dict[str, str | int]:
    """Return what the result depends on besides settings and samples."""
    device = next(state.network.parameters()).device
    on_gpu = device.type == "cuda"
    unit = torch.cuda.get_device_name(device) if on_gpu else torch.backends.cpu.get_cpu_capability()
    return {
        "code_version": code_version(),
        "torch_version": str(torch.__version__),
        "device": f"{device.type} ({unit})",
        "n_threads": torch.get_num_threads(),
    }


def _changes(then: dict[str, str | int], now: dict[str, str | int], names: tuple[str, ...]) -> str:
    """Say what was otherwise; nothing if all is as it was."""
    pairs = ((name, then.get(name, "unknown"), now[name]) for name in names)
    return ", ".join(f"{name} {old} instead of {new}" for name, old, new in pairs if old != new)


def _digest(tensors: dict[str, torch.Tensor], meta: dict[str, Any]) -> str:
    """Hash all tensors and the metadata."""
    return content_digest(tensors, json.dumps(meta, sort_keys=True), size=12)


def _remove(partial: Path) -> None:
    """Remove a file that was not written to its end, if the disk lets us."""
    with contextlib.suppress(OSError):
        partial.unlink()


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Take the tensors of one prefix, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _plain(value: Any) -> Any:
    """Return JSON types."""
    return value.tolist() if isinstance(value, np.ndarray) else value
