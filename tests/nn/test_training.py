# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The epoch loop: it learns, repeats, resumes, and refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from lsst.transient.bogus.errors import InsufficientDataError, TrainingDivergedError
from lsst.transient.bogus.nn.inference import features, judge, predict
from lsst.transient.bogus.nn.io import model_version
from lsst.transient.bogus.nn.networks import build
from lsst.transient.bogus.nn.normalise import prepare
from lsst.transient.bogus.nn.plan import Plan, held_out_logits, roc_auc
from lsst.transient.bogus.nn.settings import Regime, Settings
from lsst.transient.bogus.nn.spec import Network
from lsst.transient.bogus.nn.stamps import Stamps
from lsst.transient.bogus.nn.state import TrainingState
from lsst.transient.bogus.nn.training import _learning_rate, train

from .fakes import N_FOLDS, REGIMES, make_fakes

SMALL = Settings(network=Network(filters=(8, 8, 8), units=8), epochs=3, batch_size=32, peers=2)


@pytest.fixture(scope="module")
def fakes():
    return make_fakes(360, contamination=0.1)


@pytest.fixture(scope="module")
def result(fakes):
    return train(fakes.stamps, fakes.labels, fakes.folds, SMALL)


@pytest.mark.parametrize("kind", REGIMES)
def test_every_regime_learns(fakes, kind):
    n_epochs = 25 if kind == "nnpu" else 8  # injections count little in its risk
    regime = Regime(kind, delay_epochs=2, ramp_epochs=3)
    settings = dataclasses.replace(SMALL, regime=regime, epochs=n_epochs)
    out = train(fakes.stamps, fakes.labels, fakes.folds, settings)
    assert roc_auc(out.out_of_fold.mean(axis=0), fakes.truth) > 0.95
    assert len(out.history) == n_epochs
    assert out.out_of_fold.shape == (2, 360)


def test_out_of_fold_scores_are_those_of_the_blind_networks(fakes, result):
    probability = predict(result.model, fakes.stamps)
    assert result.model.spec.network_fold == (0, 0, 1, 1, 2, 2)
    for fold in range(N_FOLDS):
        rows = fakes.folds == fold
        assert np.allclose(result.out_of_fold[:, rows], probability[2 * fold : 2 * fold + 2, rows], atol=2e-3)


def test_labels_of_the_held_out_fold_do_not_matter(fakes):
    labels = fakes.labels.copy()
    rows = fakes.folds == 1
    labels[rows] = 1 - labels[rows]
    settings = dataclasses.replace(SMALL, regime=Regime("standard"))
    for entry, other in zip(
        *(train(fakes.stamps, given, fakes.folds, settings).history for given in (fakes.labels, labels)),
        strict=True,
    ):
        assert np.array_equal(entry.train_loss[2:4], other.train_loss[2:4])
        assert not np.array_equal(entry.train_loss[:2], other.train_loss[:2])


def test_what_networks_say_of_each_other_does_not_leak_labels():
    """Each fold is weighed by networks that saw the others; yet drawn labels tell nothing."""
    rng = np.random.default_rng(3)
    stamps = Stamps(rng.normal(size=(900, 3, 9, 9)).astype(np.float32))
    labels, folds = rng.integers(0, 2, 900), rng.integers(0, 3, 900)
    settings = dataclasses.replace(SMALL, regime=Regime(delay_epochs=1), epochs=20, monitor="loss")
    out = train(stamps, labels, folds, settings)
    assert max(entry.train_loss.min() for entry in out.history[:1]) > out.history[-1].train_loss.max()
    assert abs(roc_auc(out.out_of_fold.mean(axis=0), labels == 1) - 0.5) < 4 * 0.02


def test_same_settings_same_bits(fakes, result):
    again = train(fakes.stamps, fakes.labels, fakes.folds, SMALL)
    assert model_version(again.model) == model_version(result.model)
    other = train(fakes.stamps, fakes.labels, fakes.folds, dataclasses.replace(SMALL, seed=1))
    assert model_version(other.model) != model_version(result.model)


