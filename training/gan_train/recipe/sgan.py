"""The recipe of the semi-supervised GAN; systems/sgan.py trains by it."""

from typing import Literal, Self

from pydantic import model_validator

from gan_train.recipe.base import CLASSIFIER, GENERATOR, ImageRecipe
from gan_train.recipe.examples import PositiveInt, check_growth
from gan_train.recipe.network_config import DCGANGeneratorConfig, Filters, Share
from gan_train.recipe.opponents import LossKind
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.section import Section


class ClassifierConfig(Section):
    """The network that classifies and discriminates: convolutions of stride 2, then class logits.

    The defaults are those of Brownlee, Generative Adversarial Networks with Python, ch. 20.

    Attributes:
        filters: channels of each convolution.
        kernel: side of the kernels.
        dropout: share of activations dropped once, after the last convolution.
    """

    filters: Filters = (128, 128, 128)
    kernel: PositiveInt = 3
    dropout: Share = 0.4


class Classifier(ClassifierConfig):
    """The recipe's section `classifier`: one network with two optimizers, each of a player that moves the same layers.

    Attributes:
        optimizer: optimizer of the classifier's phase.
        discriminator_optimizer: optimizer of the discriminator's phases.
    """

    optimizer: OptimizerConfig
    discriminator_optimizer: OptimizerConfig


class SGANRecipe(ImageRecipe):
    """A GAN whose discriminator learns classes from a few labels (Odena 2016; Salimans et al. 2016).

    Attributes:
        classes: number of classes of the dataset.
        labels: number of examples whose label is used, the same number of each class.
    """

    system: Literal["sgan"]
    classes: PositiveInt
    labels: PositiveInt
    generator: DCGANGeneratorConfig
    classifier: Classifier

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, self.generator.doublings, self.image)
        return self

    @model_validator(mode="after")
    def _classes_are_balanced(self) -> Self:
        if self.labels % self.classes:
            raise ValueError(f"labels={self.labels} of {self.classes} classes: take a multiple, as many of each class")
        return self

    @property
    def dataset_classes(self) -> int:
        return self.classes

    @property
    def networks(self) -> tuple[str, ...]:
        return (GENERATOR, CLASSIFIER)

    @property
    def labels_alone(self) -> str:
        return "gan_train.systems.sgan:LabelledOnly"

    @property
    def loss_kind(self) -> LossKind:
        return "non-saturating"

    @property
    def drops_in_sampling(self) -> bool:
        return self.generator.dropout_in_sampling


RECIPE = SGANRecipe
