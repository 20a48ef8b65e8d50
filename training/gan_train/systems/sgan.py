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

from gan_core.errors import DataError
from gan_pipeline.dataset.records import Example, Image
from gan_train.data.pixels import to_range
from gan_train.latents.draws import draw_latents
from gan_train.networks.dcgan import build_generator
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.networks.sgan import build_classifier
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw, picture_draw
from gan_train.objectives.class_losses import class_cross_entropy, real_score
from gan_train.objectives.losses import FAKE, REAL, cross_entropy
from gan_train.recipe.sgan import SGANRecipe
from gan_train.systems.base import (
    DISCRIMINATOR,
    DISCRIMINATOR_SEEDS,
    GENERATOR,
    Batch,
    GeneratorInputs,
    Outcome,
    Phase,
    SamplingSystem,
    Turn,
    build_player,
)
from gan_train.systems.score_metrics import judged, right_class

CLASSIFIER = "classifier"


class SGAN(SamplingSystem):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: SGANRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        self.generator = build_generator(recipe.generator, recipe.latent_size, recipe.image, recipe.seed, precision)
        self.classifier = build_classifier(
            recipe.classifier, recipe.classes, recipe.image, recipe.seed + DISCRIMINATOR_SEEDS, precision
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
        c = Phase("c", CLASSIFIER, self._on_labelled, ("accuracy",))
        on_real = Phase("d_real", DISCRIMINATOR, self._on_real, ("accuracy", "score", "class_accuracy"))
        on_fake = Phase("d_fake", DISCRIMINATOR, self._on_fake, ("accuracy", "score"))
        g = Phase("g", GENERATOR, self._generator_through_discriminator, ("score",))
        self.turns = (Turn((c,), reads=False), Turn((on_real, on_fake)), Turn((g,), reads=False))

    @property
    def models(self) -> dict[str, keras.Model]:
        """The generator, and the network as a classifier: images in the recipe's range to class logits."""
        return super().models | {CLASSIFIER: self.classifier}

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
        """Accuracy of the discriminator on real and on generated images.

        How well it names the class is d_real.class_accuracy: the examples shown here are those that training meets first,
        and so are most of the labelled ones.
        """
        on_real = inference_pass(self.classifier, to_range(reals["image"], self._recipe.image.range))
        fakes = inference_pass(self.sampler, inputs, picture_draw(self._recipe.seed))
        on_fake = inference_pass(self.classifier, fakes)
        return {
            "accuracy_real": tf.reduce_mean(judged(real_score(on_real), "real")["accuracy"]),
            "accuracy_fake": tf.reduce_mean(judged(real_score(on_fake), "fake")["accuracy"]),
        }

    def _on_labelled(self, batch: Batch, draw: Draw) -> Outcome:
        drawn = draw.integers(self.reals_per_batch, self._recipe.labels)
        images, labels = tf.gather(self._images, drawn), tf.gather(self._labels, drawn)
        logits = training_pass(self.classifier, to_range(images, self._recipe.image.range), draw, update_statistics=True)
        return Outcome(class_cross_entropy(logits, labels), {"accuracy": right_class(logits, labels)})

    def _on_real(self, batch: Batch, draw: Draw) -> Outcome:
        """Whatever their class; that it is told right is only reported."""
        images = to_range(batch["image"], self._recipe.image.range)
        logits = training_pass(self.classifier, images, draw, update_statistics=True)
        scores = real_score(logits)
        told = {"class_accuracy": right_class(logits, batch["label"])}
        return Outcome(cross_entropy(scores, REAL), judged(scores, "real") | told)

    def _on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        latents = draw_latents(self._recipe.latent, draw, self.reals_per_batch, self._recipe.latent_size)
        fakes = inference_pass(self.generator, latents, draw)
        scores = real_score(training_pass(self.classifier, fakes, draw, update_statistics=True))
        return Outcome(cross_entropy(scores, FAKE), judged(scores, "fake"))

    def _generator_through_discriminator(self, batch: Batch, draw: Draw) -> Outcome:
        latents = draw_latents(self._recipe.latent, draw, self._recipe.batch_size, self._recipe.latent_size)
        images = training_pass(self.generator, latents, draw, update_statistics=True)
        scores = real_score(training_pass(self.classifier, images, draw, update_statistics=False))
        return Outcome(cross_entropy(scores, REAL), {"score": scores})


class LabelledOnly(SGAN):
    """The classifier of the same recipe, from the same initial weights, with nothing to learn from but its labels.

    In each step it sees the labelled examples, and drops the units, that it would in an SGAN's.
    """

    def __init__(self, recipe: SGANRecipe) -> None:
        super().__init__(recipe)
        self.turns = self.turns[:1]


def _kept(shape: tuple[int, ...], dtype: str, name: str) -> keras.Variable:
    return keras.Variable(np.zeros(shape, dtype), dtype=dtype, trainable=False, name=name)
