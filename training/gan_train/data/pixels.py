"""Conversions between stored pixels (uint8) and the range in which a network works."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def to_range(images: tf.Tensor, name: str) -> tf.Tensor:
    """uint8 images to float32 in [0, 1] ("unit": x / 255) or [-1, 1] ("symmetric": (x - 127.5) / 127.5)."""
    pixels = tf.cast(images, tf.float32)
    return pixels / 255.0 if name == "unit" else (pixels - 127.5) / 127.5


def to_uint8(images: NDArray[np.float32], name: str) -> NDArray[np.uint8]:
    """The inverse of `to_range`, rounded to the nearest value and clipped to 0..255, for NumPy arrays."""
    return np.clip(np.rint(_stretched(images, name)), 0, 255).astype(np.uint8)


def to_uint8_tensor(images: tf.Tensor, name: str) -> tf.Tensor:
    """The inverse of `to_range`, as `to_uint8`, for tensors."""
    return tf.saturate_cast(tf.round(_stretched(images, name)), tf.uint8)


def _stretched(images: Any, name: str) -> Any:
    return images * 255.0 if name == "unit" else images * 127.5 + 127.5
