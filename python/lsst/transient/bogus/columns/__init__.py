# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every table of the package, declared as data."""

from ._schema import Column, TableSchema
from .evaluation import CURVES, METRICS
from .injection import INJECTED_CATALOG, INJECTED_MATCH, INJECTION_CATALOG
from .objects import DIA_OBJECT, LIGHT_CURVES, OBJECTS
from .sources import DIA_SOURCE, FORCED_DIA_OBJECT, SOURCE
from .training import CLUSTERS, CUTOUTS, EMBEDDING, LABEL_DISAGREEMENTS, LABELS, SCORES, TRAINING_HISTORY
from .truth import SIMULATED_TRUTH

ALL_SCHEMAS: tuple[TableSchema, ...] = (
    SOURCE,
    INJECTION_CATALOG,
    INJECTED_CATALOG,
    DIA_SOURCE,
    INJECTED_MATCH,
    CUTOUTS,
    LABELS,
    LABEL_DISAGREEMENTS,
    TRAINING_HISTORY,
    SCORES,
    EMBEDDING,
    CLUSTERS,
    METRICS,
    CURVES,
    DIA_OBJECT,
    OBJECTS,
    LIGHT_CURVES,
    FORCED_DIA_OBJECT,
    SIMULATED_TRUTH,
)
"""Schemas in the order of the pipeline."""

__all__ = (
    "ALL_SCHEMAS",
    "CLUSTERS",
    "CURVES",
    "CUTOUTS",
    "DIA_OBJECT",
    "DIA_SOURCE",
    "EMBEDDING",
    "FORCED_DIA_OBJECT",
    "INJECTED_CATALOG",
    "INJECTED_MATCH",
    "INJECTION_CATALOG",
    "LABELS",
    "LABEL_DISAGREEMENTS",
    "LIGHT_CURVES",
    "METRICS",
    "OBJECTS",
    "SCORES",
    "SIMULATED_TRUTH",
    "SOURCE",
    "TRAINING_HISTORY",
    "Column",
    "TableSchema",
)
