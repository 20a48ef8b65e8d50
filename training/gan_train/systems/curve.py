"""The GAN of points on a curve (Brownlee, Generative Adversarial Networks with Python, ch. 6).

The step is that of two_players.py. Points are neither scaled nor rounded, and there is no normalisation.
"""

from gan_train.networks.curve import build_discriminator, build_generator
from gan_train.numerics.precision import resolved
from gan_train.recipe.curve import CurveRecipe
from gan_train.systems.base import DISCRIMINATOR_SEEDS
from gan_train.systems.two_players import TwoPlayerGAN


class CurveGAN(TwoPlayerGAN):
    """The GAN of points on a curve."""

    def __init__(self, recipe: CurveRecipe) -> None:
        precision, coordinates, seed = resolved(recipe.precision), recipe.point.coordinates, recipe.seed
        generator = build_generator(recipe.generator, recipe.latent_size, coordinates, seed, precision)
        discriminator = build_discriminator(recipe.discriminator, coordinates, seed + DISCRIMINATOR_SEEDS, precision)
        super().__init__(recipe, generator, discriminator)


SYSTEM = CurveGAN
