# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of networks and of their training."""

from __future__ import annotations

__all__ = ("AugmentationConfig", "NetworkConfig", "NormalisationConfig", "RegimeConfig")

from lsst.pex.config import ChoiceField, Config, Field, ListField, RangeField

from ..nn.settings import Augmentation, Regime
from ..nn.spec import NORMALISATIONS, Network, Normalisation


class NormalisationConfig(Config):
    """How calibrated pixels become the numbers that a network sees; stored in the model."""

    kind = ChoiceField[str](
        doc="How pixels are scaled.",
        allowed=dict(NORMALISATIONS),
        default="snr",
    )
    softening = RangeField(
        dtype=float,
        doc="Signal-to-noise below which asinh is linear. Small values spread the noise over the range of "
        "the network's input, large values flatten faint sources. Ignored for minmax.",
        default=1.0,
        min=0.0,
        inclusiveMin=False,
    )
    clip = RangeField(
        dtype=float,
        doc="Largest absolute signal-to-noise; what is beyond looks alike. Ignored for minmax.",
        default=1e4,
        min=0.0,
        inclusiveMin=False,
    )
    crop = RangeField(
        dtype=int,
        doc="Side of the central square that is used, in pixels, made odd; 0 for all of the stamp. Smaller "
        "squares are faster but lose spikes and trails.",
        default=0,
        min=0,
    )
    canonicalSign = Field[bool](
        doc="Show a negative detection as its mirror image: difference times -1, science and template "
        "exchanged. Without it the network learns that negative means bogus, as no injection is negative.",
        default=True,
    )
    flagBits = ListField[str](
        doc="Bits of the stamps' masks (lower case) that mark a pixel in the validity channel. Bits that "
        "the stamps do not have are ignored.",
        default=list(Normalisation().flag_bits),
    )

    def spec(self) -> Normalisation:
        """Return the values as the networks take them.

        Returns
        -------
        normalisation : `~lsst.transient.bogus.nn.spec.Normalisation`
            Frozen values.
        """
        return Normalisation(
            kind=self.kind,
            softening=self.softening,
            clip=self.clip,
            crop=self.crop,
            canonical_sign=self.canonicalSign,
            flag_bits=tuple(self.flagBits),
        )


class NetworkConfig(Config):
    """Architecture of one network."""

    kind = ChoiceField[str](
        doc="Architecture.",
        allowed={
            "compact": "Convolutions on 2x2 pixels as channels, pooled at the centre and over the stamp.",
            "cnn2": "The published reference: convolution, pooling and dropout for each of filters.",
        },
        default="compact",
    )
    filters = ListField[int](
        doc="Channels of each convolution, at least two. Cost grows with the product of neighbours.",
        default=list(Network().filters),
        listCheck=lambda filters: len(filters) >= 2 and min(filters) > 0,
    )
    units = RangeField(
        dtype=int,
        doc="Latent features: width of the dense layer, and the columns that are embedded.",
        default=Network().units,
        min=1,
    )
    dropout = RangeField(
        dtype=float,
        doc="Probability that a latent feature (cnn2: also a map) is dropped in training. Large values "
        "underfit, 0 memorises sooner.",
        default=Network().dropout,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )

    def spec(self) -> Network:
        """Return the values as the networks take them.

        Returns
        -------
        network : `~lsst.transient.bogus.nn.spec.Network`
            Frozen values.
        """
        return Network(self.kind, tuple(self.filters), self.units, self.dropout)


