"""An exponential moving average of a network: the generator whose images are shown."""

import keras
import tensorflow as tf

from gan_train.numerics.replicas import assign_own
from gan_train.recipe.practice_config import AverageConfig


class MovingAverage:
    """A copy of a network whose trainable variables follow the original's, and whose others equal them.

    The decay of a step is 0.5 ** (batch size / half-life), with the half-life in images, so that another batch size
    averages over the same images; see Karras et al. 2020 (StyleGAN2-ADA), who also limit it early in training. In the first
    `start` steps the average equals the original.

    Args:
        network: the one in training.
        copy: a network of the same architecture, which becomes the average; it starts with the same weights.
        config: half-life, warm-up and start.
        batch_size: images of a step.

    Attributes:
        network: the average.
        original: the network in training.
    """

    def __init__(self, network: keras.Model, copy: keras.Model, config: AverageConfig, batch_size: int) -> None:
        self.network = copy
        self.original, self._config, self._batch_size = network, config, batch_size
        copy.set_weights(network.get_weights())
        # Layers of the original may be frozen later, which changes what it lists as trainable.
        self._trained = list(zip(copy.trainable_variables, network.trainable_variables, strict=True))
        self._others = list(zip(copy.non_trainable_variables, network.non_trainable_variables, strict=True))

    def follow(self, step: tf.Tensor) -> None:
        """Move the average by one step. Called in replica context; every replica computes the same."""
        decay = self._decay(step)
        for average, original in self._trained:
            current = tf.convert_to_tensor(original)
            assign_own(average, current + decay * (tf.convert_to_tensor(average) - current))
        for average, original in self._others:
            assign_own(average, tf.convert_to_tensor(original))

    def _decay(self, step: tf.Tensor) -> tf.Tensor:
        """The share of the old average that stays in a step, float32 scalar."""
        half_life = tf.constant(self._config.half_life_images, tf.float32)
        if self._config.warm_up is not None:
            images = tf.cast((step + 1) * self._batch_size, tf.float32)
            half_life = tf.minimum(half_life, images * self._config.warm_up)
        decay = tf.pow(0.5, self._batch_size / half_life)
        return tf.where(step < self._config.start, 0.0, decay) if self._config.start else decay
