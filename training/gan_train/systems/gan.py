"""The GAN with cross-entropy (Goodfellow et al. 2014), generator trained by the non-saturating loss.

One step (spec B section 0, spec C 1.0):
    mixed      D on real and fake stacked · G
    separate   D on real · D on fake · G
D sees half a batch of real and half a batch of fake images; G then moves through the updated D on a full batch of
fresh latents. Fakes for D are made in inference mode.
"""

import tensorflow as tf

from gan_train.losses import FAKE, REAL, cross_entropy
from gan_train.networks.dcgan import build_discriminator, build_generator
from gan_train.networks.layers import inference_pass, training_pass
from gan_train.pixels import to_range
from gan_train.randomness import Draw
from gan_train.recipe import Recipe
from gan_train.systems.base import Batch, Outcome, Phase, System, build_player

GENERATOR, DISCRIMINATOR = "generator", "discriminator"

_DISCRIMINATOR_SEEDS = 1_000
"""Distance between the initial seeds of the two networks."""


class GAN(System):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.generator = build_generator(recipe.generator, recipe.latent_size, recipe.image, recipe.seed)
        self.discriminator = build_discriminator(recipe.discriminator, recipe.image, recipe.seed + _DISCRIMINATOR_SEEDS)
        self.players = {
            GENERATOR: build_player(GENERATOR, self.generator, recipe.generator.optimizer),
            DISCRIMINATOR: build_player(DISCRIMINATOR, self.discriminator, recipe.discriminator.optimizer),
        }
        self.reals_per_step = recipe.batch_size // 2
        generator_phase = Phase("g", GENERATOR, self._generator_through_discriminator, ("score",))
        if recipe.discriminator_batch == "mixed":
            mixed = Phase("d", DISCRIMINATOR, self._discriminator_on_both, ("accuracy_real", "accuracy_fake"))
            self.phases = (mixed, generator_phase)
        else:
            real = Phase("d_real", DISCRIMINATOR, self._discriminator_on_real, ("accuracy", "score"))
            fake = Phase("d_fake", DISCRIMINATOR, self._discriminator_on_fake, ("accuracy", "score"))
            self.phases = (real, fake, generator_phase)

    def _discriminator_on_both(self, batch: Batch, draw: Draw) -> Outcome:
        images = tf.concat([self._real_images(batch), self._fake_images(draw)], axis=0)
        scores = training_pass(self.discriminator, images, draw, update_statistics=True, parts=2)
        on_real, on_fake = tf.split(scores, 2)
        losses = tf.concat([cross_entropy(on_real, REAL), cross_entropy(on_fake, FAKE)], axis=0)
        return Outcome(losses, {"accuracy_real": _called_real(on_real), "accuracy_fake": 1 - _called_real(on_fake)})

    def _discriminator_on_real(self, batch: Batch, draw: Draw) -> Outcome:
        scores = training_pass(self.discriminator, self._real_images(batch), draw, update_statistics=True)
        return Outcome(cross_entropy(scores, REAL), {"accuracy": _called_real(scores), "score": scores})

    def _discriminator_on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        scores = training_pass(self.discriminator, self._fake_images(draw), draw, update_statistics=True)
        return Outcome(cross_entropy(scores, FAKE), {"accuracy": 1 - _called_real(scores), "score": scores})

    def _generator_through_discriminator(self, batch: Batch, draw: Draw) -> Outcome:
        latents = draw.normal(self._recipe.batch_size, self._recipe.latent_size)
        images = training_pass(self.generator, latents, draw, update_statistics=True)
        scores = training_pass(self.discriminator, images, draw, update_statistics=False)
        return Outcome(cross_entropy(scores, REAL), {"score": scores})

    def evaluate(self, images: tf.Tensor, latents: tf.Tensor) -> dict[str, tf.Tensor]:
        """Accuracy of the discriminator on real and on generated images, as spec B 1.8 reports it.

        Nothing for a discriminator with batch normalisation: its moving averages mix real and fake batches, so in
        inference mode it judges neither as it does in training.
        """
        if self._recipe.discriminator.batch_norm:
            return {}
        on_real = inference_pass(self.discriminator, to_range(images, self._recipe.image.range))
        on_fake = inference_pass(self.discriminator, inference_pass(self.generator, latents))
        return {
            "accuracy_real": tf.reduce_mean(_called_real(on_real)),
            "accuracy_fake": tf.reduce_mean(1 - _called_real(on_fake)),
        }

    def _real_images(self, batch: Batch) -> tf.Tensor:
        return to_range(batch["image"], self._recipe.image.range)

    def _fake_images(self, draw: Draw) -> tf.Tensor:
        latents = draw.normal(self.reals_per_step, self._recipe.latent_size)
        return inference_pass(self.generator, latents)


def _called_real(scores: tf.Tensor) -> tf.Tensor:
    """1.0 where the discriminator says real."""
    return tf.cast(scores > 0, tf.float32)
