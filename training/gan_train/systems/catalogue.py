"""Which class trains which system."""

from collections.abc import Callable
from typing import Any

from gan_train.recipe.base import Recipe
from gan_train.systems.acgan import ACGAN
from gan_train.systems.base import System
from gan_train.systems.classifier import Classifier
from gan_train.systems.conditional import ConditionalGAN
from gan_train.systems.curve import CurveGAN
from gan_train.systems.cyclegan import CycleGAN
from gan_train.systems.gan import GAN
from gan_train.systems.infogan import InfoGAN
from gan_train.systems.pix2pix import Pix2Pix
from gan_train.systems.sgan import SGAN

SYSTEMS: dict[str, Callable[[Any], System]] = {
    "acgan": ACGAN,
    "classifier": Classifier,
    "conditional": ConditionalGAN,
    "curve": CurveGAN,
    "cyclegan": CycleGAN,
    "gan": GAN,
    "infogan": InfoGAN,
    "pix2pix": Pix2Pix,
    "sgan": SGAN,
}
"""Each takes the recipe that recipe/catalogue.py names for it."""


def build_system(recipe: Recipe) -> System:
    """The system a recipe names, with fresh weights. Call it inside the strategy's scope."""
    return SYSTEMS[recipe.system](recipe)