def test_training_leaves_the_global_generator_alone(fakes):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    train(fakes.stamps, fakes.labels, fakes.folds, dataclasses.replace(SMALL, epochs=1))
    assert torch.equal(torch.rand(1), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_early_stopping_returns_the_best_epoch(fakes):
    settings = dataclasses.replace(SMALL, epochs=30, patience=2, learning_rate=1e-2)
    out = train(fakes.stamps, fakes.labels, fakes.folds, settings)
    auc = [np.nanmean(e.validation_auc) for e in out.history]
    assert len(out.history) < 30
    assert len(out.history) == out.best_epoch + 3
    assert auc[out.best_epoch] == max(auc)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 1e-3},
        {"weight_decay": 0.5},
        {"averaging": 0.0},
        {"positive_weight": 5.0},
        {"batch_size": 64},
        {"members": 2},
        {"network": Network(filters=(8, 8, 8), units=8, dropout=0.0)},
    ],
)
def test_every_setting_has_effect(fakes, result, change):
    settings = dataclasses.replace(SMALL, epochs=1, **change)
    out = train(fakes.stamps, fakes.labels, fakes.folds, settings)
    assert not np.array_equal(out.history[0].validation_loss, result.history[0].validation_loss)


def test_unlabelled_negative_detections_are_not_trained_on(fakes):
    """No injection is negative: trained on, they would teach that negative means bogus."""
    below = np.arange(len(fakes.labels)) % 3 == 0
    for weight, left_out in ((0.0, below & (fakes.labels == 0)), (1.0, np.zeros_like(below))):
        settings = dataclasses.replace(SMALL, negative_sign_weight=weight)
        plan = Plan.make(fakes.labels, fakes.folds, settings, below)
        wanted = set(np.flatnonzero((fakes.folds != 1) & ~left_out))
        assert set(plan.seen(1)) == wanted
        trained = plan.batches(0, settings)[:, :, 1 * plan.members]
        assert set(trained.flat) == wanted
    out = train(fakes.stamps, fakes.labels, fakes.folds, SMALL, negative_sign=below)
    assert np.isfinite(out.out_of_fold[:, below]).all()


def test_stamps_that_are_not_usable_are_refused(fakes):
    image = fakes.stamps.image.copy()
    image[:5] = np.nan
    stamps = dataclasses.replace(fakes.stamps, image=image)
    with pytest.raises(ValueError, match="5 of 360 stamps are not usable"):
        train(stamps, fakes.labels, fakes.folds, SMALL)


def test_nnpu_without_folds_keeps_its_prior(fakes):
    nobody = np.full(len(fakes.labels), -1)
    settings = dataclasses.replace(SMALL, regime=Regime("nnpu", prior=0.2))
    history = train(fakes.stamps, fakes.labels, nobody, settings).history
    assert [entry.prior for entry in history] == [0.2] * 3
    with pytest.raises(ValueError, match="must be given"):
        train(fakes.stamps, fakes.labels, nobody, dataclasses.replace(SMALL, regime=Regime("nnpu")))
    half = dataclasses.replace(settings, negative_sign_weight=0.5)
    with pytest.raises(ValueError, match=r"0 or 1, not 0\.5"):
        train(fakes.stamps, fakes.labels, nobody, half, negative_sign=fakes.labels == 0)


def test_without_folds_all_networks_see_all(fakes):
    settings = dataclasses.replace(SMALL, epochs=1)
    out = train(fakes.stamps, fakes.labels, np.full(len(fakes.labels), -1), settings)
    assert out.model.spec.network_fold == (-1, -1)
    assert np.isnan(out.out_of_fold).all()


