"""Random classes and codes for training, and the codes' place in a generator's input."""

import tensorflow as tf

from gan_train.numerics.randomness import Draw


def draw_classes(draw: Draw, count: int, classes: int) -> tf.Tensor:
    """This replica's share of `count` classes or codes, uniform in [0, classes): int32 (count / replicas,)."""
    return draw.integers(count, classes)


def with_codes(noise: tf.Tensor, codes: tf.Tensor, values: int) -> tf.Tensor:
    """Noise followed by one-hot codes, the input of InfoGAN's generator (Chen et al. 2016).

    Args:
        noise: float32 (n, size).
        codes: int32 (n,) in [0, values).
        values: number of values of a code.

    Returns:
        float32 (n, size + values).
    """
    return tf.concat([noise, tf.one_hot(codes, values)], axis=1)
