"""What recipes of image translation have in common: images in, images out, no latents."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import Field

from gan_train.recipe.base import Purpose, Recipe
from gan_train.recipe.examples import ImageConfig, PositiveInt

SOURCE, TARGET = "source", "target"
"""Names of a pair's images."""
A, B = "a", "b"
"""Names of the images of two domains."""

Inference = Literal["training", "averages"]
"""What batch normalisation and dropout do in a trained translator: see `translating_copy`."""

Weight = Annotated[float, Field(ge=0)]
"""Of a term in the generator's loss."""


class TranslationRecipe(Recipe, ABC):
    """A recipe whose generators make an image from an image. The discriminator sees a whole batch of real and of fake ones.

    Attributes:
        image: of both domains.
        jitter: pixels by which images are enlarged on each axis before a random crop to their size; 0 for none. 30 at 256
            pixels is Pix2Pix's (Isola et al. 2017).
        flip: mirror half of the images left and right.
        loss: of the discriminator's scores, one for each patch; objectives/losses.py has the formulas.
        discriminator_weight: of a discriminator's loss, on real and on fake images.
        adversarial_weight: of the discriminator's verdict in a generator's loss.
        measured_images: how many a snapshot measures, fewer if there are no more.
    """

    image: ImageConfig
    jitter: Annotated[int, Field(ge=0)] = 0
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
    @abstractmethod
    def directions(self) -> tuple[str, ...]:
        """Names of its generators' ways."""

    @property
    @abstractmethod
    def pairs(self) -> bool:
        """Whether it learns from pairs, else from two domains in which nothing belongs together."""

    @property
    def swaps(self) -> bool:
        """Whether a pair's target is translated to its source."""
        return False


def generator_kind(direction: str) -> str:
    """What the generator of a way of translation is called: "generator", or "generator-a-to-b"."""
    return f"generator-{direction}" if direction else "generator"
