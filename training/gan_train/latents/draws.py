"""Latents drawn on the device for training; latent.py draws those of pictures."""

import math

import tensorflow as tf

from gan_train.numerics.randomness import Draw
from gan_train.recipe.practice_config import LatentConfig


def draw_latents(config: LatentConfig, draw: Draw, count: int, size: int) -> tf.Tensor:
    """This replica's share of `count` latents of the global batch, by the recipe's distribution: float32 (count / replicas,
    size).
    """
    if config.distribution == "normal":
        return draw.normal(count, size)
    numbers = draw.uniform(count, size)
    if config.distribution == "uniform":
        return 2.0 * numbers - 1.0
    # Inverse transform sampling: TensorFlow's own truncated normal has the threshold 2 only.
    low = 0.5 * (1.0 + math.erf(-config.threshold / math.sqrt(2.0)))
    # Numbers are multiples of 2**-23, so this is the middle of their step: beyond a threshold of 8 `low` rounds to 0, and the
    # inverse of 0 is minus infinity.
    return tf.math.ndtri(low + (1.0 - 2.0 * low) * (numbers + 2.0**-24))
