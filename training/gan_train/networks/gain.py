"""A learned factor for a residual branch."""

import keras
import tensorflow as tf


class Gain(keras.layers.Layer):
    """The input times one number that is learned and starts at 0, so that a residual branch behind it starts as nothing."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, self.compute_dtype)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs * tf.cast(tf.convert_to_tensor(self.gamma), inputs.dtype)
