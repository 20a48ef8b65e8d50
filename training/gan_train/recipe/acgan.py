"""What a recipe of the auxiliary classifier GAN says; systems/acgan.py reads it."""

from typing import Literal, Self

from pydantic import model_validator

from gan_train.recipe.base import Recipe
from gan_train.recipe.examples import Condition, ImageConfig, PositiveInt, check_growth
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


class ACGANRecipe(Recipe):
    """A GAN whose discriminator names the class (Odena et al. 2017; spec D 4).

    Attributes:
        classes: of the dataset.
    """

    system: Literal["acgan"]
    image: ImageConfig
    classes: PositiveInt
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, len(self.generator.filters) + 1, self.image)
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
