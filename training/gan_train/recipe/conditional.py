"""What a recipe of the conditional GAN says; systems/conditional.py reads it."""

from typing import Literal, Self

from pydantic import model_validator

from gan_train.recipe.base import ClassRecipe
from gan_train.recipe.examples import check_growth
from gan_train.recipe.network_config import ConditionalDiscriminatorConfig, ConditionalGeneratorConfig
from gan_train.recipe.optimizer_config import OptimizerConfig


class Generator(ConditionalGeneratorConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class Discriminator(ConditionalDiscriminatorConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class ConditionalRecipe(ClassRecipe):
    """A GAN whose players are both told the class (Mirza and Osindero 2014; spec D 2)."""

    system: Literal["conditional"]
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, len(self.generator.filters), self.image)
        return self
