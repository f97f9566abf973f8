# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what a stored model is and where it comes from."""

from __future__ import annotations

__all__ = ("describe_model", "description")

import json
from typing import Any

import click

from lsst.daf.butler import Butler

from ..errors import ModelFormatError
from .models import find_model, read_model

_MADE_WITH = ("code_version", "torch_version", "device", "n_threads")


def description(table: Any) -> dict[str, Any]:
    """Describe a stored model.

    Parameters
    ----------
    table
        Stored model (`pyarrow.Table`).

    Returns
    -------
    description : `dict`
        Version and everything in the specification, as JSON types.

    Raises
    ------
    ModelFormatError
        Raised if the table is not a model that this code can read.
    """
    from ..nn.io import latest_model

    model, version = latest_model(table)
    n_parameters = sum(p.numel() for p in model.network.parameters())
    spec = json.loads(model.spec.to_json())
    return {
        "version": version,
        "n_networks": model.spec.n_networks,
        "n_parameters_per_network": n_parameters // model.spec.n_networks,
        "n_training_tiles": len(model.training_tiles),
        **spec,
    }


@click.command()
@click.argument("repo")
@click.argument("collections")
@click.option("--instrument", help="Instrument of the model; needed if there are several.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON with every number.")
def describe_model(repo: str, collections: str, instrument: str | None, as_json: bool) -> None:
    """Say what the model in COLLECTIONS of REPO is and where it comes from.

    COLLECTIONS is a comma-separated list; the first that has a model decides.
    """
    with Butler.from_config(repo) as butler:
        try:
            ref = find_model(butler, collections, instrument)
            told = description(read_model(butler, ref))
        except (LookupError, ModelFormatError) as error:
            raise click.ClickException(str(error)) from error
        told["run"], told["id"] = ref.run, str(ref.id)
    if as_json:
        click.echo(json.dumps(told, indent=2, sort_keys=True))
        return
    for line in _lines(told):
        click.echo(line)


def _lines(told: dict[str, Any]) -> list[str]:
    """Return the description as text: one line for each thing people ask."""
    network, folds, metrics = told["network"], told["folds"], told["provenance"].get("metrics", {})
    made = {name: told["provenance"].get(name, "?") for name in _MADE_WITH}
    inputs = told["provenance"].get("inputs", {})
    rows = {
        "version": told["version"],
        "dataset": f"{told['id']} in {told['run']}",
        "stamps": f"{told['stamp_size']} pixels, {', '.join(told['channels'])}; "
        f"{', '.join(told['planes']) or 'planes unknown'}",
        "normalisation": told["normalisation"]["kind"],
        "networks": f"{told['n_networks']} of {network['kind']} {network['filters']}, "
        f"{told['n_parameters_per_network']} parameters each",
        "folds": f"{folds['n_folds']} of sky tiles of nside {folds['nside']}",
        "trained on": f"{metrics.get('n_positive', '?')} injected and {metrics.get('n_negative', '?')} other "
        f"sources on {told['n_training_tiles']} tiles",
        "inputs": f"{inputs.get('n_datasets', '?')} datasets of {', '.join(inputs.get('runs', [])) or '?'} "
        f"(digest {inputs.get('datasets_digest', '?')})",
        "regime": told["provenance"].get("settings", {}).get("regime", {}).get("kind", "?"),
        "AUC": f"{metrics.get('auc_out_of_fold', float('nan')):.5f} out of fold, injected against the rest",
        "prior": f"{told['calibration'].get('prior', float('nan')):.4f} of unlabelled sources are real",
        "code": f"{made['code_version']}, torch {made['torch_version']}, on {made['device']} with "
        f"{made['n_threads']} threads",
    }
    return [f"{name:<14} {value}" for name, value in rows.items()]
