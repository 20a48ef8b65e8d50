"""Random orders that depend on a count and a seed alone, not on the version of NumPy."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_SIZE = 10_000
"""Largest number of images whose features are stored for scores that compare each image with each."""


def permutation(count: int, *key: int) -> NDArray[np.int64]:
    """The numbers 0 to count - 1 in a random order, int64 (count,).

    NumPy guarantees the streams of its bit generators across versions, but not its shuffles; so the numbers are sorted by
    random bits.

    Args:
        count: how many numbers.
        key: whole numbers of at least 0 that determine the order, such as a seed and the number of a subset.
    """
    return np.argsort(np.random.PCG64(key).random_raw(count), kind="stable").astype(np.int64)


def sample_positions(count: int, seed: int, at_most: int = SAMPLE_SIZE) -> NDArray[np.int64]:
    """The positions of a random sample of `count` images, int64, ascending, known before the first image is computed."""
    return np.sort(permutation(count, seed)[:at_most])
