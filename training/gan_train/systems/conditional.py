"""The conditional GAN (Mirza and Osindero 2014) with labels as image channels, spec D 2.

One step: D on real images with their labels · D on fakes with the labels they were made for · G, whose fresh labels go to
both players. D sees half a batch of each; G then moves through the updated D on a full batch. Fakes for D are made in
inference mode.
"""

import tensorflow as tf

from gan_train.data.pixels import to_range
from gan_train.latents.codes import draw_classes
from gan_train.latents.draws import draw_latents
from gan_train.networks.conditional import build_discriminator, build_generator
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.losses import FAKE, REAL, cross_entropy
from gan_train.recipe.conditional import ConditionalRecipe
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
from gan_train.systems.score_metrics import judged


class ConditionalGAN(SamplingSystem):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: ConditionalRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        self.generator = build_generator(
            recipe.generator, recipe.latent_size, recipe.classes, recipe.image, recipe.seed, precision
        )
        self.discriminator = build_discriminator(
            recipe.discriminator, recipe.classes, recipe.image, recipe.seed + DISCRIMINATOR_SEEDS, precision
        )
        self.players = {
            GENERATOR: build_player(GENERATOR, self.generator, recipe.generator.optimizer, precision),
            DISCRIMINATOR: build_player(DISCRIMINATOR, self.discriminator, recipe.discriminator.optimizer, precision),
        }
        self.reals_per_batch = recipe.batch_size // 2
        judged_by = ("accuracy", "score")
        on_real = Phase("d_real", DISCRIMINATOR, self._on_real, judged_by)
        on_fake = Phase("d_fake", DISCRIMINATOR, self._on_fake, judged_by)
        self.turns = (
            Turn((on_real, on_fake)),
            Turn((Phase("g", GENERATOR, self._generator_through_discriminator, ("score",)),), reads=False),
        )

    def _on_real(self, batch: Batch, draw: Draw) -> Outcome:
        shown = [to_range(batch["image"], self._recipe.image.range), batch["label"]]
        scores = training_pass(self.discriminator, shown, draw, update_statistics=True)
        return Outcome(cross_entropy(scores, REAL), judged(scores, "real"))

    def _on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        latents, labels = self._inputs(draw, self.reals_per_batch)
        shown = [inference_pass(self.generator, [latents, labels]), labels]
        scores = training_pass(self.discriminator, shown, draw, update_statistics=True)
        return Outcome(cross_entropy(scores, FAKE), judged(scores, "fake"))

    def _generator_through_discriminator(self, batch: Batch, draw: Draw) -> Outcome:
        latents, labels = self._inputs(draw, self._recipe.batch_size)
        images = training_pass(self.generator, [latents, labels], draw, update_statistics=True)
        scores = training_pass(self.discriminator, [images, labels], draw, update_statistics=False)
        return Outcome(cross_entropy(scores, REAL), {"score": scores})

    def _inputs(self, draw: Draw, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Latents and labels, this replica's share of `count`."""
        recipe = self._recipe
        return draw_latents(recipe.latent, draw, count, recipe.latent_size), draw_classes(draw, count, recipe.classes)

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """Accuracy of the discriminator on real and on generated images."""
        shown = [to_range(reals["image"], self._recipe.image.range), reals["label"]]
        fakes = [inference_pass(self.generator, inputs), inputs[1]]
        on_real = judged(inference_pass(self.discriminator, shown), "real")
        on_fake = judged(inference_pass(self.discriminator, fakes), "fake")
        return {
            "accuracy_real": tf.reduce_mean(on_real["accuracy"]),
            "accuracy_fake": tf.reduce_mean(on_fake["accuracy"]),
        }
