# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections and configuration of the training task."""

from __future__ import annotations

__all__ = ("TrainTransientBogusConfig", "TrainTransientBogusConnections")

from lsst.pex.config import ChoiceField, ConfigField, Field, FieldValidationError, RangeField
from lsst.pipe.base import PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base import connectionTypes as cT

from ..columns import TRAINING_HISTORY
from ..nn.spec import Settings
from .network_config import AugmentationConfig, NetworkConfig, NormalisationConfig, RegimeConfig


class TrainTransientBogusConnections(PipelineTaskConnections, dimensions=("instrument",)):
    """Connections of `TrainTransientBogusTask`."""

    cutouts = cT.Input(
        doc="Stamps around the DIA sources of injected visits.",
        name="transient_cutouts",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferLoad=True,
    )
    labels = cT.Input(
        doc="Labels and folds of the same DIA sources.",
        name="transient_labels",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferLoad=True,
    )
    model = cT.Output(
        doc="Networks, their specification and calibration.",
        name="transient_bogus_model",
        storageClass="ArrowTable",
        dimensions=("instrument",),
    )
    history = cT.Output(
        doc=TRAINING_HISTORY.doc,
        name="transient_bogus_training_history",
        storageClass="ArrowAstropy",
        dimensions=("instrument",),
    )


class TrainTransientBogusConfig(PipelineTaskConfig, pipelineConnections=TrainTransientBogusConnections):
    """Configuration of `TrainTransientBogusTask`."""

    normalisation = ConfigField[NormalisationConfig](doc="How pixels become the networks' input.")
    network = ConfigField[NetworkConfig](doc="Architecture.")
    regime = ConfigField[RegimeConfig](doc="Treatment of label noise.")
    augmentation = ConfigField[AugmentationConfig](doc="Variation of the training stamps.")
    peers = RangeField(
        dtype=int,
        doc="Networks of each fold that see the same batches. The co-teaching regimes need two or more; "
        "others gain an ensemble. Time grows in proportion.",
        default=2,
        min=1,
    )
    members = RangeField(
        dtype=int,
        doc="Independent repetitions for each fold: a deep ensemble. Time grows in proportion.",
        default=1,
        min=1,
    )
    epochs = RangeField(
        dtype=int,
        doc="Largest number of passes over the training samples. Too few underfit; too many memorise the "
        "wrong labels and take longer.",
        default=Settings().epochs,
        min=1,
    )
    patience = RangeField(
        dtype=int,
        doc="Epochs without a better monitor after which training stops; 0 takes all epochs, which lets the "
        "learning rate fall to its end.",
        default=0,
        min=0,
    )
    monitor = ChoiceField[str](
        doc="What marks the best epoch, on the held-out folds, averaged over the networks.",
        allowed={"auc": "Area under the ROC curve, injected against the rest.", "loss": "Cross-entropy."},
        default="auc",
    )
    batchSize = RangeField(
        dtype=int,
        doc="Samples of one step, for each network. Small values are slow; large ones take few steps, and "
        "withholding by rank is noisy in small batches.",
        default=Settings().batch_size,
        min=8,
    )
    learningRate = RangeField(
        dtype=float,
        doc="Largest learning rate. Too large diverges, too small does not arrive.",
        default=Settings().learning_rate,
        min=0.0,
        inclusiveMin=False,
    )
    weightDecay = RangeField(
        dtype=float,
        doc="Decoupled decay of the weights (AdamW). Large values underfit.",
        default=Settings().weight_decay,
        min=0.0,
    )
    averaging = RangeField(
        dtype=float,
        doc="The model is a running mean of the weights; this is the weight of the past in each step. 0 "
        "keeps the last step alone; close to 1 remembers the beginning of a short training.",
        default=Settings().averaging,
        min=0.0,
        max=1.0,
    )
    positiveWeight = RangeField(
        dtype=float,
        doc="Weight of an injection's loss relative to an unlabelled sample's; 0 gives both classes the same "
        "total weight, at most 20. Ignored by nnpu.",
        default=0.0,
        min=0.0,
    )
    negativeSignWeight = RangeField(
        dtype=float,
        doc="Weight of the loss of unlabelled sources detected below the sky. No injection is negative, so "
        "that above 0 networks learn that what looks like the mirror image of a negative source is bogus, "
        "and fading sources are lost; at 0 they are not trained on and judged like positive ones.",
        default=Settings().negative_sign_weight,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    minPerClass = RangeField(
        dtype=int,
        doc="Fewest samples of each class that every network must see. With fewer, training is refused.",
        default=Settings().min_per_class,
        min=1,
    )
    domainQuantile = RangeField(
        dtype=float,
        doc="Fraction of the held-out sources whose stamps count as familiar: others as far from the "
        "training samples get the score flag OUT_OF_DOMAIN. Smaller values flag more.",
        default=Settings().domain_quantile,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    maxPositivePerVisit = RangeField(
        dtype=int,
        doc="Most injections of one visit that are used, drawn at random; 0 for all.",
        default=0,
        min=0,
    )
    maxNegativePerVisit = RangeField(
        dtype=int,
        doc="Most unlabelled sources of one visit that are used, drawn at random; 0 for all. Keeps a few bad "
        "visits from outnumbering the rest, and bounds memory (6.7 kB for a 30x30 stamp of 3 channels).",
        default=0,
        min=0,
    )
    calibration = ChoiceField[str](
        doc="How raw scores become probabilities, from the held-out folds.",
        allowed={
            "isotonic": "Any increasing function; for a thousand samples and more.",
            "platt": "A logistic curve; for few samples.",
        },
        default="isotonic",
    )
    prior = RangeField(
        dtype=float,
        doc="Fraction of real transients among unlabelled sources that the calibrated scores assume; 0 "
        "estimates it from the held-out folds. Larger values give larger probabilities.",
        default=0.0,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    seed = Field[int](doc="Seed of weights, batches, augmentation and caps.", default=0)
    device = Field[str](doc="cpu, cuda, or auto: CUDA where there is one.", default="auto")
    numThreads = RangeField(
        dtype=int,
        doc="Threads on the CPU; 0 for all cores of the process. Results repeat bit for bit only with the "
        "same number.",
        default=0,
        min=0,
    )
    checkpoint = Field[str](
        doc="File written after every epoch, from which a killed training of the same configuration and "
        "samples goes on; empty for none.",
        default="",
    )

    def validate(self) -> None:
        super().validate()
        if "co_teaching" in self.regime.kind and self.peers < 2:
            raise FieldValidationError(
                TrainTransientBogusConfig.peers,
                self,
                f"{self.regime.kind} needs at least two; got {self.peers}.",
            )

    def settings(self) -> Settings:
        """Return the values as the training takes them.

        Returns
        -------
        settings : `~lsst.transient.bogus.nn.spec.Settings`
            Frozen values.
        """
        return Settings(
            normalisation=self.normalisation.spec(),
            network=self.network.spec(),
            regime=self.regime.spec(),
            augmentation=self.augmentation.spec(),
            peers=self.peers,
            members=self.members,
            epochs=self.epochs,
            patience=self.patience,
            monitor=self.monitor,
            batch_size=self.batchSize,
            learning_rate=self.learningRate,
            weight_decay=self.weightDecay,
            averaging=self.averaging,
            positive_weight=self.positiveWeight,
            negative_sign_weight=self.negativeSignWeight,
            min_per_class=self.minPerClass,
            domain_quantile=self.domainQuantile,
            seed=self.seed,
            device=self.device,
        )
