"""The auxiliary classifier GAN (Odena et al. 2017): the discriminator scores an image and predicts its class.

The step is that of two_players.py. The class counts in every phase, on real images as on fakes: the generator is trained to
make images that the discriminator calls real and of the class that was asked for.
"""

from typing import Any

import keras
import tensorflow as tf

from gan_train.latents.codes import draw_classes
from gan_train.latents.draws import draw_latents
from gan_train.networks.acgan import build_discriminator, build_generator
from gan_train.networks.passes import inference_pass
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.class_losses import class_cross_entropy
from gan_train.objectives.labels import Source
from gan_train.recipe.acgan import ACGANRecipe
from gan_train.recipe.base import CLASSIFIER
from gan_train.systems.base import DISCRIMINATOR_SEEDS, Batch, GeneratorInputs, Outcome
from gan_train.systems.metrics import class_accuracy
from gan_train.systems.two_players import TwoPlayerGAN

_CLASS_METRICS = ("class_loss", "class_accuracy")


class ACGAN(TwoPlayerGAN):
    """The auxiliary classifier GAN."""

    real_metrics = fake_metrics = ("accuracy", "score", *_CLASS_METRICS)
    generator_metrics = ("score", *_CLASS_METRICS)

    def __init__(self, recipe: ACGANRecipe) -> None:
        self._recipe, precision, seed = recipe, resolved(recipe.precision), recipe.seed
        of_g, of_d, classes, image = recipe.generator, recipe.discriminator, recipe.classes, recipe.image
        generator = build_generator(of_g, recipe.latent_size, classes, image, of_g.batch_norm, seed, precision)
        discriminator = build_discriminator(of_d, classes, image, of_d.batch_norm, seed + DISCRIMINATOR_SEEDS, precision)
        super().__init__(recipe, generator, discriminator)

    @property
    def models(self) -> dict[str, keras.Model]:
        """The generator, and the discriminator's class head as a classifier of images."""
        classifier = keras.Model(self.discriminator.inputs, self.discriminator.outputs[1], name=CLASSIFIER)
        return super().models | {CLASSIFIER: classifier}

    def draw_inputs(self, draw: Draw, count: int) -> tuple[GeneratorInputs, tf.Tensor | None]:
        latents = draw_latents(self._recipe.latent, draw, count, self._recipe.latent_size)
        labels = draw_classes(draw, count, self._recipe.classes)
        return [latents, labels], labels

    def score(self, outputs: Any) -> tf.Tensor:
        return outputs[0]

    def discriminator_outcome(self, outputs: Any, labels: tf.Tensor | None, source: Source, draw: Draw) -> Outcome:
        return _with_classes(super().discriminator_outcome(outputs, labels, source, draw), outputs[1], labels)

    def generator_outcome(self, outputs: Any, labels: tf.Tensor | None) -> Outcome:
        return _with_classes(super().generator_outcome(outputs, labels), outputs[1], labels)

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """How often the discriminator predicts the class of real images, and the class that a fake was asked for."""
        on_real = inference_pass(self.discriminator, self.real_examples(reals))[1]
        on_fake = inference_pass(self.discriminator, inference_pass(self.generator, inputs))[1]
        return {
            "class_accuracy_real": tf.reduce_mean(class_accuracy(on_real, reals["label"])),
            "class_accuracy_fake": tf.reduce_mean(class_accuracy(on_fake, self.labels_in(inputs))),
        }


def _with_classes(outcome: Outcome, logits: tf.Tensor, labels: tf.Tensor | None) -> Outcome:
    """An outcome plus the loss of the class, with equal weights."""
    losses = class_cross_entropy(logits, labels)
    metrics = {"class_loss": losses, "class_accuracy": class_accuracy(logits, labels)}
    return Outcome(outcome.losses + losses, outcome.metrics | metrics)


SYSTEM = ACGAN
