"""The parts that systems of image translation share: generators of images from images, and the images they train on."""

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
        generators: generators by direction, the directions of the recipe.
    """

    generators: dict[str, keras.Model]

    @property
    def models(self) -> dict[str, keras.Model]:
        return {generator_kind(direction): network for direction, network in self.generators.items()}

    @abstractmethod
    def translated(self, direction: str, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        """Images translated as a trained generator does it, float32 (n, height, width, channels) in the image range.

        Args:
            direction: the direction of translation.
            images: the images to translate, of the same shape and range.
            draw: source of dropout's random numbers, where dropout is kept.
        """


def training_images(images: list[tf.Tensor], recipe: TranslationRecipe, draw: Draw) -> list[tf.Tensor]:
    """Images as the networks see them in training. Images at the same place of their batches get the same jitter and mirroring.

    Args:
        images: batches of the same n, uint8 (n, height, width, channels).
        recipe: the recipe, for its range, jitter and flips.
        draw: source of the random numbers.

    Returns:
        As many batches, float32 in the recipe's range.
    """
    batches = [to_range(batch, recipe.image.range) for batch in images]
    count = batches[0].shape[0] * draw.replicas
    if recipe.jitter:
        corners = draw.uniform(count, 2)
        batches = [jittered(batch, recipe.jitter, corners) for batch in batches]
    if recipe.flip:
        sides = draw.uniform(count, 1)
        batches = [flipped(batch, sides) for batch in batches]
    return batches


def patch_summary(discriminator: PatchGANConfig, image: ImageConfig) -> dict[str, str]:
    """The side of the patches that a PatchGAN scores, and their number, for people."""
    field, (rows, columns) = receptive_field(discriminator), patches(discriminator, image.shape[:2])
    return {"receptive_field": f"{field}x{field} pixels", "patches": f"{rows}x{columns}"}


def patch_mean(losses: tf.Tensor) -> tf.Tensor:
    """The mean over patches, (n, rows, columns) to (n,)."""
    return tf.reduce_mean(losses, axis=(1, 2))


def mean_absolute(images: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """The mean absolute difference of images over pixels and channels, (n,)."""
    return tf.reduce_mean(tf.abs(images - others), axis=(1, 2, 3))
