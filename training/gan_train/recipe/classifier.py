"""The recipe of the classifier whose features score generators; systems/classifier.py trains by it."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.base import CLASSIFIER, Purpose, Recipe
from gan_train.recipe.examples import ImageConfig, PositiveInt
from gan_train.recipe.network_config import BatchNormConfig, Filters, Share
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.section import Section

if TYPE_CHECKING:
    from gan_train.recipe.streams import Source, Streams


class FeatureClassifierConfig(Section):
    """The network: stages of convolutions, of which the last of each has stride 2; then a dense layer of features.

    Attributes:
        filters: channels of each stage; a stage halves the sides.
        convolutions: number of convolutions of each stage.
        kernel: side of the kernels.
        features: units of the dense layer before the class logits.
        batch_norm: normalisation after every convolution.
        dropout: share of the features dropped.
    """

    filters: Filters
    convolutions: Annotated[int, Field(ge=1, le=1000)] = 2
    kernel: PositiveInt = 3
    features: PositiveInt = 128
    batch_norm: BatchNormConfig = BatchNormConfig()
    dropout: Share = 0.4


class Classifier(FeatureClassifierConfig):
    """The recipe's section `classifier`."""

    optimizer: OptimizerConfig


class ClassifierRecipe(Recipe):
    """A network that learns the classes of images, and whose features score the generators of other runs.

    Attributes:
        image: shape and range of the images.
        classes: number of classes of the dataset.
        classifier: sizes of the network, and its optimizer.
        shift: largest shift of a training image on each axis, in pixels; pixels that come into view are black.
        flip: whether half of the training images are mirrored left and right.
        measured_images: largest number of images that a snapshot measures.
    """

    gallery = "gan_train.galleries.classified:ClassifiedGallery"

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
        return Purpose("classifies images and makes none", "classify", "--data FOLDER")

    @property
    def networks(self) -> tuple[str, ...]:
        return (CLASSIFIER,)

    @property
    def scores_other_runs(self) -> bool:
        return True

    def streams(self, source: "Source") -> "Streams":
        # The manifest's module loads NumPy, which listing recipes does not need.
        from gan_train.recipe.streams import example_streams

        return example_streams(source, self.image, self.classes, shows_held_out=True)


RECIPE = ClassifierRecipe