class RegimeConfig(Config):
    """Treatment of label noise: real transients among the samples labelled bogus."""

    kind = ChoiceField[str](
        doc="Which samples count.",
        allowed={
            "standard": "All.",
            "co_teaching": "Those of smallest loss for the peer.",
            "asymmetric_co_teaching": "Those of smallest loss for the peer, class by class.",
            "stochastic_co_teaching": "Those whose label the peer finds likelier than a random threshold.",
            "nnpu": "The non-negative risk of positive and unlabelled samples.",
            "contamination": "All injections, and the unlabelled by their probability to be bogus, as judged "
            "by networks that did not see them. Without held-out folds nobody judges: as standard.",
        },
        default=Regime().kind,
    )
    forgetRate = RangeField(
        dtype=float,
        doc="Fraction of all samples (co_teaching) or of the unlabelled ones (asymmetric_co_teaching) that "
        "is finally withheld, rounded down to whole samples of each batch. Too small memorises real "
        "transients as bogus, too large drops the hard bogus. Ignored by other regimes.",
        default=Regime().forget_rate,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    forgetRatePositive = RangeField(
        dtype=float,
        doc="Fraction of injections that is finally withheld (asymmetric_co_teaching), rounded down to whole "
        "ones of each batch: with 13 of them in a batch less than 0.077 withholds none. Larger than the "
        "fraction of chance matches drops faint injections. Ignored by other regimes.",
        default=Regime().forget_rate_positive,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    rampEpochs = RangeField(
        dtype=int,
        doc="Epochs over which withholding grows from nothing; 0 starts in full, before the networks know "
        "anything. Ignored by standard, nnpu and contamination.",
        default=Regime().ramp_epochs,
        min=0,
    )
    rampExponent = RangeField(
        dtype=float,
        doc="Exponent of that growth; above 1 it starts slowly. Ignored as rampEpochs.",
        default=Regime().ramp_exponent,
        min=0.0,
        inclusiveMin=False,
    )
    betaA = RangeField(
        dtype=float,
        doc="First parameter of the Beta distribution of thresholds (stochastic_co_teaching); larger values "
        "withhold more.",
        default=Regime().beta_a,
        min=0.0,
        inclusiveMin=False,
    )
    betaB = RangeField(
        dtype=float,
        doc="Second parameter of the Beta distribution (stochastic_co_teaching); larger ones withhold less.",
        default=Regime().beta_b,
        min=0.0,
        inclusiveMin=False,
    )
    delayEpochs = RangeField(
        dtype=int,
        doc="Epochs before withholding starts (stochastic_co_teaching, contamination). Too many let the "
        "networks memorise: the published 15 of stochastic_co_teaching, with a ramp of 10, are for long "
        "trainings. Ignored by other regimes.",
        default=Regime().delay_epochs,
        min=0,
    )
    prior = RangeField(
        dtype=float,
        doc="Fraction of real transients among the unlabelled samples (nnpu, contamination); 0 estimates it "
        "from the scores of the held-out folds after every epoch. Ignored by other regimes.",
        default=Regime().prior,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )

    def spec(self) -> Regime:
        """Return the values as the training takes them.

        Returns
        -------
        regime : `~lsst.transient.bogus.nn.settings.Regime`
            Frozen values.
        """
        return Regime(
            kind=self.kind,
            forget_rate=self.forgetRate,
            forget_rate_positive=self.forgetRatePositive,
            ramp_epochs=self.rampEpochs,
            ramp_exponent=self.rampExponent,
            beta_a=self.betaA,
            beta_b=self.betaB,
            delay_epochs=self.delayEpochs,
            prior=self.prior,
        )


class AugmentationConfig(Config):
    """Variation of the training stamps, drawn anew every epoch."""

    d4 = Field[bool](doc="Use the eight flips and rotations of a stamp.", default=Augmentation().d4)
    shift = RangeField(
        dtype=int,
        doc="Largest shift in pixels along each axis. Makes the network blind to centring; 0 for none.",
        default=Augmentation().shift,
        min=0,
    )
    noise = RangeField(
        dtype=float,
        doc="Standard deviation of noise added to normalised pixels, which are of order one in empty sky. "
        "Large values hide faint sources; 0 for none.",
        default=Augmentation().noise,
        min=0.0,
    )
    depth = RangeField(
        dtype=float,
        doc="Largest factor by which the signal-to-noise of science and template is changed, up or down, "
        "each by its own: a template may be deeper or shallower than those trained on, and a negative "
        "detection is shown with the two exchanged. 1 for none; minmax stamps are left as they are.",
        default=Augmentation().depth,
        min=1.0,
        max=100.0,
        inclusiveMax=True,
    )

    def spec(self) -> Augmentation:
        """Return the values as the training takes them.

        Returns
        -------
        augmentation : `~lsst.transient.bogus.nn.settings.Augmentation`
            Frozen values.
        """
        return Augmentation(self.d4, self.shift, self.noise, self.depth)
