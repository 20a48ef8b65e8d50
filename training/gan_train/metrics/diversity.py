"""The diversity of a set of images: the mean distance of each image to its nearest neighbour in the set.

The mean distance of all pairs misses a generator that collapsed to a few modes, because images of different modes are far
apart; the nearest neighbour of an image is then in its own mode, and close.
"""

import numpy as np
from numpy.typing import ArrayLike

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
