"""Inception Score (Salimans et al. 2016): exp of the mean KL divergence of each image's class distribution from their mean.

It is 1 if all images have one class distribution, and the number of classes if every image has a certain class and all
classes are equally frequent. It is computed on ten parts of the images. The part of an image follows from the number of
images and a seed (permutation.py), because images that arrive class by class would otherwise form parts of one class.
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
"""Added to probabilities before the logarithm, which zero has not."""

_DROPPED = -1


@dataclass(frozen=True, eq=False)
class SplitSums:
    """The sums over the images of each part from which the score is computed; those of two sets of images add up.

    Attributes:
        counts: numbers of images, int64 (splits,).
        probabilities: sums of class probabilities, float64 (splits, classes).
        negentropy: sums of p log p over images and classes, float64 (splits,).
    """

    counts: NDArray[np.int64]
    probabilities: Points
    negentropy: NDArray[np.float64]

    @classmethod
    def of(cls, probabilities: ArrayLike, split: NDArray[np.int64], splits: int) -> Self:
        """The sums of class probabilities (n, classes), given the part of each image, int (n,); -1 leaves an image out."""
        shares = as_points(probabilities)
        counts, sums, negentropy = np.zeros(splits, np.int64), np.zeros((splits, shares.shape[1])), np.zeros(splits)
        of_each = (shares * np.log(shares + _EPSILON)).sum(axis=1)
        for part in range(splits):
            here = split == part
            counts[part], sums[part], negentropy[part] = here.sum(), shares[here].sum(axis=0), of_each[here].sum()
        return cls(counts, sums, negentropy)

    def __add__(self, other: Self) -> Self:
        """The sums of both sets of images together."""
        return type(self)(
            self.counts + other.counts, self.probabilities + other.probabilities, self.negentropy + other.negentropy
        )

    def scores(self) -> NDArray[np.float64]:
        """The Inception Score of each part, float64 (splits,), from 1 to the number of classes."""
        shares = self.probabilities / self.counts[:, None]
        divergence = self.negentropy / self.counts - (shares * np.log(shares + _EPSILON)).sum(axis=1)
        return np.exp(divergence)


def split_of_each(count: int, seed: int, splits: int = SPLITS) -> NDArray[np.int64]:
    """The part of each of `count` images by its position in the stream, int64 (count,); -1 for the remainder of the division.

    Raises UsageError if there are fewer images than parts.
    """
    size = count // splits
    if size == 0:
        raise UsageError(f"an Inception Score of {splits} parts needs {splits} images or more, not {count}; score more of them")
    part = permutation(count, seed) // size
    return np.where(part < splits, part, _DROPPED)


def streaming_splits(count: int, seed: int, splits: int = SPLITS) -> Streaming[SplitSums]:
    """An accumulator for batches of class probabilities (n, classes), of `count` images in all."""
    split = split_of_each(count, seed, splits)
    return Streaming(lambda shares, first: SplitSums.of(shares, split[first : first + len(shares)], splits))


def inception_score(sums: SplitSums) -> Spread:
    """Mean and standard deviation of the Inception Score over the parts. Raises UsageError if their sizes differ."""
    if np.unique(sums.counts).size > 1 or not sums.counts.all():
        raise UsageError("the Inception Score got fewer images than were announced; score as many as were announced")
    return Spread.of(sums.scores())
