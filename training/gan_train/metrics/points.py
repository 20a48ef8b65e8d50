"""Images and features as points, and the distances between them."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_core.errors import DataError

Points = NDArray[np.float64]
"""float64 (n, d): n points of d numbers."""


def as_points(values: ArrayLike) -> Points:
    """Images or features (n, ...) of any number type as float64 (n, d). Raises DataError if a number is not finite."""
    array = np.asarray(values)
    points = array.reshape(len(array), math.prod(array.shape[1:])).astype(np.float64)
    if not np.isfinite(points).all():
        row = int(np.argmin(np.isfinite(points).all(axis=1)))
        raise DataError(
            f"number {row + 1} of {len(points)} has a feature that is not finite; "
            "the images or the weights of the extractor are damaged: make them again"
        )
    return points


def squared_distances(first: Points, second: Points) -> Points:
    """Squared Euclidean distances of all pairs, float64 (n, m), exact for whole numbers such as pixels.

    Args:
        first: (n, d).
        second: (m, d).
    """
    lengths = np.einsum("nd,nd->n", first, first)[:, None] + np.einsum("md,md->m", second, second)
    distances: Points = np.maximum(lengths - 2 * (first @ second.T), 0)
    return distances
