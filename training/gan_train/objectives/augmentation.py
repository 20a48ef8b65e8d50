"""Random changes of real and generated images alike, before the discriminator sees them (DiffAugment, Zhao et al. 2020).

images = augment(images, ("flip", "colour", "translation", "cutout"), "symmetric", draw)

All of them can be differentiated, twice for penalties on input gradients, with the same bits each time. Random numbers, and
their order within a policy, are those of the authors' code (data-efficient-gans), drawn for each example.

Flips and translation read rows or columns by a gather: exact in every type and on every device, where products with shift
matrices round (TF32, bfloat16). Each pixel is read at most once, so its gradient is one addend and no order of summation can
change it. docs/measurements.md compares the speed of other ways.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from gan_train.numerics.randomness import Draw

_SPREAD = {"unit": 1.0, "symmetric": 2.0}
_SHIFT, _HOLE = 1 / 8, 1 / 2


def augment(images: tf.Tensor, policies: Sequence[str], image_range: str, draw: Draw) -> tf.Tensor:
    """The images after some policies in their order, with fresh random numbers for every example.

    Args:
        images: float32 or bfloat16 (n, height, width, channels), this replica's share of one global batch. Two batches are
            augmented before they are stacked. Only n may be unknown.
        policies: names of `POLICIES`.
        image_range: "unit" for [0, 1] or "symmetric" for [-1, 1]. Values may leave it, as in the authors' code.
        draw: source of the random numbers, one stream per policy.

    Returns:
        A tensor of the images' shape and type, computed in float32.
    """
    share = tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
    count = share * draw.replicas
    changed = tf.cast(images, tf.float32)
    for policy in policies:
        size, apply = POLICIES[policy]
        changed = apply(changed, draw.uniform(count, size), _SPREAD[image_range])
    return tf.cast(changed, images.dtype)


def _flip(images: tf.Tensor, numbers: tf.Tensor, _: float) -> tf.Tensor:
    """Images mirrored left and right with probability 1/2."""
    columns = tf.range(images.shape[2])
    return _read(images, tf.where(numbers < 0.5, columns[::-1], columns), axis=2)


def _colour(images: tf.Tensor, numbers: tf.Tensor, spread: float) -> tf.Tensor:
    """Brightness changed by up to a quarter of the range, then saturation times [0, 2), then contrast times [0.5, 1.5)."""
    brightness, saturation, contrast = (_per_image(numbers[:, place]) for place in range(3))
    images += (brightness - 0.5) * spread / 2
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = (images - grey) * (2 * saturation) + grey
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * (contrast + 0.5) + mean


def _translation(images: tf.Tensor, numbers: tf.Tensor, _: float) -> tf.Tensor:
    """Images moved by up to an eighth of each side; pixels that come into view are 0."""
    return _moved(_moved(images, numbers[:, 0], axis=1), numbers[:, 1], axis=2)


def _cutout(images: tf.Tensor, numbers: tf.Tensor, _: float) -> tf.Tensor:
    """Images with a rectangle of half of each side set to 0. Its centre is anywhere in the image, so part of it may lie
    outside.
    """
    rows = _inside_hole(images.shape[1], numbers[:, 0])
    columns = _inside_hole(images.shape[2], numbers[:, 1])
    hole = rows[:, :, None, None] & columns[:, None, :, None]
    return tf.where(hole, tf.zeros_like(images), images)


def _moved(images: tf.Tensor, numbers: tf.Tensor, axis: int) -> tf.Tensor:
    side = images.shape[axis]
    furthest = int(side * _SHIFT + 0.5)
    shifts = tf.cast(tf.floor(numbers * (2 * furthest + 1)), tf.int32) - furthest
    margins = [[furthest, furthest] if place == axis else [0, 0] for place in range(4)]
    return _read(tf.pad(images, margins), tf.range(side) + furthest - shifts[:, None], axis)


def _read(images: tf.Tensor, sources: tf.Tensor, axis: int) -> tf.Tensor:
    """Rows (axis 1) or columns (axis 2) of every image, by their indices, int32 (n, side)."""
    return tf.gather(images, sources, axis=axis, batch_dims=1)


def _inside_hole(side: int, numbers: tf.Tensor) -> tf.Tensor:
    """Which rows or columns of every image the rectangle covers, bool (n, side)."""
    length = int(side * _HOLE + 0.5)
    # An even hole has no middle pixel: its centre is a line between two, of which there is one more.
    centres = tf.cast(tf.floor(numbers * (side + 1 - length % 2)), tf.int32)
    places = tf.range(side) - (centres[:, None] - length // 2)
    return (places >= 0) & (places < length)


def _per_image(numbers: tf.Tensor) -> tf.Tensor:
    return numbers[:, None, None, None]


POLICIES: dict[str, tuple[int, Callable[[tf.Tensor, tf.Tensor, float], tf.Tensor]]] = {
    "flip": (1, _flip),
    "colour": (3, _colour),
    "translation": (2, _translation),
    "cutout": (2, _cutout),
}
"""Policies by name: how many random numbers an example takes, and the function that uses them."""
