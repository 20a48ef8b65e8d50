"""The recipe of the GAN of points on a curve; systems/curve.py trains by it."""

from typing import Literal

from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import PointConfig, PositiveInt
from gan_train.recipe.opponents import LossKind
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.section import Section


class CurveGeneratorConfig(Section):
    """The generator: one hidden dense layer.

    Attributes:
        units: units of the hidden layer.
    """

    units: PositiveInt = 15


class CurveDiscriminatorConfig(Section):
    """The discriminator: one hidden dense layer.

    Attributes:
        units: units of the hidden layer.
    """

    units: PositiveInt = 25


class Generator(CurveGeneratorConfig):
    """The recipe's section `generator`."""

    optimizer: OptimizerConfig


class Discriminator(CurveDiscriminatorConfig):
    """The recipe's section `discriminator`."""

    optimizer: OptimizerConfig


class CurveRecipe(LatentRecipe):
    """A GAN of points on a curve (Brownlee, Generative Adversarial Networks with Python, ch. 6).

    Attributes:
        point: number of coordinates of a point.
    """

    system: Literal["curve"]
    point: PointConfig = PointConfig()
    generator: Generator
    discriminator: Discriminator

    @property
    def examples(self) -> PointConfig:
        return self.point

    @property
    def loss_kind(self) -> LossKind:
        return "non-saturating"


RECIPE = CurveRecipe
