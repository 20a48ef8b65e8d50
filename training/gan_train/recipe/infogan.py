"""The recipe of InfoGAN; systems/infogan.py trains by it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.base import ImageRecipe
from gan_train.recipe.examples import Condition, PositiveInt, check_growth
from gan_train.recipe.network_config import BatchNormConfig, Filters
from gan_train.recipe.opponents import LossKind
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.section import Section


class InfoGANGeneratorConfig(Section):
    """The generator: a dense layer to `base`, a convolution, then transposed convolutions that double the sides.

    The defaults are those of Brownlee, Generative Adversarial Networks with Python, ch. 18.

    Attributes:
        base: (height, width, channels) after the dense layer.
        filters: channels of the convolution, then of each transposed convolution but the last, which makes the image.
        kernel: side of the kernels.
    """

    base: tuple[PositiveInt, PositiveInt, PositiveInt] = (7, 7, 512)
    filters: Filters = (128, 64)
    kernel: PositiveInt = 4


class InfoGANDiscriminatorConfig(Section):
    """The discriminator: convolutions of stride 2, the last of stride 1; then one head for the score and one for the code.

    Attributes:
        filters: channels of each convolution.
        kernel: side of the kernels.
        code_units: units of the hidden layer in the code's head.
    """

    filters: Filters = (64, 128, 256)
    kernel: PositiveInt = 4
    code_units: PositiveInt = 128


class Generator(InfoGANGeneratorConfig):
    """The recipe's section `generator`."""

    batch_norm: BatchNormConfig
    optimizer: OptimizerConfig


class Discriminator(InfoGANDiscriminatorConfig):
    """The recipe's section `discriminator`."""

    batch_norm: BatchNormConfig
    optimizer: OptimizerConfig


class InfoGANRecipe(ImageRecipe):
    """A GAN whose generator gives a meaning to a code (Chen et al. 2016).

    Attributes:
        codes: number of values of the one categorical code.
        information_weight: weight of the code's term in the generator's loss, lambda in the paper.
        q_updates_trunk: whether the generator's phase also moves the layers that the network Q shares with the discriminator.
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

    @property
    def loss_kind(self) -> LossKind:
        return "non-saturating"


RECIPE = InfoGANRecipe
