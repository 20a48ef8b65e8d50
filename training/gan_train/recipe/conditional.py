"""The recipe of the conditional GAN; systems/conditional.py trains by it."""

from typing import Literal, Self

from pydantic import model_validator

from gan_train.recipe.base import ClassRecipe
from gan_train.recipe.examples import PositiveInt, check_growth
from gan_train.recipe.network_config import Filters, Share
from gan_train.recipe.opponents import LossKind
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.section import Section


class ConditionalGeneratorConfig(Section):
    """The generator: a dense layer to `base`, beside it a map of the label, then transposed convolutions of stride 2.

    The defaults are those of Brownlee, Generative Adversarial Networks with Python, ch. 17.

    Attributes:
        embedding: size of the vector that a class is embedded in.
        base: (height, width, channels) after the dense layer, without the label's map.
        filters: channels of each transposed convolution.
        kernel: side of the kernels of the transposed convolutions.
        output_kernel: side of the kernel of the last convolution.
    """

    embedding: PositiveInt = 50
    base: tuple[PositiveInt, PositiveInt, PositiveInt] = (7, 7, 128)
    filters: Filters = (128, 128)
    kernel: PositiveInt = 4
    output_kernel: PositiveInt = 7


class ConditionalDiscriminatorConfig(Section):
    """The discriminator: a map of the label as one more channel of the image, then convolutions of stride 2.

    Attributes:
        embedding: size of the vector that a class is embedded in.
        filters: channels of each convolution.
        kernel: side of the kernels.
        dropout: share of activations dropped once, after the last convolution.
    """

    embedding: PositiveInt = 50
    filters: Filters = (128, 128)
    kernel: PositiveInt = 3
    dropout: Share = 0.4


class Generator(ConditionalGeneratorConfig):
    """The recipe's section `generator`."""

    optimizer: OptimizerConfig


class Discriminator(ConditionalDiscriminatorConfig):
    """The recipe's section `discriminator`."""

    optimizer: OptimizerConfig


class ConditionalRecipe(ClassRecipe):
    """A GAN whose two players both take the class (Mirza and Osindero 2014)."""

    system: Literal["conditional"]
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, len(self.generator.filters), self.image)
        return self

    @property
    def loss_kind(self) -> LossKind:
        return "non-saturating"


RECIPE = ConditionalRecipe