def test_too_few_or_one_class(fakes):
    with pytest.raises(InsufficientDataError, match="0 injected and") as caught:
        train(fakes.stamps, np.zeros(360), fakes.folds, SMALL)
    assert caught.value.metadata["n_positive"] == 0
    with pytest.raises(InsufficientDataError):
        train(fakes.stamps, fakes.labels, fakes.folds, dataclasses.replace(SMALL, min_per_class=200))


def test_divergence(fakes):
    with pytest.raises(TrainingDivergedError, match="of 6 networks") as caught:
        train(fakes.stamps, fakes.labels, fakes.folds, dataclasses.replace(SMALL, learning_rate=1e30))
    assert caught.value.metadata["epoch"] == 0
    assert 1 <= caught.value.metadata["n_diverged"] <= caught.value.metadata["n_networks"] == 6


def test_divergence_in_the_last_step(fakes):
    """Only the weights tell: the loss was computed before the step."""
    one_step = dataclasses.replace(SMALL, learning_rate=1e38, epochs=1, batch_size=360, weight_decay=1e3)
    with pytest.raises(TrainingDivergedError):
        train(fakes.stamps, fakes.labels, fakes.folds, one_step)


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (0.0, 0.05),
        (0.5, 0.55),
        (1.0, 1.0),
        (5.5, 0.5),
        (7.75, 0.5 * (1 + np.cos(0.75 * np.pi))),
        (10.0, 0.01),
    ],
)
def test_learning_rate_rises_and_falls_as_a_cosine(epoch, expected):
    settings = dataclasses.replace(SMALL, epochs=10, learning_rate=2.0)
    assert _learning_rate(epoch, settings) == pytest.approx(2.0 * expected)


def test_running_mean_of_the_weights():
    network = build(2, 4, 9, SMALL.network)
    state = TrainingState.start(network, SMALL)
    name, weight = next(iter(network.named_parameters()))
    expected = weight.detach().clone()
    for step in range(1, 40):
        with torch.no_grad():
            weight += step
        state.average(0.7)
        past = min(0.7, step / (step + 10.0))
        expected = past * expected + (1.0 - past) * weight.detach()
    assert torch.allclose(state.averaged.state_dict()[name], expected, rtol=1e-5)


def test_batches_take_every_sample_once(fakes):
    plan = Plan.make(fakes.labels, fakes.folds, SMALL)
    settings = dataclasses.replace(SMALL, batch_size=int((fakes.folds != 0).sum()))
    first = plan.batches(0, settings)[:, :, 0].ravel()
    assert np.array_equal(np.sort(first), np.flatnonzero(fakes.folds != 0))
    assert not np.array_equal(first, plan.batches(1, settings)[:, :, 0].ravel())


def test_sampler_draws_the_classes_alike(fakes):
    settings = dataclasses.replace(SMALL, balance="sampler", min_per_class=1)
    rare = (np.arange(360) % 12 == 0).astype(int)
    plan = Plan.make(rare, fakes.folds, settings)
    batches = plan.batches(0, settings)
    assert batches.shape == plan.batches(0, dataclasses.replace(settings, balance="weight")).shape
    assert plan.labels[batches].mean() == pytest.approx(0.5, abs=0.01)
    assert (plan.class_weights(plan.importance, settings) == 1.0).all()
    for stream, fold in enumerate((0, 1, 2)):
        drawn = np.bincount(batches[:, :, stream].ravel(), minlength=360)
        seen = fakes.folds != fold
        assert (drawn[~seen] == 0).all()
        assert np.ptp(drawn[seen & (rare == 1)]) <= 1  # none much more often than another
        assert drawn[seen & (rare == 0)].max() == 1
    few = (np.arange(360) % 120 == 0).astype(int)  # 119 others for each: beyond the largest factor
    plan = Plan.make(few, np.full(360, -1), settings)
    assert plan.labels[plan.batches(0, settings)].mean() == pytest.approx(20 / (20 + 119), abs=0.01)
    fixed = dataclasses.replace(settings, positive_weight=3.0)
    plan = Plan.make(rare, np.full(360, -1), fixed)
    assert plan.labels[plan.batches(0, fixed)].mean() == pytest.approx(3 / (3 + 11), abs=0.01)


