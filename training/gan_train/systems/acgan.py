"""The auxiliary classifier GAN (Odena et al. 2017), spec D 4: the discriminator judges an image and names its class.

One step: D on real images and their labels · D on fakes and the labels they were asked for · G, to be held for real and
for the class it was asked for. The class counts in every phase, on real and on fake. D sees half a batch of each; G then
moves through the updated D on a full batch. Fakes for D are made in inference mode.
"""

import keras
import tensorflow as tf

from gan_train.data.pixels import to_range
from gan_train.latents.codes import draw_classes
from gan_train.latents.draws import draw_latents
from gan_train.networks.acgan import build_discriminator, build_generator
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.class_losses import class_cross_entropy
from gan_train.objectives.labels import Truth
from gan_train.objectives.losses import FAKE, REAL, Target, cross_entropy
from gan_train.recipe.acgan import ACGANRecipe
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


class ACGAN(SamplingSystem):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: ACGANRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        of_generator, of_discriminator = recipe.generator, recipe.discriminator
        self.generator = build_generator(
            of_generator,
            recipe.latent_size,
            recipe.classes,
            recipe.image,
            of_generator.batch_norm,
            recipe.seed,
            precision,
        )
        self.discriminator = build_discriminator(
            of_discriminator,
            recipe.classes,
            recipe.image,
            of_discriminator.batch_norm,
            recipe.seed + DISCRIMINATOR_SEEDS,
            precision,
        )
        self.players = {
            GENERATOR: build_player(GENERATOR, self.generator, of_generator.optimizer, precision),
            DISCRIMINATOR: build_player(DISCRIMINATOR, self.discriminator, of_discriminator.optimizer, precision),
        }
        self.reals_per_batch = recipe.batch_size // 2
        judged_by = ("accuracy", "score", "class_loss", "class_accuracy")
        on_real = Phase("d_real", DISCRIMINATOR, self._on_real, judged_by)
        on_fake = Phase("d_fake", DISCRIMINATOR, self._on_fake, judged_by)
        g = Phase("g", GENERATOR, self._generator_through_discriminator, ("score", "class_loss", "class_accuracy"))
        self.turns = (Turn((on_real, on_fake)), Turn((g,), reads=False))

    @property
    def models(self) -> dict[str, keras.Model]:
        """The generator, and the discriminator's class head as a classifier of images."""
        classifier = keras.Model(self.discriminator.inputs, self.discriminator.outputs[1], name="classifier")
        return super().models | {"classifier": classifier}

    def _on_real(self, batch: Batch, draw: Draw) -> Outcome:
        return self._discriminator(to_range(batch["image"], self._recipe.image.range), batch["label"], "real", draw)

    def _on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        latents, labels = self._inputs(draw, self.reals_per_batch)
        return self._discriminator(inference_pass(self.generator, [latents, labels]), labels, "fake", draw)

    def _discriminator(self, images: tf.Tensor, labels: tf.Tensor, truth: Truth, draw: Draw) -> Outcome:
        scores, logits = training_pass(self.discriminator, images, draw, update_statistics=True)
        target = REAL if truth == "real" else FAKE
        return _outcome(scores, logits, labels, target, judged(scores, truth))

    def _generator_through_discriminator(self, batch: Batch, draw: Draw) -> Outcome:
        latents, labels = self._inputs(draw, self._recipe.batch_size)
        images = training_pass(self.generator, [latents, labels], draw, update_statistics=True)
        scores, logits = training_pass(self.discriminator, images, draw, update_statistics=False)
        return _outcome(scores, logits, labels, REAL, {"score": scores})

    def _inputs(self, draw: Draw, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Latents and labels, this replica's share of `count`."""
        recipe = self._recipe
        return draw_latents(recipe.latent, draw, count, recipe.latent_size), draw_classes(draw, count, recipe.classes)

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """How often the discriminator names the class: that of real images, and that a fake was asked for."""
        images = to_range(reals["image"], self._recipe.image.range)
        on_real = inference_pass(self.discriminator, images)[1]
        on_fake = inference_pass(self.discriminator, inference_pass(self.generator, inputs))[1]
        return {
            "class_accuracy_real": tf.reduce_mean(right_class(on_real, reals["label"])),
            "class_accuracy_fake": tf.reduce_mean(right_class(on_fake, inputs[1])),
        }


def _outcome(scores: tf.Tensor, logits: tf.Tensor, labels: tf.Tensor, target: Target, metrics: dict[str, tf.Tensor]) -> Outcome:
    """Of one update: real or fake and the class, with equal weights."""
    of_class = class_cross_entropy(logits, labels)
    told = {"class_loss": of_class, "class_accuracy": right_class(logits, labels)}
    return Outcome(cross_entropy(scores, target) + of_class, metrics | told)
