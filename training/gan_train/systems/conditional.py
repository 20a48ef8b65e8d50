"""The conditional GAN (Mirza and Osindero 2014) with labels as image channels.

The step is that of two_players.py. Both players take the label: of a real image its own, of a fake the one it was made for.
"""

import tensorflow as tf

from gan_train.latents.codes import draw_classes
from gan_train.latents.draws import draw_latents
from gan_train.networks.conditional import build_discriminator, build_generator
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.recipe.conditional import ConditionalRecipe
from gan_train.systems.base import DISCRIMINATOR_SEEDS, GeneratorInputs
from gan_train.systems.two_players import TwoPlayerGAN


class ConditionalGAN(TwoPlayerGAN):
    """The conditional GAN."""

    def __init__(self, recipe: ConditionalRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        generator = build_generator(recipe.generator, recipe.latent_size, recipe.classes, recipe.image, recipe.seed, precision)
        discriminator = build_discriminator(
            recipe.discriminator, recipe.classes, recipe.image, recipe.seed + DISCRIMINATOR_SEEDS, precision
        )
        super().__init__(recipe, generator, discriminator)

    def draw_inputs(self, draw: Draw, count: int) -> tuple[GeneratorInputs, tf.Tensor | None]:
        latents = draw_latents(self._recipe.latent, draw, count, self._recipe.latent_size)
        labels = draw_classes(draw, count, self._recipe.classes)
        return [latents, labels], labels

    def discriminator_inputs(self, examples: tf.Tensor, labels: tf.Tensor | None) -> list[tf.Tensor | None]:
        return [examples, labels]


SYSTEM = ConditionalGAN