@pytest.mark.parametrize("kind", REGIMES)
def test_deep_ensemble_of_any_regime(fakes, kind):
    """Members differ in weights and in batches, and peers are found within a member."""
    regime = Regime(kind, delay_epochs=0, ramp_epochs=0, forget_rate=0.3, prior=0.2)
    settings = dataclasses.replace(SMALL, regime=regime, epochs=1, members=3)
    out = train(fakes.stamps, fakes.labels, fakes.folds, settings)
    assert out.model.spec.network_fold == tuple(np.repeat([0, 1, 2], 6))
    assert out.out_of_fold.shape == (6, 360)
    loss = out.history[0].train_loss
    assert len(np.unique(loss)) == 18
    plan = Plan.make(fakes.labels, fakes.folds, settings)
    batches = plan.batches(0, settings)
    assert batches.shape[2] == 9
    assert not np.array_equal(batches[:, :, 0], batches[:, :, 1])


def test_class_weights_balance(fakes):
    plan = Plan.make(fakes.labels, fakes.folds, SMALL)
    weights = plan.class_weights(plan.importance, SMALL)
    for fold, (unlabelled, injected) in zip(plan.network_fold, weights, strict=True):
        seen = plan.labels[fakes.folds != fold]
        assert injected * seen.sum() == pytest.approx(unlabelled * (1 - seen).sum())
        assert np.where(seen == 1, injected, unlabelled).mean() == pytest.approx(1.0)


def test_held_out_logits_with_uneven_folds(fakes, result):
    folds = np.where(np.arange(360) < 3, 0, np.where(np.arange(360) < 100, 1, 2))
    plan = Plan.make(fakes.labels, folds, dataclasses.replace(SMALL, min_per_class=1))
    x = prepare(fakes.stamps, result.model.spec.normalisation)
    logits = held_out_logits(result.model.network, x, plan)
    with torch.no_grad():
        everything = result.model.network(x.float()).numpy()
    for fold in range(3):
        rows = folds == fold
        assert np.allclose(logits[:, rows], everything[2 * fold : 2 * fold + 2, rows], atol=1e-4)


def test_features_are_of_all_networks(fakes, result):
    latent = features(result.model, fakes.stamps[:50])
    assert latent.shape == (50, 6 * 8)
    assert (np.ptp(latent, axis=0) > 0).mean() > 0.5


@pytest.mark.parametrize(
    ("score", "positive", "expected"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
        ([0.5, 0.5], [0, 1], 0.5),
        ([1.0, 2.0], [1, 1], np.nan),
    ],
)
def test_roc_auc(score, positive, expected):
    assert roc_auc(np.array(score), np.array(positive, bool)) == pytest.approx(expected, nan_ok=True)


def test_what_is_unlike_the_training_samples_is_far(fakes, result):
    familiar = judge(result.model, fakes.stamps).distance
    row, column = np.mgrid[:14, :14]
    stripes = np.broadcast_to(300.0 * ((row + column) % 2 - 0.5), (5, 3, 14, 14)).astype(np.float32)
    strange = judge(result.model, Stamps(stripes, fakes.stamps.variance[:5])).distance
    limit = result.model.spec.domain_limit
    assert familiar.shape == (6, 360)
    assert np.mean(familiar.mean(axis=0) > limit) < 0.01
    assert (strange.mean(axis=0) > limit).all()
    assert 0.5 < np.median(familiar) < 1.5


def test_domain_quantile(fakes, result):
    settings = dataclasses.replace(SMALL, domain_quantile=0.5)
    other = train(fakes.stamps, fakes.labels, fakes.folds, settings)
    assert other.model.spec.domain_limit < result.model.spec.domain_limit
