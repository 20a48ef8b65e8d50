"""Orders that follow from a count and a seed alone: the same with every version of NumPy, and whatever order files are in."""

import numpy as np
from numpy.typing import NDArray

KEPT = 10_000
"""The number of images whose features are kept for scores that need them all at once."""


def permutation(count: int, *key: int) -> NDArray[np.int64]:
    """The numbers 0 to count - 1 in an order of this key: whole numbers of at least 0, such as a seed and what it is for.

    NumPy promises that what its bit generators give stays as it is, but not its shuffles: so it is sorted by random keys.
    """
    return np.argsort(np.random.PCG64(key).random_raw(count), kind="stable").astype(np.int64)


def chosen(count: int, seed: int, at_most: int = KEPT) -> NDArray[np.int64]:
    """Positions of at most so many of `count` images, ascending: those to keep (kept.py), known before the first is seen."""
    return np.sort(permutation(count, seed)[:at_most])
