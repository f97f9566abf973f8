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
from ..nn.settings import PRECISIONS, Settings
from ..training_rows import Caps
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
        doc="Largest number of passes over the training samples; a pass has the nearest whole number of "
        "batches, and takes the samples in another order each time. Too few underfit; too many memorise the "
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
    balance = ChoiceField[str](
        doc="How an injection counts more than an unlabelled sample, of which there are many more.",
        allowed={
            "weight": "Its loss has a larger weight. Ignored by nnpu.",
            "sampler": "It is drawn more often. An epoch has as many steps, in which other samples come less "
            "often; every batch has injections, even where they are rare.",
        },
        default=Settings().balance,
    )
    positiveWeight = RangeField(
        dtype=float,
        doc="How much more an injection counts than an unlabelled sample; 0 gives both classes the same "
        "total, but a factor of 20 at most. 1 leaves the classes as they are. Ignored by nnpu unless balance "
        "is sampler.",
        default=0.0,
        min=0.0,
    )
    negativeSignWeight = RangeField(
        dtype=float,
        doc="Weight of the loss of unlabelled sources detected below the sky. No injection is negative, so "
        "that above 0 networks learn that what looks like the mirror image of a negative source is bogus, "
        "and fading sources are lost; at 0 they are not trained on and judged like positive ones. Only 0 or "
        "1 with nnpu.",
        default=Settings().negative_sign_weight,
        min=0.0,
        max=1.0,
        inclusiveMax=True,
    )
    minPerClass = RangeField(
        dtype=int,
        doc="Fewest injections, and fewest other sources, that every network must be trained on: those "
        "outside the fold that it does not see, unambiguous, with a usable stamp, within the caps. With "
        "fewer in any network, training is refused. Small values let networks memorise what little there is.",
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
        "visits from outnumbering the rest.",
        default=0,
        min=0,
    )
    maxPositive = RangeField(
        dtype=int,
        doc="Most injections in all, drawn at random from what the caps per visit leave; 0 for all. With "
        "maxNegative it bounds memory: 6.7 kB for each 30x30 stamp of 3 channels, 4 GB at the defaults.",
        default=300_000,
        min=0,
    )
    maxNegative = RangeField(
        dtype=int,
        doc="Most unlabelled sources in all; as maxPositive.",
        default=300_000,
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
    precision = ChoiceField[str](
        doc="Precision of the products in training; weights are float32.",
        allowed=PRECISIONS,
        default=Settings().precision,
    )
    deterministic = Field[bool](
        doc="Use only algorithms that repeat bit for bit. Without it a GPU may be faster; a CPU is not.",
        default=True,
    )
    numThreads = RangeField(
        dtype=int,
        doc="Threads on the CPU; 0 for all cores of the process. Results repeat bit for bit only with the "
        "same number.",
        default=0,
        min=0,
    )
    checkpointFolder = Field[str](
        doc="Folder on a disk that outlives the job, best beside the repository; empty for none. A file in "
        "it is written after every epoch, named by the configuration and samples, from which a training of "
        "the same that was killed goes on. It is removed when the model has been stored.",
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
        if self.regime.kind == "nnpu" and self.negativeSignWeight not in (0.0, 1.0):
            raise FieldValidationError(
                TrainTransientBogusConfig.negativeSignWeight,
                self,
                f"nnpu has no weights of samples: 0 or 1; got {self.negativeSignWeight:g}.",
            )

    def settings(self) -> Settings:
        """Return the values as the training takes them.

        Returns
        -------
        settings : `~lsst.transient.bogus.nn.settings.Settings`
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
            balance=self.balance,
            positive_weight=self.positiveWeight,
            negative_sign_weight=self.negativeSignWeight,
            min_per_class=self.minPerClass,
            domain_quantile=self.domainQuantile,
            seed=self.seed,
            device=self.device,
            precision=self.precision,
            deterministic=self.deterministic,
        )

    def caps_per_visit(self) -> Caps:
        """Return how many sources of one visit are used.

        Returns
        -------
        caps : `~lsst.transient.bogus.training_rows.Caps`
            Caps of both classes.
        """
        return Caps(self.maxPositivePerVisit, self.maxNegativePerVisit)

    def caps(self) -> Caps:
        """Return how many sources are used in all.

        Returns
        -------
        caps : `~lsst.transient.bogus.training_rows.Caps`
            Caps of both classes.
        """
        return Caps(self.maxPositive, self.maxNegative)
