"""A convolution to very few channels that is fast on a CPU.

oneDNN, TensorFlow's library for CPUs, runs a 7x7 convolution from 128 channels to one at a tenth of its usual speed, since it
vectorises over output channels. Written as matrix products it runs at full speed. With T = kernel * kernel * filters taps:

    forward    one product gives every tap's plane, (T, n * height * width); the planes are shifted and added
    backward   the shifted planes of the output gradient, stacked once, give both gradients by one product each

It is three to four times faster than Keras' layer: docs/measurements.md.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

Gradient = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class ThinConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with stride 1, "same" padding and an odd square kernel; same weights, same results.

    Where a GPU is present it computes Keras' own convolution, which is fast there.
    """

    def __init__(self, filters: int, kernel_size: int, **options: Any) -> None:
        super().__init__(filters, kernel_size, padding="same", **options)
        if self.kernel_size[0] != self.kernel_size[1] or self.kernel_size[0] % 2 == 0:
            raise ValueError(f"layer {self.name}: kernel {self.kernel_size} is not square and odd; use Conv2D")

    def convolution_op(self, inputs: tf.Tensor, kernel: Any) -> tf.Tensor:
        if tf.config.list_logical_devices("GPU"):
            return super().convolution_op(inputs, kernel)
        return thin_convolution(inputs, tf.convert_to_tensor(kernel))


@tf.custom_gradient
def thin_convolution(images: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """The cross-correlation of images and a kernel with zero padding and stride 1.

    Args:
        images: (n, height, width, channels).
        kernel: (size, size, channels, filters), size odd.

    Returns:
        (n, height, width, filters).
    """
    size, channels, filters = kernel.shape[0], kernel.shape[2], kernel.shape[3]
    height, width = images.shape[1], images.shape[2]
    flat = tf.reshape(images, (-1, channels))
    offsets = [(row, column) for row in range(size) for column in range(size)]
    margins = [[0, 0], [0, 0], [size // 2, size // 2], [size // 2, size // 2]]

    def shifted(planes: tf.Tensor, offset: tuple[int, int]) -> tf.Tensor:
        row, column = offset
        return planes[..., row : row + height, column : column + width]

    taps = tf.reshape(tf.transpose(kernel, (0, 1, 3, 2)), (-1, channels))
    planes = tf.reshape(tf.matmul(taps, flat, transpose_b=True), (len(offsets), filters, -1, height, width))
    padded = tf.pad(planes, [[0, 0], *margins])
    outputs = tf.add_n([shifted(padded[tap], offset) for tap, offset in enumerate(offsets)])

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        padded = tf.pad(tf.transpose(upstream, (3, 0, 1, 2)), margins)
        # An output's gradient flows back through tap (a, b) to the input shifted the other way.
        stacked = tf.stack([shifted(padded, (size - 1 - row, size - 1 - column)) for row, column in offsets])
        stacked = tf.reshape(stacked, (len(offsets) * filters, -1))
        to_images = tf.reshape(tf.matmul(stacked, taps, transpose_a=True), tf.shape(images))
        to_taps = tf.reshape(tf.matmul(stacked, flat), (size, size, filters, channels))
        return to_images, tf.transpose(to_taps, (0, 1, 3, 2))

    return tf.transpose(outputs, (1, 2, 3, 0)), gradient
