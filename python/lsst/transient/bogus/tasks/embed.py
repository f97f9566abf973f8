# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task that draws a map of the detections as the networks see them."""

from __future__ import annotations

__all__ = (
    "EmbedTransientBogusConfig",
    "EmbedTransientBogusConnections",
    "EmbedTransientBogusTask",
)

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from astropy.table import Table

from lsst.pipe.base import (
    InvalidQuantumError,
    PipelineTask,
    Struct,
    UpstreamFailureNoWorkFound,
)
from lsst.utils.logging import PeriodicLogger

from ..clusters import summarise_clusters
from ..columns import CUTOUTS, EMBEDDING, LABELS, SCORES
from ..embedding import (
    UmapSpec,
    density_clusters,
    fit_projection,
    stratified_rows,
    umap_coordinates,
)
from ..errors import ModelFormatError
from ..handles import read_table
from ..seeds import derive_seed, generator
from .embed_config import EmbedTransientBogusConfig, EmbedTransientBogusConnections

_LABEL_COLUMNS = ("diaSourceId", "label", "snr", "sign", "band")
_SCORE_COLUMNS = ("diaSourceId", "score")
type _Key = tuple[int, int]


class EmbedTransientBogusTask(PipelineTask):
    """Place all detections in two dimensions by the latent features of all networks.

    Neighbours in the map look alike to the networks, so that a kind of artefact makes a
    cluster that can be named and found again.
    """

    ConfigClass = EmbedTransientBogusConfig
    _DefaultName: ClassVar[str] = "embed"
    config: EmbedTransientBogusConfig

    def runQuantum(self, butlerQC: Any, inputRefs: Any, outputRefs: Any) -> None:
        inputs: dict[str, Any] = {
            name: {
                (int(h.dataId["visit"]), int(h.dataId["detector"])): h
                for h in butlerQC.get(getattr(inputRefs, name))
            }
            for name in ("cutouts", "labels", "scores")
        }
        butlerQC.put(self.run(**inputs, model=butlerQC.get(inputRefs.model)), outputRefs)

    def run(
        self,
        *,
        cutouts: Mapping[_Key, Any],
        labels: Mapping[_Key, Any],
        scores: Mapping[_Key, Any],
        model: Any,
    ) -> Struct:
        """Embed the detections of a survey.

        Parameters
        ----------
        cutouts
            Handles of the cutout tables, by visit and detector.
        labels
            Handles of the label tables.
        scores
            Handles of the score tables.
        model
            Stored model (`pyarrow.Table`).

        Returns
        -------
        result : `lsst.pipe.base.Struct`
            ``embedding`` (`astropy.table.Table`), a row for every source whose stamp can be
            used, and ``clusters`` (`astropy.table.Table`), a row for every cluster.

        Raises
        ------
        InvalidQuantumError
            Raised if the model cannot be used.
        lsst.pipe.base.UpstreamFailureNoWorkFound
            Raised if no detector has all of its tables.
        """
        complete = sorted(set(cutouts) & set(labels) & set(scores))
        if not complete:
            raise UpstreamFailureNoWorkFound(
                f"No detector has cutouts ({len(cutouts)}), labels ({len(labels)}) and scores "
                f"({len(scores)})."
            )
        sources, features = self._read(complete, cutouts, labels, scores, model)
        if len(features) == 0:
            empty = EMBEDDING.empty()
            return Struct(embedding=empty, clusters=summarise_clusters(empty, np.zeros(0)))
        fit_rows = self._choose(sources)
        projection = fit_projection(features[fit_rows].astype(np.float32), self.config.nComponents)
        components = np.concatenate(
            [
                projection.apply(part.astype(np.float32))
                for part in np.array_split(features, -(-len(features) // 8192))
            ]
        )
        self.log.info(
            "Fitting the map on %d of %d sources: %d components hold %.1f %% of the variance of %d features.",
            len(fit_rows),
            len(sources),
            components.shape[1],
            100 * projection.explained,
            features.shape[1],
        )
        spec = UmapSpec(
            n_neighbors=self.config.nNeighbors,
            min_dist=self.config.minDist,
            n_epochs=self.config.nEpochs,
            seed=derive_seed("embed", self.config.seed) % 2**31,
        )
        coordinates = umap_coordinates(components, fit_rows, spec)
        cluster = density_clusters(
            coordinates, fit_rows, min_size=self.config.minClusterSize, min_samples=self.config.minSamples
        )
        self.metadata["n_fitted"] = len(fit_rows)
        self.metadata["n_clusters"] = int(cluster.max()) + 1
        self.log.info("Embedded %d sources; %d density clusters.", len(sources), int(cluster.max()) + 1)
        columns = {name: sources[name] for name in sources.colnames if name != "sign"}
        data = columns | {"umap_x": coordinates[:, 0], "umap_y": coordinates[:, 1], "cluster": cluster}
        meta = {"SEED": self.config.seed, "N_FITTED": len(fit_rows)}
        embedding = EMBEDDING.build(data, meta=meta)
        return Struct(
            embedding=embedding, clusters=summarise_clusters(embedding, np.asarray(sources["sign"]))
        )

    def _read(
        self,
        keys: list[_Key],
        cutouts: Mapping[_Key, Any],
        labels: Mapping[_Key, Any],
        scores: Mapping[_Key, Any],
        model: Any,
    ) -> tuple[Table, np.ndarray]:
        """Return what is known of the usable sources, and their latent features (N, D)."""
        from ..nn.device import resolve_device, torch_threads
        from ..nn.inference import features
        from ..nn.io import latest_model
        from ..nn.stamps import Stamps

        try:
            trained, version = latest_model(model)
        except ModelFormatError as error:
            raise InvalidQuantumError(f"The model cannot be used: {error}") from error
        periodic = PeriodicLogger(self.log)
        device = resolve_device(self.config.device)
        tables, latent = [], []
        with torch_threads(self.config.numThreads):
            for position, key in enumerate(keys):
                stamps_table = read_table(cutouts[key])
                CUTOUTS.check(stamps_table, ("diaSourceId", "image"), where=_where(key))
                part = _join(
                    stamps_table,
                    labels[key].get(parameters={"columns": list(_LABEL_COLUMNS)}),
                    scores[key].get(parameters={"columns": list(_SCORE_COLUMNS)}),
                    key,
                )
                # Half precision: the map does not need more, and 10^6 sources fit in memory.
                try:
                    latent_features = features(trained, Stamps.from_table(stamps_table), device=device)
                except ValueError as error:
                    raise InvalidQuantumError(
                        f"Model {version} does not fit the cutouts of {_where(key)}: {error}"
                    ) from error
                values = latent_features.astype(np.float16)
                usable = np.isfinite(values).all(axis=1)
                tables.append(part[usable])
                latent.append(values[usable])
                periodic.log("Latent features of %d of %d detectors.", position + 1, len(keys))
        joined = {name: np.concatenate([np.asarray(t[name]) for t in tables]) for name in tables[0].colnames}
        return Table(joined), np.concatenate(latent)

    def _choose(self, sources: Table) -> np.ndarray:
        """Choose the rows to fit on, stratified by label, sign and significance."""
        snr_bin = np.searchsorted([6.0, 8.0, 12.0, 20.0, 50.0], np.asarray(sources["snr"]))
        stratum = (snr_bin * 2 + (np.asarray(sources["sign"]) > 0)) * 2 + (np.asarray(sources["label"]) == 1)
        return stratified_rows(stratum, self.config.maxFit, generator("embed", "rows", self.config.seed))


def _where(key: _Key) -> str:
    return f"visit {key[0]}, detector {key[1]}"


def _join(cutouts: Table, labels: Table, scores: Table, key: _Key) -> Table:
    """Return the columns of the embedding that do not come from the networks."""
    LABELS.check(labels, _LABEL_COLUMNS, where=_where(key))
    SCORES.check(scores, _SCORE_COLUMNS, where=_where(key))
    ids = np.asarray(cutouts["diaSourceId"])
    for name, table in (("labels", labels), ("scores", scores)):
        if not np.array_equal(ids, np.asarray(table["diaSourceId"])):
            raise InvalidQuantumError(
                f"The {len(table)} {name} of {_where(key)} are not row-aligned with its {len(ids)} cutouts."
            )
    return Table(
        {
            "diaSourceId": ids,
            "visit": np.full(len(ids), key[0], dtype=np.int64),
            "detector": np.full(len(ids), key[1], dtype=np.int32),
            "band": np.asarray(labels["band"], dtype=str),
            "label": np.asarray(labels["label"]),
            "sign": np.asarray(labels["sign"]),
            "snr": np.asarray(labels["snr"]),
            "score": np.asarray(scores["score"]),
        }
    )
