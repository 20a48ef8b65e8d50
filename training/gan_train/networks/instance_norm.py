"""Instance normalisation (Ulyanov et al. 2016): every image is standardised by its own mean and variance."""

from typing import Any, Literal

import keras
import tensorflow as tf


class InstanceNormalization(keras.layers.Layer):
    """Standardises each image on its own, then scales and shifts each channel; the same in training and in inference.

    Statistics are over height and width, of float32 in every precision, and use the biased variance. Outputs have the
    dtype of the inputs, (n, height, width, channels). `keras.layers.GroupNormalization` is the same function, with as many
    groups as channels or with one.

    For axis="channel" the feature maps of all images stand side by side as the channels of one image, which makes it
    TensorFlow's fused batch normalisation, several times faster than Keras' layer for one image: docs/measurements.md.

    Args:
        epsilon: number added to the variance.
        axis: "channel" has a mean and variance for each feature map of an image, "all" one for all of them.
        **options: options of `keras.layers.Layer`.
    """

    def __init__(self, epsilon: float = 1e-5, axis: Literal["channel", "all"] = "channel", **options: Any) -> None:
        super().__init__(**options)
        self.epsilon, self.axis = epsilon, axis

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels: dict[str, Any] = {"shape": (input_shape[-1],), "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **channels)
        self.beta = self.add_weight(name="beta", initializer="zeros", **channels)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        standardised = _each_map if self.axis == "channel" else _all_maps
        outputs = standardised(inputs, tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta), self.epsilon)
        return tf.ensure_shape(outputs, inputs.shape)


def _each_map(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    count, height, width, channels = tf.unstack(tf.shape(images))
    outputs, *_ = tf.raw_ops.FusedBatchNormV3(
        x=tf.reshape(tf.transpose(images, (1, 2, 0, 3)), (1, height, width, count * channels)),
        scale=tf.tile(gamma, [count]),
        offset=tf.tile(beta, [count]),
        mean=tf.zeros(0),
        variance=tf.zeros(0),
        epsilon=epsilon,
        is_training=True,
    )
    return tf.transpose(tf.reshape(outputs, (height, width, count, channels)), (2, 0, 1, 3))


def _all_maps(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    values = tf.cast(images, tf.float32)
    values -= tf.reduce_mean(values, (1, 2, 3), keepdims=True)
    variance = tf.reduce_mean(tf.square(values), (1, 2, 3), keepdims=True)
    return tf.cast(values * tf.math.rsqrt(variance + epsilon) * gamma + beta, images.dtype)
