# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model packages of ``lsst.meas.transiNet``: architecture, checkpoint and metadata.

``RBTransiNetTask`` imports the architecture file, makes the one class it names without arguments,
loads the checkpoint with ``torch.load(..., weights_only=True)`` and gives it stamps.
"""

from __future__ import annotations

__all__ = ("MAX_VERSION_LENGTH", "architecture", "checkpoint", "metadata", "write_package")

import ast
import dataclasses
import importlib.resources
import io
import json
from pathlib import Path
from typing import Any

import torch
import yaml

from ..errors import ModelFormatError
from .io import model_version
from .model import Model
from .packaged import INPUTS, Packaged

MAX_VERSION_LENGTH = 7
"""Characters of ``reliabilityVersion`` in the stack's DIA source catalogues."""

_START = "packaged"
_VALUE_TYPES = frozenset({"spec", "stamps"})  # named in annotations, which are never evaluated
_SOURCES = importlib.resources.files(__package__)

_HEAD = '''# SPDX-License-Identifier: GPL-3.0-or-later
"""Architecture of a model package for lsst.meas.transiNet, written by transient_bogus.

Model {version}.  Made by copying source files of transient_bogus; do not edit.
"""

from __future__ import annotations

__all__ = ["TransientBogus"]
'''
_TAIL = '''
SETTINGS = read_settings({settings!r})


class TransientBogus(nn.Module):
    """Probability that a DIA source is a real transient."""

    def __init__(self):
        super().__init__()
        self.packaged = Packaged(SETTINGS)

    def forward(self, stamps):
        return self.packaged(stamps)
'''


def write_package(model: Model, folder: Path, *, description: str = "", version: str = "") -> dict[str, Any]:
    """Write a model package.

    Parameters
    ----------
    model
        Model.
    folder
        Folder to make and to write ``arch.py``, ``checkpoint.pt`` and ``meta.yaml`` to.
    description
        A sentence for the metadata.
    version
        Version under which the model is stored; that of its content by default.

    Returns
    -------
    metadata : `dict`
        What is in ``meta.yaml``.

    Raises
    ------
    ModelFormatError
        Raised if the model needs channels that the stack's task does not give.
    FileExistsError
        Raised if the folder holds anything already.
    """
    source = architecture(model, version=version)
    files = {"arch.py": source.encode(), "checkpoint.pt": checkpoint(model)}
    meta = metadata(model, description=description, version=version)
    files["meta.yaml"] = yaml.safe_dump(meta, sort_keys=False, allow_unicode=True).encode()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; a model package needs a folder of its own.")
    for name, content in files.items():
        folder.joinpath(name).write_bytes(content)
    return meta


def architecture(model: Model, *, version: str = "") -> str:
    """Return the source of the architecture file: it needs torch, numpy and the standard library.

    Parameters
    ----------
    model
        Model.
    version
        Version under which the model is stored; that of its content by default.

    Returns
    -------
    source : `str`
        Python source of a module whose ``__all__`` names one class.

    Raises
    ------
    ModelFormatError
        Raised if the model needs channels that the stack's task does not give.
    """
    unknown = [name for name in model.spec.channels if name not in INPUTS]
    if unknown:
        raise ModelFormatError(
            f"The model takes the channels {model.spec.channels}; the stack's task gives {INPUTS} alone."
        )
    settings = dataclasses.replace(model.spec, provenance={}).to_json()
    head = _HEAD.format(version=version or model_version(model))
    return head + "".join(_bodies()) + _TAIL.format(settings=settings)


def checkpoint(model: Model) -> bytes:
    """Return the weights as a file that ``torch.load(..., weights_only=True)`` reads.

    Parameters
    ----------
    model
        Model.

    Returns
    -------
    content : `bytes`
        A dictionary with the key ``model_state_dict``: the form that ``lsst.meas.transiNet``
        reads, and the only place where this package writes it.  It is never read here.
    """
    packaged = Packaged(model.spec)
    packaged.network.load_state_dict(model.network.state_dict())
    state = {f"packaged.{name}": tensor.cpu() for name, tensor in packaged.state_dict().items()}
    buffer = io.BytesIO()
    torch.save({"model_state_dict": state}, buffer)  # noqa: TID251
    return buffer.getvalue()


def metadata(model: Model, *, description: str = "", version: str = "") -> dict[str, Any]:
    """Return the metadata of a model package.

    Parameters
    ----------
    model
        Model.
    description
        A sentence; says what the model is by default.
    version
        Version under which the model is stored; that of its content by default.

    Returns
    -------
    metadata : `dict`
        What ``lsst.meas.transiNet`` reads, and under ``transient_bogus`` the whole version and
        the provenance.
    """
    spec, version = model.spec, version or model_version(model)
    # An odd stamp has a central pixel, and the stack centres it on the source's pixel as we do.
    size = spec.stamp_size | 1
    text = description or f"{spec.n_networks} {spec.network.kind} networks of transient_bogus"
    return {
        "version": version[:MAX_VERSION_LENGTH],
        "description": text,
        "input_shape": [size, size, len(INPUTS)],
        "input_scale_factor": [1.0] * len(INPUTS),
        "cutout_size": size,
        "transient_bogus": {
            "model_version": version,
            "normalisation": spec.normalisation.kind,
            "noise": "estimated from each stamp" if spec.normalisation.kind == "snr" else "not needed",
            "provenance": json.loads(json.dumps(dict(spec.provenance))),
        },
    }


def _bodies() -> list[str]:
    """Return the sources of all modules that the packaged model consists of, each after what it imports."""
    bodies: dict[str, str] = {}
    owner: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in bodies or name in _VALUE_TYPES:
            return
        text = _SOURCES.joinpath(f"{name}.py").read_text()
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                if node.level > 1 or not node.module:
                    raise ModelFormatError(f"nn.{name} imports from outside nn: it cannot be packaged.")
                visit(node.module)
        for defined in _names(tree):
            if owner.setdefault(defined, name) != name:
                raise ModelFormatError(f"nn.{owner[defined]} and nn.{name} both define {defined}.")
        bodies[name] = _body(text, tree)

    visit(_START)
    return list(bodies.values())


def _names(tree: ast.Module) -> list[str]:
    """Return the names that a module defines, but for ``__all__``."""
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    assigned = [node.targets for node in tree.body if isinstance(node, ast.Assign)]
    names += [target.id for targets in assigned for target in targets if isinstance(target, ast.Name)]
    names += [
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    return [name for name in names if name != "__all__"]


def _body(text: str, tree: ast.Module) -> str:
    """Return a module's source without its docstring, relative imports and ``__all__``."""
    lines = text.splitlines()
    for node in tree.body:
        if _is_left_out(node):
            first, last = node.lineno - 1, node.end_lineno or node.lineno
            lines[first:last] = [""] * (last - first)
    start = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    return "\n".join(lines[start:]) + "\n\n"


def _is_left_out(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or node.module == "__future__"
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
    # Docstrings of the module and of its constants.
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
