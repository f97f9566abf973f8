# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projection, choice of rows, map and clusters on features with known groups."""

from __future__ import annotations

import numpy as np
import pytest

from lsst.transient.bogus.embedding import (
    UmapSpec,
    density_clusters,
    fit_projection,
    stratified_rows,
    umap_coordinates,
)


def _groups(n=120, n_features=12, seed=0):
    rng = np.random.default_rng(seed)
    group = np.arange(n) % 3
    return rng.normal(size=(n, n_features)) + 12 * np.eye(3, n_features)[group], group


def test_projection_keeps_the_directions_that_vary():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(500, 2)) @ rng.normal(size=(2, 40)) + 7.0
    projection = fit_projection(features, 10)
    components = projection.apply(features)
    assert components.shape == (500, 2)
    assert projection.explained == pytest.approx(1.0)
    np.testing.assert_allclose(components.mean(axis=0), 0.0, atol=1e-5)
    # Distances are kept, up to one common scale.
    original = np.linalg.norm(features[:-1] - features[1:], axis=1)
    projected = np.linalg.norm(components[:-1] - components[1:], axis=1)
    np.testing.assert_allclose(projected / original, (projected / original)[0], rtol=1e-4)


def test_constant_features_have_no_direction():
    projection = fit_projection(np.ones((5, 3)), 2)
    assert projection.apply(np.ones((5, 3))).shape == (5, 0)
    assert projection.explained == 0.0


def test_rare_strata_are_taken_whole():
    stratum = np.repeat([0, 1, 2], [1000, 500, 7])
    rows = stratified_rows(stratum, 107, np.random.default_rng(2))
    assert np.all(np.diff(rows) > 0)
    assert np.bincount(stratum[rows]).tolist() == [50, 50, 7]
    np.testing.assert_array_equal(stratified_rows(stratum, 5000, np.random.default_rng(2)), np.arange(1507))


def test_map_separates_groups_and_repeats_itself():
    features, group = _groups()
    fit_rows = np.arange(90)
    spec = UmapSpec(n_neighbors=8, n_epochs=60, seed=3)
    coordinates = umap_coordinates(features.astype(np.float32), fit_rows, spec)
    assert coordinates.shape == (120, 2)
    assert np.isfinite(coordinates).all()
    centres = np.array([coordinates[group == g].mean(axis=0) for g in range(3)])
    nearest = np.linalg.norm(coordinates[:, None] - centres[None], axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, group)
    np.testing.assert_array_equal(umap_coordinates(features.astype(np.float32), fit_rows, spec), coordinates)


def test_few_rows_fall_back_to_the_first_components():
    components = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(umap_coordinates(components, np.arange(4), UmapSpec()), components[:, :2])
    assert umap_coordinates(components[:, :1], np.arange(4), UmapSpec()).shape == (4, 2)


def test_clusters_are_ordered_by_size_and_given_to_the_other_rows():
    rng = np.random.default_rng(4)
    sizes = (60, 200, 100)
    group = np.repeat(np.arange(3), sizes)
    coordinates = rng.normal(0, 0.1, (360, 2)) + 10.0 * np.array([[0, 0], [1, 0], [0, 1]])[group]
    fit_rows = np.arange(0, 360, 2)
    cluster = density_clusters(coordinates, fit_rows, min_size=15, min_samples=5)
    for index, expected in ((1, 0), (2, 1), (0, 2)):
        members = cluster[group == index]
        assert np.mean(members == expected) > 0.9
    assert np.all(density_clusters(coordinates[:5], np.arange(5), min_size=15, min_samples=5) == -1)
