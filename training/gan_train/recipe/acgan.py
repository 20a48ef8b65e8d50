"""What a recipe of the auxiliary classifier GAN says; systems/acgan.py reads it."""

from typing import Literal, Self

from pydantic import model_validator

from gan_train.recipe.base import ClassRecipe
from gan_train.recipe.examples import check_growth
from gan_train.recipe.network_config import ACGANDiscriminatorConfig, ACGANGeneratorConfig, BatchNormConfig
from gan_train.recipe.optimizer_config import OptimizerConfig


class Generator(ACGANGeneratorConfig):
    """With what its layers share and its optimizer."""

    batch_norm: BatchNormConfig
    optimizer: OptimizerConfig


class Discriminator(ACGANDiscriminatorConfig):
    """With what its layers share and its optimizer."""

    batch_norm: BatchNormConfig
    optimizer: OptimizerConfig


class ACGANRecipe(ClassRecipe):
    """A GAN whose discriminator names the class (Odena et al. 2017; spec D 4)."""

    system: Literal["acgan"]
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, len(self.generator.filters) + 1, self.image)
        return self
