"""What a recipe of the semi-supervised GAN says; systems/sgan.py reads it."""

from typing import Literal, Self

from pydantic import model_validator

from gan_train.recipe.base import ImageRecipe
from gan_train.recipe.examples import PositiveInt, check_growth
from gan_train.recipe.network_config import ClassifierConfig, DCGANGeneratorConfig
from gan_train.recipe.optimizer_config import OptimizerConfig


class Classifier(ClassifierConfig):
    """With the optimizers of its two players, which move the same layers.

    Attributes:
        optimizer: of the classifier.
        discriminator_optimizer: of the discriminator.
    """

    optimizer: OptimizerConfig
    discriminator_optimizer: OptimizerConfig


class SGANRecipe(ImageRecipe):
    """A GAN whose discriminator learns classes from a few labels (Odena 2016, Salimans et al. 2016; spec D 5).

    Attributes:
        classes: of the dataset.
        labels: examples whose label is used, the same number of each class.
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
    def _classes_are_alike(self) -> Self:
        if self.labels % self.classes:
            raise ValueError(f"labels={self.labels} of {self.classes} classes: take a multiple, as many of each class")
        return self

    @property
    def dataset_classes(self) -> int:
        return self.classes

    @property
    def drops_in_sampling(self) -> bool:
        return self.generator.dropout_in_sampling
