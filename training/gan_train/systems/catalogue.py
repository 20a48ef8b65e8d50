"""Which class reads which recipe."""

from gan_train.recipe.base import Recipe
from gan_train.systems.base import System
from gan_train.systems.gan import GAN

SYSTEMS: dict[str, type[GAN]] = {"gan": GAN}


def build_system(recipe: Recipe) -> System:
    """The system a recipe names, with fresh weights. Call it inside the strategy's scope."""
    return SYSTEMS[recipe.system](recipe)
