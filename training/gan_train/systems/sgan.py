"""The semi-supervised GAN (Odena 2016; Salimans et al. 2016), spec D 5: one network is classifier and discriminator.

One step, in order, each on the weights its predecessor left:
    c        the classifier on half a batch drawn with replacement from the few labelled examples
    d_real   the discriminator on half a batch of reals, whatever their class
    d_fake   the discriminator on half a batch of fakes, made in inference mode
    g        the generator through the discriminator, on a full batch of fresh latents
Classifier and discriminator move the same variables, each by an optimizer of its own; so these move three times a step.
"""

from collections.abc import Iterator
from typing import cast

import keras
import numpy as np
import tensorflow as tf

from gan_pipeline.errors import DataError
from gan_pipeline.records import Example, Image
from gan_train.data.pixels import to_range
from gan_train.latents.draws import draw_latents
from gan_train.networks.dcgan import build_generator
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.networks.sgan import build_classifier
from gan_train.objectives.class_losses import class_cross_entropy, real_score
from gan_train.objectives.losses import FAKE, REAL, cross_entropy
from gan_train.precision import resolved
from gan_train.randomness import Draw, picture_draw
from gan_train.recipe.sgan import SGANRecipe
from gan_train.systems.base import Batch, GeneratorInputs, Outcome, Phase, System, Turn, build_player

CLASSIFIER, DISCRIMINATOR, GENERATOR = "classifier", "discriminator", "generator"

_CLASSIFIER_SEEDS = 1_000
"""Distance between the initial seeds of the two networks."""


class SGAN(System):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: SGANRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        self.generator = build_generator(recipe.generator, recipe.latent_size, recipe.image, recipe.seed, precision)
        self.classifier = build_classifier(
            recipe.classifier, recipe.classes, recipe.image, recipe.seed + _CLASSIFIER_SEEDS, precision
        )
        self.players = {
            CLASSIFIER: build_player(CLASSIFIER, self.classifier, recipe.classifier.optimizer, precision),
            DISCRIMINATOR: build_player(DISCRIMINATOR, self.classifier, recipe.classifier.discriminator_optimizer, precision),
            GENERATOR: build_player(GENERATOR, self.generator, recipe.generator.optimizer, precision),
        }
        self._images = _kept((recipe.labels, *recipe.image.shape), "uint8", "labelled_images")
        self._labels = _kept((recipe.labels,), "int64", "labels")
        self.state = (self._images, self._labels)
        self.reals_per_batch = recipe.batch_size // 2
        judged = ("accuracy", "score")
        self.turns = (
            Turn((Phase("c", CLASSIFIER, self._on_labelled, ("accuracy",)),), reads=False),
            Turn(
                (
                    Phase("d_real", DISCRIMINATOR, self._on_real, judged),
                    Phase("d_fake", DISCRIMINATOR, self._on_fake, judged),
                )
            ),
            Turn((Phase("g", GENERATOR, self._generator_through_discriminator, ("score",)),), reads=False),
        )

    @property
    def models(self) -> dict[str, keras.Model]:
        """The generator, and the network as a classifier: images in the recipe's range to class logits."""
        return {GENERATOR: self.sampler, CLASSIFIER: self.classifier}

    def keep(self, examples: Iterator[Example]) -> None:
        """The labelled examples: of each class the first that training meets, the same number of each, in class order.

        None is kept twice. The specification draws them with replacement, so that it may hold one twice and know fewer.
        """
        wanted = self._recipe.labels // self._recipe.classes
        kept: list[list[Image]] = [[] for _ in range(self._recipe.classes)]
        missing = self._recipe.labels
        for example in examples:
            of_its_class = kept[cast(int, example.values["label"])]
            if len(of_its_class) < wanted:
                of_its_class.append(cast(Image, example.values["image"]))
                missing -= 1
            if not missing:
                break
        for number, images in enumerate(kept):
            if len(images) < wanted:
                raise DataError(
                    f"labels={self._recipe.labels} wants {wanted} examples of each class, the training data has {len(images)} "
                    f"of class {number}; set fewer labels or prepare more data"
                )
        self._images.assign(np.concatenate(kept))
        self._labels.assign(np.repeat(np.arange(self._recipe.classes), wanted))

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """Accuracy of the discriminator on real and on generated images, and of the classifier on the real ones."""
        logits = inference_pass(self.classifier, to_range(reals["image"], self._recipe.image.range))
        fakes = inference_pass(self.sampler, inputs, picture_draw(self._recipe.seed))
        judged = {
            "accuracy_real": _called(real_score(logits), REAL),
            "accuracy_fake": _called(real_score(inference_pass(self.classifier, fakes)), FAKE),
            "class_accuracy": _right(logits, reals["label"]),
        }
        return {name: tf.reduce_mean(values) for name, values in judged.items()}

    def _on_labelled(self, batch: Batch, draw: Draw) -> Outcome:
        drawn = draw.integers(self.reals_per_batch, self._recipe.labels)
        images, labels = tf.gather(self._images, drawn), tf.gather(self._labels, drawn)
        logits = training_pass(self.classifier, to_range(images, self._recipe.image.range), draw, update_statistics=True)
        return Outcome(class_cross_entropy(logits, labels), {"accuracy": _right(logits, labels)})

    def _on_real(self, batch: Batch, draw: Draw) -> Outcome:
        scores = self._scores(to_range(batch["image"], self._recipe.image.range), draw, update_statistics=True)
        return _judged(scores, REAL)

    def _on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        latents = draw_latents(self._recipe.latent, draw, self.reals_per_batch, self._recipe.latent_size)
        return _judged(self._scores(inference_pass(self.generator, latents, draw), draw, update_statistics=True), FAKE)

    def _generator_through_discriminator(self, batch: Batch, draw: Draw) -> Outcome:
        latents = draw_latents(self._recipe.latent, draw, self._recipe.batch_size, self._recipe.latent_size)
        images = training_pass(self.generator, latents, draw, update_statistics=True)
        scores = self._scores(images, draw, update_statistics=False)
        return Outcome(cross_entropy(scores, REAL), {"score": scores})

    def _scores(self, images: tf.Tensor, draw: Draw, update_statistics: bool) -> tf.Tensor:
        """Logits of "this is real", float32 (n, 1)."""
        return real_score(training_pass(self.classifier, images, draw, update_statistics))


class LabelledOnly(SGAN):
    """The classifier of the same recipe, from the same initial weights, with nothing to learn from but its labels.

    In each step it sees the labelled examples, and drops the units, that it would in an SGAN's.
    """

    def __init__(self, recipe: SGANRecipe) -> None:
        super().__init__(recipe)
        self.turns = self.turns[:1]


def _kept(shape: tuple[int, ...], dtype: str, name: str) -> keras.Variable:
    return keras.Variable(np.zeros(shape, dtype), dtype=dtype, trainable=False, name=name)


def _judged(scores: tf.Tensor, target: float) -> Outcome:
    return Outcome(cross_entropy(scores, target), {"score": scores, "accuracy": _called(scores, target)})


def _called(scores: tf.Tensor, target: float) -> tf.Tensor:
    """1 where a score says what is so, float32: above 0 is "real"."""
    return tf.cast((scores > 0) == (target == REAL), tf.float32)


def _right(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """1 where the likeliest class is the label, float32 (n,)."""
    return tf.cast(tf.argmax(logits, axis=-1) == labels, tf.float32)
