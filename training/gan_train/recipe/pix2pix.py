"""What a recipe of Pix2Pix says; systems/pix2pix.py reads it."""

from typing import Literal, Self

from pydantic import model_validator

from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.translation import TranslationRecipe, Weight
from gan_train.recipe.translation_networks import PatchGANConfig, UNetConfig


class Generator(UNetConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class Discriminator(PatchGANConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class Pix2PixRecipe(TranslationRecipe):
    """A GAN that learns a translation from pairs (Isola et al. 2017; spec E 5).

    Attributes:
        reverse: translate a pair's target to its source.
        l1_weight: of the mean absolute difference from the target.
    """

    system: Literal["pix2pix"]
    reverse: bool = False
    l1_weight: Weight = 100.0
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _sides_halve(self) -> Self:
        self.generator.check_sides(self.image)
        return self

    @property
    def directions(self) -> tuple[str, ...]:
        return ("",)

    @property
    def pairs(self) -> bool:
        return True

    @property
    def swaps(self) -> bool:
        return self.reverse
