"""What a recipe of the 1-D GAN says; systems/curve.py reads it."""

from typing import Literal

from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import PointConfig
from gan_train.recipe.network_config import CurveDiscriminatorConfig, CurveGeneratorConfig
from gan_train.recipe.optimizer_config import OptimizerConfig


class Generator(CurveGeneratorConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class Discriminator(CurveDiscriminatorConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class CurveRecipe(LatentRecipe):
    """A GAN of points on a curve (spec A 2.3)."""

    system: Literal["curve"]
    point: PointConfig = PointConfig()
    generator: Generator
    discriminator: Discriminator

    @property
    def examples(self) -> PointConfig:
        return self.point
