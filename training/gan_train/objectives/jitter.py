"""Small random changes of training images that a translation (Isola et al. 2017, section 6.2) or a class must not depend on.

images = jittered(images, 30, draw.uniform(count, 2))      # 256 pixels to 286, a random 256 of them
images = flipped(images, draw.uniform(count, 1))
images = shifted(images, 2, draw.uniform(count, 2))

The random numbers are arguments, so that both images of a pair can move alike.
"""

import tensorflow as tf


def jittered(images: tf.Tensor, pixels: int, corners: tf.Tensor) -> tf.Tensor:
    """The images enlarged by bilinear interpolation, then cropped at random to their size.

    Args:
        images: float32 (n, height, width, channels), all but n known.
        pixels: number of pixels by which both sides grow.
        corners: float32 (n, 2) in [0, 1): the crop's corner, as a share of the way down and of the way right.
    """
    height, width = images.shape[1:3]
    enlarged = tf.image.resize(images, (height + pixels, width + pixels))
    return _window(enlarged, height, width, _whole(corners, pixels + 1))


def flipped(images: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    """The images, mirrored left and right where their number, float32 (n, 1) in [0, 1), is below 1/2."""
    return tf.where(sides[:, :, None, None] < 0.5, images[:, :, ::-1], images)


def shifted(images: tf.Tensor, pixels: int, numbers: tf.Tensor) -> tf.Tensor:
    """The images moved by a whole number of pixels on each axis, up to `pixels` either way; pixels that come into view are 0.

    Args:
        images: (n, height, width, channels) of any type, all but n known.
        pixels: largest shift in pixels; 0 leaves the images as they are.
        numbers: float32 (n, 2) in [0, 1), for down and right; 0 moves an image furthest down or right.
    """
    height, width = images.shape[1:3]
    framed = tf.pad(images, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]])
    return _window(framed, height, width, _whole(numbers, 2 * pixels + 1))


def _whole(numbers: tf.Tensor, below: int) -> tf.Tensor:
    return tf.cast(tf.floor(numbers * below), tf.int32)


def _window(images: tf.Tensor, height: int, width: int, corners: tf.Tensor) -> tf.Tensor:
    """The part of every image that begins at its corner, int32 (n, 2), given as (row, column)."""
    rows = tf.gather(images, tf.range(height) + corners[:, :1], axis=1, batch_dims=1)
    return tf.gather(rows, tf.range(width) + corners[:, 1:], axis=2, batch_dims=1)
