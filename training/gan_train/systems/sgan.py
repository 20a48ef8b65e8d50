"""The semi-supervised GAN (Odena 2016; Salimans et al. 2016): one network is classifier and discriminator.

One step, each phase on the weights that the one before it left:
    c        the classifier on half a batch, drawn with replacement from the few labelled examples
    d_real   the discriminator on half a batch of real images, whatever their class
    d_fake   the discriminator on half a batch of fakes, made in inference mode
    g        the generator through the discriminator, on a full batch of fresh latents
Classifier and discriminator move the same variables, each by an optimizer of its own; so these move three times a step.
"""

from collections.abc import Iterator
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from gan_core.errors import DataError
from gan_pipeline.dataset.records import Example, Image
from gan_train.data.pixels import to_range
from gan_train.networks.dcgan import build_generator
from gan_train.networks.passes import training_pass
from gan_train.networks.sgan import build_classifier
from gan_train.numerics.precision import Precision, resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.class_losses import class_cross_entropy, real_score
from gan_train.objectives.labels import Source
from gan_train.recipe.base import CLASSIFIER
from gan_train.recipe.sgan import SGANRecipe
from gan_train.systems.base import (
    DISCRIMINATOR,
    DISCRIMINATOR_SEEDS,
    GENERATOR,
    Batch,
    Outcome,
    Phase,
    Player,
    Turn,
    build_player,
)
from gan_train.systems.metrics import class_accuracy
from gan_train.systems.two_players import TwoPlayerGAN


class SGAN(TwoPlayerGAN):
    """The semi-supervised GAN."""

    real_metrics = ("accuracy", "score", "class_accuracy")

    def __init__(self, recipe: SGANRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        generator = build_generator(recipe.generator, recipe.latent_size, recipe.image, recipe.seed, precision)
        self.classifier = build_classifier(
            recipe.classifier, recipe.classes, recipe.image, recipe.seed + DISCRIMINATOR_SEEDS, precision
        )
        super().__init__(recipe, generator, self.classifier)
        self._images = _state((recipe.labels, *recipe.image.shape), "uint8", "labelled_images")
        self._labels = _state((recipe.labels,), "int64", "labels")
        self.state = (self._images, self._labels)
        classifier_phase = Phase("c", CLASSIFIER, "classifier", self._on_labelled, ("accuracy",))
        self.turns = (Turn((classifier_phase,), reads=False), *self.turns)

    def build_players(self, precision: Precision) -> dict[str, Player]:
        recipe = self._recipe
        return {
            CLASSIFIER: build_player(CLASSIFIER, self.classifier, recipe.classifier.optimizer, precision),
            DISCRIMINATOR: build_player(DISCRIMINATOR, self.classifier, recipe.classifier.discriminator_optimizer, precision),
            GENERATOR: build_player(GENERATOR, self.generator, recipe.generator.optimizer, precision),
        }

    @property
    def models(self) -> dict[str, keras.Model]:
        """The generator, and the network as a classifier: images in the recipe's range to class logits."""
        return super().models | {CLASSIFIER: self.classifier}

    def prepare_state(self, examples: Iterator[Example]) -> None:
        """Keep the labelled examples: of each class the first ones that training reads, the same number of each, in class
        order.

        No example is kept twice. Brownlee, Generative Adversarial Networks with Python, ch. 20, draws them with replacement, so
        that there one may count twice and fewer be known.
        """
        wanted = self._recipe.labels // self._recipe.classes
        chosen: list[list[Image]] = [[] for _ in range(self._recipe.classes)]
        missing = self._recipe.labels
        for example in examples:
            same_class = chosen[cast(int, example.values["label"])]
            if len(same_class) < wanted:
                same_class.append(cast(Image, example.values["image"]))
                missing -= 1
            if not missing:
                break
        for number, images in enumerate(chosen):
            if len(images) < wanted:
                raise DataError(
                    f"labels={self._recipe.labels} wants {wanted} examples of each class, the training data has {len(images)} "
                    f"of class {number}; set fewer labels or prepare more data"
                )
        self._images.assign(np.concatenate(chosen))
        self._labels.assign(np.repeat(np.arange(self._recipe.classes), wanted))

    def score(self, outputs: Any) -> tf.Tensor:
        return real_score(outputs)

    def discriminator_outcome(self, outputs: Any, labels: tf.Tensor | None, source: Source, draw: Draw) -> Outcome:
        """The outcome of the score; on real images also how often the class is right, which no loss of this phase contains."""
        outcome = super().discriminator_outcome(outputs, labels, source, draw)
        if source == "fake":
            return outcome
        return Outcome(outcome.losses, outcome.metrics | {"class_accuracy": class_accuracy(outputs, labels)})

    def _on_labelled(self, batch: Batch, draw: Draw) -> Outcome:
        drawn = draw.integers(self.reals_per_batch, self._recipe.labels)
        images, labels = tf.gather(self._images, drawn), tf.gather(self._labels, drawn)
        logits = training_pass(self.classifier, to_range(images, self._recipe.image.range), draw, update_statistics=True)
        return Outcome(class_cross_entropy(logits, labels), {"accuracy": class_accuracy(logits, labels)})


class LabelledOnly(SGAN):
    """The classifier of the same recipe, from the same initial weights, which learns from the labelled examples alone.

    In each step it sees the labelled examples, and drops the units, that it would in an SGAN's.
    """

    def __init__(self, recipe: SGANRecipe) -> None:
        super().__init__(recipe)
        self.turns = self.turns[:1]


def _state(shape: tuple[int, ...], dtype: str, name: str) -> keras.Variable:
    return keras.Variable(np.zeros(shape, dtype), dtype=dtype, trainable=False, name=name)


SYSTEM = SGAN
