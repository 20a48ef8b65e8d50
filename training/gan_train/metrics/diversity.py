"""Measures of a set of images by their pixels alone: how they differ from each other, and from real ones.

The diversity of a set is the mean distance of each image to its nearest neighbour in the set.

The mean distance of all pairs misses a generator that collapsed to a few modes, because images of different modes are far
apart; the nearest neighbour of an image is then in its own mode, and close.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_core.errors import UsageError
from gan_train.metrics.points import as_points, squared_distances


def neighbour_distance(images: ArrayLike) -> float:
    """The mean Euclidean distance of each image to the nearest other image, in pixel units; 0 if all images are equal.

    The distance shrinks as the set grows, so only sets of one size compare.

    Args:
        images: (n, ...), uint8 images or float points; n is about 100 in use, memory grows with n^2.

    Raises:
        UsageError: fewer than two images.
        DataError: a number is not finite.
    """
    points = as_points(images)
    if len(points) < 2:
        raise UsageError(f"diversity needs two images or more, not {len(points)}; make more")
    distances = squared_distances(points, points)
    np.fill_diagonal(distances, np.inf)
    return float(np.sqrt(distances.min(axis=1)).mean())


def neighbour_ratio(generated: ArrayLike, reals: ArrayLike) -> float:
    """`neighbour_distance` of generated images divided by that of reals: about 1 in a healthy run, near 0 after a collapse.

    Only the first images of the larger set are used, as many as the smaller set has. If all reals are equal, the ratio is 1
    for generated images that are all equal as well, and infinite for others.

    Args:
        generated: (n, ...), in the same units as `reals`.
        reals: (m, ...).

    Raises:
        UsageError: fewer than two images in a set.
        DataError: a number is not finite.
    """
    fake, real = np.asarray(generated), np.asarray(reals)
    count = min(len(fake), len(real))
    fake_distance, real_distance = neighbour_distance(fake[:count]), neighbour_distance(real[:count])
    if real_distance == 0:
        return 1.0 if fake_distance == 0 else float("inf")
    return fake_distance / real_distance


def common_share(generated: ArrayLike, reals: ArrayLike) -> float:
    """The share, 0 to 1, of the difference between generated images and the mean real image that all of them have in common.

    The squared distance of the mean generated image to the mean real one, divided by the mean squared distance of generated
    images to the mean real one: near 0 where generated images differ as real ones do, near 1 where all are one image.

    Args:
        generated: (n, ...), in the same units as `reals`.
        reals: (m, ...).

    Raises:
        DataError: a number is not finite.
    """
    fake, real = as_points(generated), as_points(reals)
    centre = real.mean(axis=0)
    total = float(np.square(fake - centre).sum(axis=1).mean())
    return float(np.square(fake.mean(axis=0) - centre).sum()) / total if total else 1.0


def distance_ratio(generated: ArrayLike, reals: ArrayLike) -> float:
    """The mean distance of a generated image to the nearest real one, divided by the spread of the reals, which is the root
    mean square distance of a real image to the mean real one.

    Below 1 where generated images could be real ones, since a real image has a neighbour that is nearer than the mean image;
    above 1.5 for noise. Copies among the reals change it little. Infinite where all reals are equal.

    Args:
        generated: (n, ...), in the same units as `reals`.
        reals: (m, ...).

    Raises:
        DataError: a number is not finite.
    """
    fake, real = as_points(generated), as_points(reals)
    spread = float(np.sqrt(np.square(real - real.mean(axis=0)).sum(axis=1).mean()))
    nearest = float(np.sqrt(squared_distances(fake, real).min(axis=1)).mean())
    return nearest / spread if spread else float("inf")


def roughness_ratio(generated: ArrayLike, reals: ArrayLike) -> float:
    """How much neighbouring pixels of generated images differ for the images' contrast, divided by the same of real ones.

    Of a set of images it is the mean squared difference of pixels that touch, across and down, divided by the mean variance of
    the pixels of an image, von Neumann's ratio (1941) in two dimensions. About 1 where generated images are drawn in strokes
    and areas as real ones are; noise, stripes and checkerboards have several times the roughness of photographs or digits.

    Args:
        generated: (n, height, width, channels), in the same units as `reals`; height and width are 2 or more.
        reals: (m, height, width, channels).

    Returns:
        Infinite where a set has flat images alone, which have no contrast.
    """
    rough, real = _roughness(np.asarray(generated, np.float64)), _roughness(np.asarray(reals, np.float64))
    return rough / real if math.isfinite(rough) and 0 < real < math.inf else math.inf


def _roughness(images: NDArray[np.float64]) -> float:
    contrast = float(images.var(axis=(1, 2)).mean())
    across, down = (float(np.square(np.diff(images, axis=axis)).mean()) for axis in (1, 2))
    return (across + down) / contrast if contrast else math.inf


def distinct(images: ArrayLike) -> int:
    """Number of different images of a set."""
    return len(np.unique(np.asarray(images), axis=0))
