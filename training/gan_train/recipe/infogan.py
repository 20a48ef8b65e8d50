"""What a recipe of InfoGAN says; systems/infogan.py reads it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.base import ImageRecipe
from gan_train.recipe.examples import Condition, check_growth
from gan_train.recipe.network_config import BatchNormConfig, InfoGANDiscriminatorConfig, InfoGANGeneratorConfig
from gan_train.recipe.optimizer_config import OptimizerConfig


class Generator(InfoGANGeneratorConfig):
    """With what its layers share and its optimizer."""

    batch_norm: BatchNormConfig
    optimizer: OptimizerConfig


class Discriminator(InfoGANDiscriminatorConfig):
    """With what its layers share and its optimizer."""

    batch_norm: BatchNormConfig
    optimizer: OptimizerConfig


class InfoGANRecipe(ImageRecipe):
    """A GAN that gives a code a meaning (Chen et al. 2016; spec D 3).

    Attributes:
        codes: values of the one categorical code.
        information_weight: of the code's term in the generator's loss, lambda.
        q_updates_trunk: whether the generator's phase also moves the layers that Q shares with the discriminator.
    """

    system: Literal["infogan"]
    codes: Annotated[int, Field(ge=2)]
    information_weight: Annotated[float, Field(gt=0)] = 1.0
    q_updates_trunk: bool = False
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, len(self.generator.filters), self.image)
        return self

    @property
    def condition(self) -> Condition:
        return Condition("code", self.codes)
