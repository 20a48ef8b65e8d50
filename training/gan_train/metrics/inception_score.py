"""Inception Score (Salimans et al. 2016): exp of the mean divergence of each image's classes from those of all images.

It is 1 if all images show the same or none shows anything surely, and the number of classes if each is sure and all are
equally frequent. It is measured on ten parts of the images; which part an image is in follows from how many there are and a
seed (permutation.py), since images that come class by class would otherwise have parts of one class each.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_core.errors import UsageError
from gan_train.metrics.permutation import permutation
from gan_train.metrics.points import Points, as_points
from gan_train.metrics.spread import Spread
from gan_train.metrics.streaming import Streaming

SPLITS = 10
_EPSILON = 1e-16
"""Added to probabilities before their logarithm."""

_DROPPED = -1


@dataclass(frozen=True, eq=False)
class SplitSums:
    """The numbers that the score needs of each part; sums of two sets add up.

    Attributes:
        counts: int64 (splits,), images.
        probabilities: float64 (splits, classes), their sum.
        negentropy: float64 (splits,), sum of p log p over images and classes.
    """

    counts: NDArray[np.int64]
    probabilities: Points
    negentropy: NDArray[np.float64]

    @classmethod
    def of(cls, probabilities: ArrayLike, split: NDArray[np.int64], splits: int) -> Self:
        """The sums of class probabilities (n, classes), given the part of each, (n,); -1 is in none."""
        shares = as_points(probabilities)
        counts, sums, negentropy = np.zeros(splits, np.int64), np.zeros((splits, shares.shape[1])), np.zeros(splits)
        of_each = (shares * np.log(shares + _EPSILON)).sum(axis=1)
        for part in range(splits):
            here = split == part
            counts[part], sums[part], negentropy[part] = here.sum(), shares[here].sum(axis=0), of_each[here].sum()
        return cls(counts, sums, negentropy)

    def __add__(self, other: Self) -> Self:
        """The sums of both sets together."""
        return type(self)(
            self.counts + other.counts, self.probabilities + other.probabilities, self.negentropy + other.negentropy
        )

    def scores(self) -> NDArray[np.float64]:
        """The score of each part, float64 (splits,), each from 1 to the number of classes."""
        shares = self.probabilities / self.counts[:, None]
        divergence = self.negentropy / self.counts - (shares * np.log(shares + _EPSILON)).sum(axis=1)
        return np.exp(divergence)


def split_of_each(count: int, seed: int, splits: int = SPLITS) -> NDArray[np.int64]:
    """The part of each of `count` images by its position in the stream; -1 for those left over, fewer than `splits`.

    Raises UsageError if there are fewer images than parts.
    """
    size = count // splits
    if size == 0:
        raise UsageError(f"an Inception Score of {splits} parts needs {splits} images or more, not {count}; score more of them")
    part = permutation(count, seed) // size
    return np.where(part < splits, part, _DROPPED)


def streaming_splits(count: int, seed: int, splits: int = SPLITS) -> Streaming[SplitSums]:
    """Sums over batches of class probabilities (n, classes) of `count` images in all."""
    split = split_of_each(count, seed, splits)
    return Streaming(lambda shares, first: SplitSums.of(shares, split[first : first + len(shares)], splits))


def inception_score(sums: SplitSums) -> Spread:
    """Mean and standard deviation over the parts. Raises UsageError if parts are not of one size."""
    if np.unique(sums.counts).size > 1 or not sums.counts.all():
        raise UsageError("the Inception Score lacks images that were announced; score as many as were said")
    return Spread.of(sums.scores())
