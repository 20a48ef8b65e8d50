"""The recipe of the auxiliary classifier GAN; systems/acgan.py trains by it."""

from typing import Literal, Self

from pydantic import model_validator

from gan_train.recipe.base import CLASSIFIER, GENERATOR, ClassRecipe
from gan_train.recipe.examples import PositiveInt, check_growth
from gan_train.recipe.network_config import BatchNormConfig, Filters, Share
from gan_train.recipe.opponents import LossKind, Opponents
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.section import Section


class ACGANGeneratorConfig(Section):
    """The generator: a dense layer to `base`, beside it a map of the label, then transposed convolutions.

    Each of `filters`, and the image after them, doubles the sides. The defaults are those of Brownlee, Generative Adversarial
    Networks with Python, ch. 19.

    Attributes:
        embedding: size of the vector that a class is embedded in.
        base: (height, width, channels) after the dense layer, without the label's map.
        filters: channels of each transposed convolution but the last.
        kernel: side of the kernels.
    """

    embedding: PositiveInt = 50
    base: tuple[PositiveInt, PositiveInt, PositiveInt] = (7, 7, 384)
    filters: Filters = (192,)
    kernel: PositiveInt = 5


class ACGANDiscriminatorConfig(Section):
    """The discriminator: convolutions of stride 2 and 1 by turns, then a score and class logits from the same features.

    Attributes:
        filters: channels of each convolution.
        kernel: side of the kernels.
        dropout: share of activations dropped after every convolution.
    """

    filters: Filters = (32, 64, 128, 256)
    kernel: PositiveInt = 3
    dropout: Share = 0.5


class Generator(ACGANGeneratorConfig):
    """The recipe's section `generator`."""

    batch_norm: BatchNormConfig
    optimizer: OptimizerConfig


class Discriminator(ACGANDiscriminatorConfig):
    """The recipe's section `discriminator`."""

    batch_norm: BatchNormConfig
    optimizer: OptimizerConfig


class ACGANRecipe(ClassRecipe):
    """A GAN whose discriminator also predicts the class (Odena et al. 2017)."""

    system: Literal["acgan"]
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, len(self.generator.filters) + 1, self.image)
        return self

    @property
    def networks(self) -> tuple[str, ...]:
        return (GENERATOR, CLASSIFIER)

    @property
    def opponents(self) -> tuple[Opponents, ...]:
        return (Opponents(other_terms=("class_loss",)),)

    @property
    def loss_kind(self) -> LossKind:
        return "non-saturating"


RECIPE = ACGANRecipe
