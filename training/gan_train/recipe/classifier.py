"""What a recipe of the domain classifier says; systems/classifier.py reads it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.base import Purpose, Recipe
from gan_train.recipe.examples import ImageConfig, PositiveInt
from gan_train.recipe.network_config import FeatureClassifierConfig
from gan_train.recipe.optimizer_config import OptimizerConfig


class Classifier(FeatureClassifierConfig):
    """With its optimizer."""

    optimizer: OptimizerConfig


class ClassifierRecipe(Recipe):
    """A network that learns the classes of images, and by which others are scored.

    Attributes:
        image: what it looks at.
        classes: of the dataset.
        shift: training images move by up to as many pixels on each axis; what comes into view is black.
        flip: mirror half of the training images left and right.
        measured_images: how many a snapshot measures, fewer if there are no more.
    """

    system: Literal["classifier"]
    image: ImageConfig
    classes: Annotated[int, Field(ge=2)]
    classifier: Classifier
    shift: Annotated[int, Field(ge=0)] = 0
    flip: bool = False
    measured_images: PositiveInt = 10_000

    @model_validator(mode="after")
    def _something_stays_in_view(self) -> Self:
        if self.shift >= min(self.image.shape[:2]):
            raise ValueError(f"shift={self.shift} moves images of {self.image.shape[0]}x{self.image.shape[1]} out of view")
        return self

    @property
    def examples(self) -> ImageConfig:
        return self.image

    @property
    def dataset_classes(self) -> int:
        return self.classes

    @property
    def purpose(self) -> Purpose:
        return Purpose("tells the classes of images and makes none", "classify", "--data FOLDER")
