"""Small random changes of training images that a translation should not depend on (Isola et al. 2017, 6.2).

images = jittered(images, 30, draw.uniform(count, 2))      # 256 pixels to 286, a random 256 of them
images = flipped(images, draw.uniform(count, 1))

The numbers are arguments, so that both images of a pair can move alike.
"""

import tensorflow as tf


def jittered(images: tf.Tensor, pixels: int, corners: tf.Tensor) -> tf.Tensor:
    """Enlarged by bilinear interpolation, then cropped to their size at random.

    Args:
        images: float32 (n, height, width, channels), all but n known.
        pixels: by which both sides grow.
        corners: float32 (n, 2) in [0, 1): where the crop begins, as a share of the way down and right.
    """
    height, width = images.shape[1:3]
    enlarged = tf.image.resize(images, (height + pixels, width + pixels))
    first = tf.cast(tf.floor(corners * (pixels + 1)), tf.int32)
    rows = tf.gather(enlarged, tf.range(height) + first[:, :1], axis=1, batch_dims=1)
    return tf.gather(rows, tf.range(width) + first[:, 1:], axis=2, batch_dims=1)


def flipped(images: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    """Mirrored left and right where the number, float32 (n, 1) in [0, 1), is below 1/2."""
    return tf.where(sides[:, :, None, None] < 0.5, images[:, :, ::-1], images)
