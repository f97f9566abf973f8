# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that lead from DIA sources to scores: cutouts, labels, history, scores, embedding."""

from __future__ import annotations

__all__ = (
    "CLUSTERS",
    "CUTOUTS",
    "EMBEDDING",
    "LABELS",
    "LABEL_DISAGREEMENTS",
    "SCORES",
    "TRAINING_HISTORY",
)

from ._schema import Column, TableSchema

_VD = ("instrument", "visit", "detector")
_ID = Column("diaSourceId", "i8", "DIA source; the rows are those of the DIA source table, in its order.")

CUTOUTS = TableSchema(
    "transient_cutouts",
    _VD,
    "One row per DIA source: the stamps around it.",
    (
        _ID,
        Column("image", "f4", "Pixel values; NaN off the detector.", "nJy", ("channel", "size", "size")),
        Column(
            "variance",
            "f4",
            "Variances; NaN off the detector.",
            "nJy2",
            ("channel", "size", "size"),
            optional=True,
        ),
        Column(
            "mask",
            "u1",
            "Mask bits per pixel, named in the metadata (MASK_BITS).",
            None,
            ("channel", "size", "size"),
            optional=True,
        ),
        Column(
            "cutout_flag", "i4", "Bits named in the metadata (CUTOUT_FLAG_BITS); 0 if the stamp is whole."
        ),
    ),
)

LABELS = TableSchema(
    "transient_labels",
    _VD,
    "One row per DIA source: what it is taken for in training.",
    (
        _ID,
        Column("label", "i1", "1 if the source is a detected injection, else 0 (noisy bogus)."),
        Column("injection_id", "i8", "Matched injection; 0 if none."),
        Column("separation", "f8", "Separation from the nearest injection; NaN if there is none.", "arcsec"),
        Column("injected_mag", "f8", "AB magnitude of the matched injection; NaN if none.", "mag"),
        Column("is_hostless", "?", "The matched injection was drawn without a host."),
        Column("is_ambiguous", "?", "Used neither for training nor for evaluation."),
        Column(
            "label_flag",
            "i4",
            "Bits that say why it is ambiguous, named in the metadata (LABEL_FLAG_BITS).",
            optional=True,
        ),
        Column("fold", "i4", "Cross-validation fold of the source's sky tile."),
        Column("tile", "i8", "HEALPix pixel (nested) of the sky tile; its nside is in the metadata."),
        Column("snr", "f8", "Absolute peak significance."),
        Column("sign", "i1", "+1 or -1: the sign of the detection."),
        Column("band", "str", "Band."),
    ),
)

LABEL_DISAGREEMENTS = TableSchema(
    "transient_label_disagreements",
    _VD,
    "One row per DIA source that a pair of processings labels differently than its position.",
    (
        Column("diaSourceId", "i8", "DIA source of the processing with injections."),
        Column("position_injection_id", "i8", "Injection by position or match table; 0 if none."),
        Column("paired_injection_id", "i8", "Injection by the pair of processings; 0 if none."),
        Column("uninjected_dia_source_id", "i8", "The same detection without injections; 0 if none."),
        Column("separation", "f8", "Separation from the nearest injection; NaN if there is none.", "arcsec"),
        Column("snr", "f8", "Absolute peak significance."),
    ),
)

SCORES = TableSchema(
    "transient_bogus_scores",
    _VD,
    "One row per DIA source: the probability that it is a transient.",
    (
        _ID,
        Column("score", "f4", "Calibrated probability; NaN where the stamp cannot be scored."),
        Column("score_raw", "f4", "Mean of the networks' outputs (sigmoid of the logit)."),
        Column(
            "score_std",
            "f4",
            "Standard deviation of the outputs of the networks that judged, and of passes with dropout; NaN "
            "for a single network without.",
        ),
        Column("score_networks", "f4", "Output of each network; NaN if not used.", None, ("network",)),
        Column(
            "domain_distance",
            "f4",
            "Distance in feature space from the training samples: about 1 if familiar; NaN if not scored.",
            optional=True,
        ),
        Column("is_out_of_fold", "?", "Scored only by networks that did not see the source's sky tile."),
        Column("score_flag", "i4", "Bits named in the metadata (SCORE_FLAG_BITS); 0 if all is well."),
        Column("model_version", "str", "Version of the model: a hash of its content."),
    ),
)

TRAINING_HISTORY = TableSchema(
    "transient_bogus_training_history",
    ("instrument",),
    "One row per epoch and network.",
    (
        Column("epoch", "i4", "Epoch, from 0."),
        Column("network", "i4", "Network."),
        Column("fold", "i4", "Fold held out from this network."),
        Column("train_loss", "f4", "Mean weighted loss on the training samples."),
        Column("validation_loss", "f4", "Mean loss on the held-out fold."),
        Column("validation_auc", "f4", "Area under the ROC curve, injected against the rest, held-out fold."),
        Column("kept_positive", "f4", "Mean weight of samples labelled 1."),
        Column("kept_negative", "f4", "Mean weight of samples labelled 0."),
        Column("learning_rate", "f4", "Learning rate."),
        Column(
            "prior",
            "f4",
            "Estimated fraction of real transients among the unlabelled; NaN if the regime uses none.",
            optional=True,
        ),
    ),
)

EMBEDDING = TableSchema(
    "transient_bogus_embedding",
    ("instrument",),
    "One row per embedded DIA source.",
    (
        Column("diaSourceId", "i8", "DIA source."),
        Column("visit", "i8", "Visit."),
        Column("detector", "i4", "Detector."),
        Column("band", "str", "Band."),
        Column("umap_x", "f4", "First UMAP coordinate of the networks' latent features."),
        Column("umap_y", "f4", "Second UMAP coordinate of the networks' latent features."),
        Column("cluster", "i4", "Density cluster; -1 for none."),
        Column("label", "i1", "1 if the source is a detected injection, else 0."),
        Column("score", "f4", "Calibrated probability."),
        Column("snr", "f8", "Absolute peak significance."),
    ),
)

CLUSTERS = TableSchema(
    "transient_bogus_clusters",
    ("instrument",),
    "One row per density cluster of the embedding, the largest first.",
    (
        Column("cluster", "i4", "Cluster, from 0."),
        Column("n", "i8", "Number of DIA sources."),
        Column("injected_fraction", "f4", "Fraction that are detected injections."),
        Column("negative_fraction", "f4", "Fraction that are negative detections."),
        Column("median_snr", "f4", "Median of the absolute peak significance."),
        Column("median_score", "f4", "Median of the calibrated probability."),
        Column("umap_x", "f4", "Median of the first UMAP coordinate."),
        Column("umap_y", "f4", "Median of the second UMAP coordinate."),
        Column("typical_ids", "i8", "DIA sources nearest to the median; 0 if fewer.", None, ("typical",)),
        Column("typical_visits", "i8", "Visits of typical_ids.", None, ("typical",)),
        Column("typical_detectors", "i4", "Detectors of typical_ids.", None, ("typical",)),
    ),
)
