"""BEGAN (Berthelot et al. 2017): the networks, the players and the phases of a training step.

L(v) = |v - D(v)|                             the reconstruction loss of an image, a mean over its pixels
d      minimises L(x) - k L(G(z))             on half a batch of real images and half a batch of fakes
k      <- k + k_rate (gamma L(x) - L(G(z)))   within [0, 1], after each update of the discriminator
g      minimises L(G(z))                      on a full batch of fresh latents
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from gan_began.network import build_autoencoder
from gan_began.recipe import BEGANRecipe
from gan_train.networks.dcgan import build_generator
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.numerics.replicas import assign_own
from gan_train.systems.base import DISCRIMINATOR, DISCRIMINATOR_SEEDS, Batch, GeneratorInputs, Outcome, Phase
from gan_train.systems.means import global_mean
from gan_train.systems.two_players import TwoPlayerGAN


class BEGAN(TwoPlayerGAN):
    """BEGAN. The base class has the players, the generator's phase and the order of the step."""

    generator_metrics = ()

    def __init__(self, recipe: BEGANRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        generator = build_generator(recipe.generator, recipe.latent_size, recipe.image, recipe.seed, precision)
        seed = recipe.seed + DISCRIMINATOR_SEEDS
        discriminator = build_autoencoder(recipe.discriminator, recipe.image, seed, precision)
        self._k = keras.Variable(0.0, dtype="float32", trainable=False, name="k")
        self.state = (self._k,)
        super().__init__(recipe, generator, discriminator)

    def discriminator_phases(self) -> tuple[Phase, ...]:
        metrics = ("reconstruction_real", "reconstruction_fake", "k")
        return (Phase("d", DISCRIMINATOR, "discriminator", self._on_both, metrics, after=self._move_k),)

    def _on_both(self, batch: Batch, draw: Draw) -> Outcome:
        inputs, _ = self.draw_inputs(draw, self.reals_per_batch)
        real = self._reconstruction(self.real_examples(batch), draw)
        fake = self._reconstruction(self.fake_examples(inputs, draw), draw)
        k = tf.convert_to_tensor(self._k)
        return Outcome(real - k * fake, {"reconstruction_real": real, "reconstruction_fake": fake, "k": k})

    def _reconstruction(self, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        """The reconstruction loss of each image in training, float32 (n,)."""
        return _distance(images, training_pass(self.discriminator, images, draw, update_statistics=True))

    def _move_k(self, outcome: Outcome) -> None:
        real, fake = (global_mean(outcome.metrics[f"reconstruction_{source}"]) for source in ("real", "fake"))
        moved = tf.convert_to_tensor(self._k) + self._recipe.k_rate * (self._recipe.gamma * real - fake)
        assign_own(self._k, tf.clip_by_value(moved, 0.0, 1.0))

    def on_generator(self, batch: Batch, draw: Draw) -> Outcome:
        inputs, _ = self.draw_inputs(draw, self._recipe.batch_size)
        images = training_pass(self.generator, inputs, draw, update_statistics=True)
        return Outcome(_distance(images, training_pass(self.discriminator, images, draw, update_statistics=False)), {})

    def derived_metrics(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """The paper's measure of convergence: L(x) + |gamma L(x) - L(G(z))|."""
        real, fake = metrics["d.reconstruction_real"], metrics["d.reconstruction_fake"]
        return {"d.convergence": real + abs(self._recipe.gamma * real - fake)}

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """Reconstruction losses of real and of generated images at a snapshot."""
        images = {"real": self.real_examples(reals), "fake": inference_pass(self.sampler, inputs)}
        return {
            f"reconstruction_{source}": tf.reduce_mean(_distance(shown, inference_pass(self.discriminator, shown)))
            for source, shown in images.items()
        }


def _distance(images: tf.Tensor, reconstructions: Any) -> tf.Tensor:
    return tf.reduce_mean(tf.abs(images - reconstructions), axis=(1, 2, 3))


SYSTEM = BEGAN
