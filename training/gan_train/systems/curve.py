"""The 1-D GAN: points on a curve (spec A 2.3).

One step is D on half a batch of real points, D on half a batch of fake ones, then G through the updated D on a full
batch of fresh latents. Points are neither scaled nor rounded, and there is no normalisation.
"""

import tensorflow as tf

from gan_train.latents.draws import draw_latents
from gan_train.networks.curve import build_discriminator, build_generator
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.losses import FAKE, REAL, cross_entropy
from gan_train.recipe.curve import CurveRecipe
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


class CurveGAN(SamplingSystem):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: CurveRecipe) -> None:
        self._recipe, precision, coordinates = recipe, resolved(recipe.precision), recipe.point.coordinates
        self.generator = build_generator(recipe.generator, recipe.latent_size, coordinates, recipe.seed, precision)
        self.discriminator = build_discriminator(
            recipe.discriminator, coordinates, recipe.seed + DISCRIMINATOR_SEEDS, precision
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
        scores = training_pass(self.discriminator, batch["point"], draw, update_statistics=True)
        return Outcome(cross_entropy(scores, REAL), judged(scores, "real"))

    def _on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        fakes = inference_pass(self.generator, self._latents(draw, self.reals_per_batch))
        scores = training_pass(self.discriminator, fakes, draw, update_statistics=True)
        return Outcome(cross_entropy(scores, FAKE), judged(scores, "fake"))

    def _generator_through_discriminator(self, batch: Batch, draw: Draw) -> Outcome:
        latents = self._latents(draw, self._recipe.batch_size)
        points = training_pass(self.generator, latents, draw, update_statistics=True)
        scores = training_pass(self.discriminator, points, draw, update_statistics=False)
        return Outcome(cross_entropy(scores, REAL), {"score": scores})

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """Accuracy of the discriminator on real and on generated points, as the specification reports it."""
        on_real = judged(inference_pass(self.discriminator, reals["point"]), "real")
        on_fake = judged(inference_pass(self.discriminator, inference_pass(self.generator, inputs)), "fake")
        return {
            "accuracy_real": tf.reduce_mean(on_real["accuracy"]),
            "accuracy_fake": tf.reduce_mean(on_fake["accuracy"]),
        }

    def _latents(self, draw: Draw, count: int) -> tf.Tensor:
        return draw_latents(self._recipe.latent, draw, count, self._recipe.latent_size)
