# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Normalisation: values, validity, sign."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lsst.transient.bogus.nn.normalise import crop_size, normalise, prepare
from lsst.transient.bogus.nn.spec import Normalisation
from lsst.transient.bogus.nn.stamps import Stamps

CHANNELS = ("difference", "science", "template")
PLAIN = Normalisation(canonical_sign=False)


def random_stamps(n=4, size=13, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3, size, size)).astype(np.float32)


@pytest.mark.parametrize(
    ("stamp", "crop", "size"), [(30, 0, 29), (51, 0, 51), (30, 20, 19), (30, 21, 21), (30, 99, 29)]
)
def test_crop_is_odd_and_fits(stamp, crop, size):
    assert crop_size(stamp, crop) == size


def test_crop_keeps_the_central_pixel():
    # The centre of a cutout is pixel size // 2, also for even sizes.
    image = np.zeros((1, 3, 30, 30), np.float32)
    image[:, :, 15, 15] = 7.0
    x, valid = normalise(image, None, None, CHANNELS, PLAIN)
    assert (x.shape, valid.shape) == ((1, 3, 29, 29), (1, 29, 29))
    assert x[0, 0, 14, 14] == pytest.approx(np.arcsinh(7.0))
    assert np.count_nonzero(x[0, 0]) == 1


def test_signal_to_noise():
    image = np.zeros((1, 3, 5, 5), np.float32)
    image[0, 0, 2, 3] = 6.0
    variance = np.full_like(image, 4.0)
    x, _ = normalise(image, variance, None, CHANNELS, Normalisation(softening=0.5))
    assert x[0, 0, 2, 3] == pytest.approx(np.arcsinh(3.0 / 0.5))
    clipped, _ = normalise(image, variance, None, CHANNELS, Normalisation(clip=1.0))
    assert clipped[0, 0, 2, 3] == pytest.approx(np.arcsinh(1.0))


def test_only_the_difference_keeps_its_zero():
    x, _ = normalise(random_stamps() + 100.0, None, None, CHANNELS, PLAIN)
    assert x[:, 0].mean() > 4
    assert abs(np.median(x[:, 1:3])) < 0.5


@pytest.mark.parametrize("kind", ["snr", "robust", "minmax"])
def test_the_difference_alone(kind):
    image, spec = random_stamps(), Normalisation(kind)
    alone, _ = normalise(image[:, :1], None, None, CHANNELS[:1], spec)
    together, _ = normalise(image, None, None, CHANNELS, spec)
    np.testing.assert_array_equal(alone[:, 0], together[:, 0])


@pytest.mark.parametrize("kind", ["snr", "robust", "minmax"])
def test_tensors_become_what_arrays_become(kind):
    image = random_stamps(64)
    image[5, 1, 2, 3], image[6], image[7, 2, 4, 4] = np.nan, np.nan, np.inf
    variance = 0.5 + np.abs(random_stamps(64, seed=1))
    variance[8, 0, 6, 6] = 0.0
    flagged = random_stamps(64, seed=2)[:, 0] > 2
    arrays = normalise(image, variance, flagged, CHANNELS, Normalisation(kind))
    tensors = normalise(*map(torch.from_numpy, (image, variance, flagged)), CHANNELS, Normalisation(kind))
    np.testing.assert_allclose(tensors[0].numpy(), arrays[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(tensors[1].numpy(), arrays[1])


@pytest.mark.parametrize("kind", ["snr", "robust", "minmax"])
def test_missing_and_flagged_pixels(kind):
    image = random_stamps()
    image[1, 2, 4, 5] = np.nan
    flagged = np.zeros((4, 13, 13), dtype=bool)
    flagged[2, 0, 1] = True
    x, valid = normalise(image, np.ones_like(image), flagged, CHANNELS, Normalisation(kind=kind))
    assert np.isfinite(x).all()
    assert {tuple(place) for place in np.argwhere(~valid)} == {(1, 4, 5), (2, 0, 1)}
    assert (x[1, :, 4, 5] == 0).sum() == 1


@pytest.mark.parametrize("kind", ["robust", "minmax"])
def test_scale_of_the_stamp_does_not_matter(kind):
    image = random_stamps()
    a, b = (normalise(image * f, None, None, CHANNELS, Normalisation(kind=kind))[0] for f in (1.0, 250.0))
    np.testing.assert_allclose(a, b, atol=1e-4)
    if kind == "minmax":
        assert a.min() == 0
        assert a.max() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["snr", "robust", "minmax"])
def test_a_negative_detection_is_shown_as_its_mirror(kind):
    image = random_stamps()
    image[:, 0, 6, 6] = 50.0
    variance = 0.5 + np.abs(random_stamps(seed=1))
    mirror, mirror_variance = image[:, [0, 2, 1]], variance[:, [0, 2, 1]]
    mirror[:, 0] *= -1
    spec = Normalisation(kind=kind)
    x, _ = normalise(image, variance, None, CHANNELS, spec)
    np.testing.assert_array_equal(x, normalise(mirror, mirror_variance, None, CHANNELS, spec)[0])
    different = Normalisation(kind=kind, canonical_sign=False)
    assert not np.array_equal(x, normalise(mirror, mirror_variance, None, CHANNELS, different)[0])


def test_a_pixel_without_noise_has_no_say_in_the_sign():
    image, variance = random_stamps(), np.ones((4, 3, 13, 13), np.float32)
    image[:, 0, 6, 6], image[:, 0, 6, 7], variance[:, 0, 6, 7] = 50.0, -50.0, 0.0
    x, valid = normalise(image, variance, None, CHANNELS, Normalisation())
    assert (x[:, 0, 6, 6] > 0).all()
    assert not valid[:, 6, 7].any()


def test_sign_without_template_leaves_science():
    image = random_stamps()[:, :2]
    image[:, 0, 6, 6] = -50.0
    x, _ = normalise(image, None, None, ("difference", "science"), Normalisation())
    plain, _ = normalise(image, None, None, ("difference", "science"), PLAIN)
    np.testing.assert_array_equal(x[:, 0], -plain[:, 0])
    np.testing.assert_array_equal(x[:, 1:], plain[:, 1:])


def test_mask_bits_by_name():
    mask = np.zeros((1, 3, 5, 5), np.uint8)
    mask[0, 1, 0, 0] = 1  # BAD
    mask[0, 0, 1, 1] = 2  # DETECTED
    stamps = Stamps(np.zeros((1, 3, 5, 5), np.float32), mask=mask, mask_bits=("BAD", "DETECTED"))
    valid = prepare(stamps, Normalisation(flag_bits=("bad", "unheard_of")))[0, 3]
    assert valid.sum() == 24
    assert valid[0, 0] == 0


@pytest.mark.parametrize("noise", [0.0, -1.0, np.nan, np.inf])
def test_a_pixel_without_noise_is_missing(noise):
    image, variance = random_stamps(), np.ones((4, 3, 13, 13), np.float32)
    variance[1, 2, 3, 4] = noise
    x, valid = normalise(image, variance, None, CHANNELS, PLAIN)
    assert x[1, 2, 3, 4] == 0.0
    assert np.argwhere(~valid).tolist() == [[1, 3, 4]]
    variance[2, 0] = noise
    assert Stamps(image, variance).usable.tolist() == [True, True, False, True]


def test_all_missing_is_all_zero():
    image = np.full((2, 3, 9, 9), np.nan, np.float32)
    x, valid = normalise(image, None, None, CHANNELS, Normalisation(kind="minmax"))
    assert not x.any()
    assert not valid.any()
