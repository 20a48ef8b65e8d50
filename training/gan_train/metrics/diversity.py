"""How varied a set of images is: the mean distance of each to its nearest neighbour in the set.

A collapsed generator that still shows a few modes keeps a large mean distance over all pairs; the nearest neighbour gives
it away.
"""

import numpy as np
from numpy.typing import ArrayLike

from gan_core.errors import UsageError
from gan_train.metrics.points import as_points, squared_distances


def neighbour_distance(images: ArrayLike) -> float:
    """Mean Euclidean distance of each image to the nearest other one, in units of the pixels; 0 if all are equal.

    It shrinks as the set grows: compare sets of the same size only.

    Args:
        images: (n, ...), uint8 images or float points; n of about 100 is meant, memory is of n x n.

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


def neighbour_ratio(made: ArrayLike, reals: ArrayLike) -> float:
    """`neighbour_distance` of generated images by that of real ones: about 1 in a healthy run, near 0 after a collapse.

    Of the larger set the first images are used, as many as the smaller one has. Against reals that are all equal, images
    that are so too have 1, others infinity.

    Args:
        made: (n, ...), in the same units as `reals`.
        reals: (m, ...).

    Raises:
        UsageError: fewer than two images in a set.
        DataError: a number is not finite.
    """
    generated, real = np.asarray(made), np.asarray(reals)
    count = min(len(generated), len(real))
    of_made, of_reals = neighbour_distance(generated[:count]), neighbour_distance(real[:count])
    if of_reals == 0:
        return 1.0 if of_made == 0 else float("inf")
    return of_made / of_reals
