"""The keys and properties that recipes of image translation share: images in, images out, no latents."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import Field

from gan_train.recipe.base import GENERATOR, Purpose, Recipe
from gan_train.recipe.examples import ImageConfig, PositiveInt
from gan_train.recipe.opponents import LossKind

Inference = Literal["training", "averages"]
"""How batch normalisation and dropout work in a trained translator: see `translating_copy`."""

Weight = Annotated[float, Field(ge=0)]
"""Weight of a term of a loss."""


class TranslationRecipe(Recipe, ABC):
    """A recipe whose generators make an image from an image. A discriminator gets a whole batch of real and of fake ones.

    Attributes:
        image: shape and range of the images, of both domains.
        jitter: pixels by which images are enlarged on each axis before a random crop to their size; 0 for none. Isola et al.
            2017 take 30 at 256 pixels.
        flip: whether half of the images are mirrored left and right.
        loss: adversarial loss of the scores, one score for each patch; objectives/losses.py has the formulas.
        discriminator_weight: weight of a discriminator's loss on real images, and on fake ones.
        adversarial_weight: weight of the adversarial loss in a generator's loss.
        measured_images: largest number of images that a snapshot measures.
    """

    saved_generator = "gan_train.sampling.translator:SavedTranslator"
    exported_generator = "gan_train.exporting.translator:ExportedTranslator"

    image: ImageConfig
    jitter: Annotated[int, Field(ge=0, le=4096)] = 0
    flip: bool = False
    loss: Literal["non-saturating", "least-squares"]
    discriminator_weight: Weight = 0.5
    adversarial_weight: Weight = 1.0
    measured_images: PositiveInt = 50

    @property
    def examples(self) -> ImageConfig:
        return self.image

    @property
    def purpose(self) -> Purpose:
        return Purpose("makes images from images", "translate", "IMAGE -o made.png")

    @property
    def networks(self) -> tuple[str, ...]:
        return tuple(generator_kind(direction) for direction in self.directions)

    @property
    def loss_kind(self) -> LossKind:
        return self.loss

    @property
    def generator_has_other_losses(self) -> bool:
        return True

    @property
    @abstractmethod
    def directions(self) -> tuple[str, ...]:
        """Names of the directions of translation, one for each generator; "" for the only one."""

    def direction_title(self, direction: str) -> str:
        """A direction of translation in words."""
        return direction


def generator_kind(direction: str) -> str:
    """The kind of saved network that translates in a direction: "generator", or for example "generator-a-to-b"."""
    return f"{GENERATOR}-{direction}" if direction else GENERATOR
