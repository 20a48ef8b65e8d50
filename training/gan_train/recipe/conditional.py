"""What a recipe of the conditional GAN says; systems/conditional.py reads it."""

from typing import Literal, Self

from pydantic import model_validator

from gan_train.recipe.base import Recipe
from gan_train.recipe.examples import Condition, ImageConfig, PositiveInt, check_growth
from gan_train.recipe.network_config import ConditionalDiscriminatorConfig, ConditionalGeneratorConfig
from gan_train.recipe.optimizer_config import OptimizerConfig


class Generator(ConditionalGeneratorConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class Discriminator(ConditionalDiscriminatorConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class ConditionalRecipe(Recipe):
    """A GAN whose players are both told the class (Mirza and Osindero 2014; spec D 2).

    Attributes:
        classes: of the dataset.
    """

    system: Literal["conditional"]
    image: ImageConfig
    classes: PositiveInt
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, len(self.generator.filters), self.image)
        return self

    @property
    def examples(self) -> ImageConfig:
        return self.image

    @property
    def dataset_classes(self) -> int:
        return self.classes

    @property
    def condition(self) -> Condition:
        return Condition("class", self.classes)
