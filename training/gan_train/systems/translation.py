"""What the systems of image translation share: generators of images from images, and the images they train on."""

from abc import abstractmethod

import keras
import tensorflow as tf

from gan_train.data.pixels import to_range
from gan_train.networks.receptive_field import patches, receptive_field
from gan_train.numerics.randomness import Draw
from gan_train.objectives.jitter import flipped, jittered
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.translation import TranslationRecipe, generator_kind
from gan_train.recipe.translation_networks import PatchGANConfig
from gan_train.systems.base import System


class TranslationSystem(System):
    """A system of generators that make an image from an image.

    Attributes:
        generators: by direction, one of the recipe's.
    """

    generators: dict[str, keras.Model]

    @property
    def models(self) -> dict[str, keras.Model]:
        return {generator_kind(direction): network for direction, network in self.generators.items()}

    @abstractmethod
    def translated(self, direction: str, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        """Images made from images as a trained generator makes them, float32 (n, height, width, channels) in the range.

        Args:
            direction: which generator makes them.
            images: as many, in the range.
            draw: of the numbers of dropout, where it is kept.
        """


def training_images(images: list[tf.Tensor], recipe: TranslationRecipe, draw: Draw) -> list[tf.Tensor]:
    """uint8 images as the networks see them in training, with the same jitter and mirroring for images of a place.

    Args:
        images: batches of the same n, uint8 (n, height, width, channels); what stands at the same place moves alike.
        recipe: says range, jitter and flips.
        draw: where the numbers come from.

    Returns:
        As many batches, float32 in the recipe's range.
    """
    seen = [to_range(batch, recipe.image.range) for batch in images]
    count = seen[0].shape[0] * draw.replicas
    if recipe.jitter:
        corners = draw.uniform(count, 2)
        seen = [jittered(batch, recipe.jitter, corners) for batch in seen]
    if recipe.flip:
        sides = draw.uniform(count, 1)
        seen = [flipped(batch, sides) for batch in seen]
    return seen


def patch_facts(discriminator: PatchGANConfig, image: ImageConfig) -> dict[str, str]:
    """How much of an image a discriminator of patches judges at once, and how many patches it judges."""
    field, (rows, columns) = receptive_field(discriminator), patches(discriminator, image.shape[:2])
    return {"receptive_field": f"{field}x{field} pixels", "patches": f"{rows}x{columns}"}


def patch_mean(losses: tf.Tensor) -> tf.Tensor:
    """The mean over patches, (n, rows, columns) to (n,)."""
    return tf.reduce_mean(losses, axis=(1, 2))


def mean_absolute(made: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """The mean absolute difference of images over pixels and channels, (n,)."""
    return tf.reduce_mean(tf.abs(made - wanted), axis=(1, 2, 3))
