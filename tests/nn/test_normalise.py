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
    return torch.from_numpy(rng.normal(size=(n, 3, size, size)).astype(np.float32))


@pytest.mark.parametrize(
    ("stamp", "crop", "size"), [(30, 0, 29), (51, 0, 51), (30, 20, 19), (30, 21, 21), (30, 99, 29)]
)
def test_crop_is_odd_and_fits(stamp, crop, size):
    assert crop_size(stamp, crop) == size


def test_crop_keeps_the_central_pixel():
    # The centre of a cutout is pixel size // 2, also for even sizes.
    image = torch.zeros(1, 3, 30, 30)
    image[:, :, 15, 15] = 7.0
    x = normalise(image, None, None, CHANNELS, PLAIN)
    assert x.shape == (1, 4, 29, 29)
    assert x[0, 0, 14, 14] == pytest.approx(np.arcsinh(7.0))
    assert torch.count_nonzero(x[0, 0]) == 1


def test_signal_to_noise():
    image = torch.zeros(1, 3, 5, 5)
    image[0, 0, 2, 3] = 6.0
    x = normalise(image, torch.full_like(image, 4.0), None, CHANNELS, Normalisation(softening=0.5))
    assert x[0, 0, 2, 3] == pytest.approx(np.arcsinh(3.0 / 0.5))
    clipped = normalise(image, torch.full_like(image, 4.0), None, CHANNELS, Normalisation(clip=1.0))
    assert clipped[0, 0, 2, 3] == pytest.approx(np.arcsinh(1.0))


def test_only_the_difference_keeps_its_zero():
    image = random_stamps() + 100.0
    x = normalise(image, None, None, CHANNELS, PLAIN)
    assert x[:, 0].mean() > 4
    assert x[:, 1:3].median().abs() < 0.5


@pytest.mark.parametrize("kind", ["snr", "robust", "minmax"])
def test_the_difference_alone(kind):
    image, spec = random_stamps(), Normalisation(kind)
    alone = normalise(image[:, :1], None, None, CHANNELS[:1], spec)
    torch.testing.assert_close(alone[:, 0], normalise(image, None, None, CHANNELS, spec)[:, 0])


@pytest.mark.parametrize("kind", ["snr", "robust", "minmax"])
def test_missing_and_flagged_pixels(kind):
    image = random_stamps()
    image[1, 2, 4, 5] = torch.nan
    flagged = torch.zeros(4, 13, 13, dtype=torch.bool)
    flagged[2, 0, 1] = True
    x = normalise(image, torch.ones_like(image), flagged, CHANNELS, Normalisation(kind=kind))
    assert torch.isfinite(x).all()
    valid = torch.ones(4, 13, 13)
    valid[1, 4, 5] = 0
    valid[2, 0, 1] = 0
    assert torch.equal(x[:, 3], valid)
    assert (x[1, :3, 4, 5] == 0).sum() == 1


@pytest.mark.parametrize("kind", ["robust", "minmax"])
def test_scale_of_the_stamp_does_not_matter(kind):
    image = random_stamps()
    a, b = (normalise(image * f, None, None, CHANNELS, Normalisation(kind=kind)) for f in (1.0, 250.0))
    assert torch.allclose(a, b, atol=1e-4)
    if kind == "minmax":
        assert a[:, :3].amin() == 0
        assert a[:, :3].amax() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["snr", "robust", "minmax"])
def test_a_negative_detection_is_shown_as_its_mirror(kind):
    image = random_stamps()
    image[:, 0, 6, 6] = 50.0
    variance = torch.rand(image.shape) + 0.5
    mirror, mirror_variance = image[:, [0, 2, 1]].clone(), variance[:, [0, 2, 1]]
    mirror[:, 0] *= -1
    spec = Normalisation(kind=kind)
    x = normalise(image, variance, None, CHANNELS, spec)
    assert torch.equal(x, normalise(mirror, mirror_variance, None, CHANNELS, spec))
    different = Normalisation(kind=kind, canonical_sign=False)
    assert not torch.equal(x, normalise(mirror, mirror_variance, None, CHANNELS, different))


def test_sign_without_template_leaves_science():
    image = random_stamps()[:, :2]
    image[:, 0, 6, 6] = -50.0
    x = normalise(image, None, None, ("difference", "science"), Normalisation())
    plain = normalise(image, None, None, ("difference", "science"), PLAIN)
    assert torch.equal(x[:, 0], -plain[:, 0])
    assert torch.equal(x[:, 1:], plain[:, 1:])


def test_mask_bits_by_name():
    mask = np.zeros((1, 3, 5, 5), np.uint8)
    mask[0, 1, 0, 0] = 1  # BAD
    mask[0, 0, 1, 1] = 2  # DETECTED
    stamps = Stamps(np.zeros((1, 3, 5, 5), np.float32), mask=mask, mask_bits=("BAD", "DETECTED"))
    valid = prepare(stamps, Normalisation(flag_bits=("bad", "unheard_of")))[0, 3]
    assert valid.sum() == 24
    assert valid[0, 0] == 0


def test_all_missing_is_all_zero():
    x = normalise(torch.full((2, 3, 9, 9), torch.nan), None, None, CHANNELS, Normalisation(kind="minmax"))
    assert torch.count_nonzero(x) == 0
