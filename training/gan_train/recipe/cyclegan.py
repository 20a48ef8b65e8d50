"""What a recipe of CycleGAN says; systems/cyclegan.py reads it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.translation import TranslationRecipe, Weight
from gan_train.recipe.translation_networks import PatchGANConfig, ResNetConfig

A_TO_B, B_TO_A = "a-to-b", "b-to-a"


class Generator(ResNetConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class Discriminator(PatchGANConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class CycleGANRecipe(TranslationRecipe):
    """Two GANs that learn to translate between two domains, and back, without pairs (Zhu et al. 2017; spec E 7).

    Attributes:
        identity_weight: of the mean absolute difference that a generator makes to an image of the domain it makes; 0 saves
            its computation.
        cycle_weight: of the mean absolute difference after the way there and back, from either domain.
        pool: earlier fakes that each discriminator may be shown; 0 for none.
        generator: both of them.
        discriminator: both of them.
    """

    system: Literal["cyclegan"]
    identity_weight: Weight = 5.0
    cycle_weight: Weight = 10.0
    pool: Annotated[int, Field(ge=0)] = 50
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _sides_halve(self) -> Self:
        self.generator.check_sides(self.image)
        return self

    @property
    def directions(self) -> tuple[str, ...]:
        return (A_TO_B, B_TO_A)

    @property
    def pairs(self) -> bool:
        return False
